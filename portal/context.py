"""What every page shows: the way around, and how old the picture of the farm is. Queried only where it is drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse

from lifecycle.models import ChangeRequest, Farm, FarmConnection, Job, Notice, Server
from lifecycle.states import ServerStatus


@dataclass(frozen=True)
class Place:
    """One entry of the navigation; ``waiting`` counts what wants attention there."""

    key: str
    name: str
    url: str
    is_here: bool
    waiting: int = 0
    waiting_words: str = ""


@dataclass(frozen=True)
class FarmPicture:
    farm: Farm
    unverified: tuple[str, ...]
    down: tuple[str, ...]


def _open_changes(_: User) -> int:
    return ChangeRequest.objects.open().count()


def _active_jobs(_: User) -> int:
    return Job.objects.active().count()


def _unseen_notices(user: User) -> int:
    return Notice.objects.of(user).unseen().count()


_PLACES: tuple[tuple[str, str, str, Callable[[User], int] | None, str], ...] = (
    ("Board", "board", "lifecycle.view_vdisk", None, ""),
    ("Contents", "contents", "lifecycle.view_content", _unseen_notices, "new findings of kept searches"),
    ("Changes", "changes", "lifecycle.view_changerequest", _open_changes, "open"),
    ("Jobs", "jobs", "lifecycle.view_job", _active_jobs, "active"),
    ("Schedules", "schedules", "lifecycle.view_schedule", None, ""),
    ("Targets", "targets", "lifecycle.view_target", None, ""),
    ("Portfolio", "portfolio", "lifecycle.view_package", None, ""),
    ("Packages", "packages", "lifecycle.view_package", None, ""),
    ("Audit", "audit", "lifecycle.view_auditentry", None, ""),
    ("Operations", "operations", "lifecycle.view_operations", None, ""),
)


def page(request: HttpRequest) -> dict[str, Any]:
    return {"places": lambda: places(request), "farm_pictures": lambda: farm_pictures(request)}


def places(request: HttpRequest) -> list[Place]:
    """The pages that this person may open."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    found = []
    for name, route, permission, count, words in _PLACES:
        if user.has_perm(permission):
            url = reverse(route)
            is_here = request.path == url if url == "/" else request.path.startswith(url)
            found.append(Place(route, name, url, is_here, count(user) if count else 0, words))
    return found


def farm_pictures(request: HttpRequest) -> list[FarmPicture]:
    user = getattr(request, "user", None)
    if user is None or not user.has_perm("lifecycle.view_vdisk"):
        return []
    off = FarmConnection.objects.filter(verify=FarmConnection.Verify.OFF).values_list("farm_id", "host")
    down = Server.objects.filter(status=ServerStatus.DOWN, gone_at=None).order_by("name").values_list("farm_id", "name")
    unverified_of, down_of = _by_farm(off), _by_farm(down)
    return [
        FarmPicture(farm, tuple(unverified_of[farm.pk]), tuple(down_of[farm.pk]))
        for farm in Farm.objects.order_by("name")
    ]


def _by_farm(rows: Iterable[tuple[int, str]]) -> defaultdict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    for farm_id, name in rows:
        found[farm_id].append(name)
    return found
