"""Targets: which version each one booted, and whether that is right. The helpdesk's pages."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from lifecycle.models import Assignment, ChangeRequest, ProductionChange, Target, Version
from lifecycle.models.targets import TargetQuerySet
from lifecycle.states import ChangeState
from lifecycle.verdicts import VerdictCode
from portal.forms.fields import sensible
from portal.forms.targets import TargetFilter
from portal.http import PortalRequest, needs, page
from portal.pages import paginated
from portal.pictures.differences import Compared, between

BOOTS_SHOWN = 50


@require_safe
@needs("lifecycle.view_target")
def targets(request: PortalRequest) -> HttpResponse:
    form = TargetFilter(request.GET)
    wanted = sensible(form)
    found = Target.objects.none() if "text" in form.errors else _filtered(wanted)
    verdict = wanted.get("verdict")
    rows = found.filter(verdict=verdict) if verdict else found
    context = {
        "form": form,
        "verdicts": _verdicts(request, found, verdict or ""),
        **paginated(request, rows.for_list().order_by("name", "id")),
    }
    return page(request, "targets/targets.html", context, fragment="targets/_list.html")


@require_safe
@needs("lifecycle.view_target")
def target(request: PortalRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Target.objects.for_list().select_related("farm", "collection__site"), pk=pk)
    context = {
        "target": found,
        "assigned": list(found.vdisks.order_by("name")),
        "boots": list(found.boots.select_related("vdisk")[:BOOTS_SHOWN]),
        **_what_changed(found),
        "found": _inside(request, found),
    }
    return page(request, "targets/target.html", context, fragment="targets/_target.html")


def _filtered(wanted: dict[str, Any]) -> TargetQuerySet:
    """Everything but the verdict, which the page counts."""
    found = Target.objects.present().search(wanted.get("text") or "")
    if wanted.get("collection"):
        found = found.filter(collection=wanted["collection"])
    if wanted.get("vdisk"):
        assigned = Assignment.objects.filter(vdisk=wanted["vdisk"]).values("target")
        found = found.filter(Q(booted_vdisk=wanted["vdisk"]) | Q(pk__in=assigned))
    if wanted.get("version") is not None:
        found = found.filter(booted_version=wanted["version"], active=True)
        if wanted.get("vdisk"):
            found = found.filter(booted_vdisk=wanted["vdisk"])
    return found


def _verdicts(request: PortalRequest, found: TargetQuerySet, chosen: str) -> list[dict[str, Any]]:
    """A link per verdict with its count, the worrying ones too when they are none."""
    counts = dict(found.order_by().values_list("verdict").annotate(Count("id")))
    links = []
    for code in VerdictCode:
        if counts.get(code) or code == chosen:
            address = request.GET.copy()
            address.pop("page", None)
            address["verdict"] = "" if code == chosen else code.value
            links.append(
                {"code": code, "count": counts.get(code, 0), "query": address.urlencode(), "is_chosen": code == chosen}
            )
    return links


def _inside(request: PortalRequest, found: Target) -> Compared | None:
    """What is different inside: from the version it runs to the one it would boot next."""
    if found.booted_vdisk is None or not found.active or not request.user.has_perm("lifecycle.view_content"):
        return None
    return between(found.booted_vdisk, found.booted_version, found.expected_version)


def _what_changed(found: Target) -> dict[str, Any]:
    """What lies between the version it runs and the one it should: versions, why they were promoted, and when."""
    vdisk, runs, should = found.booted_vdisk, found.booted_version, found.expected_version
    if vdisk is None or runs is None or should is None or runs == should or not found.active:
        return {}
    low, high = sorted((runs, should))
    between = {"vdisk": vdisk, "number__gt": low, "number__lte": high}
    reasons = ChangeRequest.objects.filter(
        vdisk=vdisk, version_number__gt=low, version_number__lte=high, state=ChangeState.DONE
    )
    return {
        "is_behind": runs < should,
        "versions_between": list(Version.objects.filter(**between).order_by("-number", "-id")),
        "reasons": list(reasons.order_by("-version_number", "-id")),
        "production_changes": list(
            ProductionChange.objects.filter(vdisk=vdisk, number__gte=low, number__lte=high)[:20]
        ),
    }
