"""What every page shows: the way around, and how old the picture of the farm is. Queried only where it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
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


def _open_changes(_: User) -> QuerySet[Any]:
    return ChangeRequest.objects.open()


def _active_jobs(_: User) -> QuerySet[Any]:
    return Job.objects.active()


def _unseen_notices(user: User) -> QuerySet[Any]:
    return Notice.objects.of(user).unseen()


_PLACES: tuple[tuple[str, str, str, Callable[[User], QuerySet[Any]] | None, str], ...] = (
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
    seen = [place for place in _PLACES if user.has_perm(place[2])]
    counts = _counts(user, {route: rows(user) for _, route, _, rows, _ in seen if rows})
    found = []
    for name, route, _, _, words in seen:
        url = reverse(route)
        is_here = request.path == url if url == "/" else request.path.startswith(url)
        found.append(Place(route, name, url, is_here, counts.get(route, 0), words))
    return found


def _counts(user: User, wanted: dict[str, QuerySet[Any]]) -> dict[str, int]:
    """How many rows each of these has, in one query."""
    if not wanted:
        return {}
    row = User.objects.filter(pk=user.pk).values_list(*map(_count, wanted.values())).first() or ()
    return dict(zip(wanted, row, strict=False))


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().annotate(all=Value(1)).values("all").annotate(count=Count("*")).values("count")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def farm_pictures(request: HttpRequest) -> list[FarmPicture]:
    user = getattr(request, "user", None)
    if user is None or not user.has_perm("lifecycle.view_vdisk"):
        return []
    off = FarmConnection.objects.filter(farm=OuterRef("pk"), verify=FarmConnection.Verify.OFF)
    down = Server.objects.filter(farm=OuterRef("pk"), status=ServerStatus.DOWN, gone_at=None)
    farms = Farm.objects.annotate(
        unverified=ArraySubquery(off.order_by("host").values("host")),
        down=ArraySubquery(down.order_by("name").values("name")),
    )
    return [FarmPicture(farm, tuple(farm.unverified), tuple(farm.down)) for farm in farms.order_by("name")]
