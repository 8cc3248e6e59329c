"""The home page: every vDisk of the farm as a road from maintenance to production."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lifecycle import schedules
from lifecycle.models import ChangeRequest, Job, VDisk
from lifecycle.states import LIVE_CHANGE_STATES
from portal.http import PortalRequest, needs, page
from portal.pictures.keeping import ends_soon
from portal.pictures.lanes import road


@require_safe
@needs("lifecycle.view_vdisk")
def board(request: PortalRequest) -> HttpResponse:
    jobs = _by_vdisk(_active_jobs(request))
    changes = _by_vdisk(_live_changes(request))
    roads = [
        road(vdisk, jobs=jobs[vdisk.pk], changes=changes[vdisk.pk])
        for vdisk in VDisk.objects.present().with_chain().order_by("name")
    ]
    context = {
        "roads": roads,
        "may_operate": request.user.has_perm("lifecycle.operate_version"),
        "ends_soon": ends_soon(request.user),
        "stopped": schedules.stopped() if request.user.has_perm("lifecycle.view_schedule") else [],
    }
    return page(request, "board/board.html", context, fragment="board/_roads.html")


@require_safe
@needs("lifecycle.view_vdisk")
def farm_status(request: PortalRequest) -> HttpResponse:
    """The line in the header that says how old the picture is; pages refresh it by itself."""
    return render(request, "partials/farm_status.html")


def _active_jobs(request: PortalRequest) -> list[Job]:
    if not request.user.has_perm("lifecycle.view_job"):
        return []
    return list(Job.objects.active().filter(vdisk__isnull=False).for_list())


def _live_changes(request: PortalRequest) -> list[ChangeRequest]:
    if not request.user.has_perm("lifecycle.view_changerequest"):
        return []
    return list(ChangeRequest.objects.filter(state__in=sorted(LIVE_CHANGE_STATES)).for_list())


def _by_vdisk(rows: list[Any]) -> defaultdict[int, tuple[Any, ...]]:
    found: defaultdict[int, tuple[Any, ...]] = defaultdict(tuple)
    for row in rows:
        found[row.vdisk_id] += (row,)
    return found
