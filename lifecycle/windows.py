"""Maintenance windows: when one is open, and what people do with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from lifecycle import cron
from lifecycle.errors import Incomplete, NotNow
from lifecycle.models import AuditEntry, Schedule, Window
from lifecycle.schedules import check_manager, one_of_a_name

LONGEST = timedelta(days=7)
FIRST_LOOK = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What a person says of a window."""

    name: str
    cron: str
    time_zone: str
    minutes: int

    def checked(self, now: datetime) -> Opening:
        if not self.name.strip():
            raise Incomplete("name", "Give it a name; schedules and pages call it so.")
        if not 1 <= self.minutes <= LONGEST // timedelta(minutes=1):
            raise Incomplete("minutes", "It stays open from 1 minute to 7 days (10080 minutes).")
        cron.check(self.cron, self.time_zone, now)
        return replace(self, name=self.name.strip(), cron=" ".join(self.cron.split()))

    def values(self) -> dict[str, Any]:
        return {"name": self.name, "cron": self.cron, "time_zone": self.time_zone, "minutes": self.minutes}


def opened_at(window: Window, at: datetime) -> datetime | None:
    """Since when it is open at this moment; None while it is closed."""
    return _opened_at(window.cron, window.time_zone, timedelta(minutes=window.minutes), at)


def closes_at(window: Window, begun: datetime) -> datetime:
    """When the window closes in which something was appointed for ``begun``."""
    length = timedelta(minutes=window.minutes)
    return (_remembered(window.cron, window.time_zone, length, begun) or begun) + length


def _opened_at(fields: str, time_zone: str, length: timedelta, at: datetime) -> datetime | None:
    """The last opening. Near ones are looked for first: a week may have ten thousand of them."""
    span = FIRST_LOOK
    while True:
        found = cron.last_time(fields, time_zone, since=at - min(span, length), until=at)
        if found or span >= length:
            return found if found and found + length > at else None
        span *= 4


_remembered = lru_cache(maxsize=4096)(_opened_at)
"""For the moments of appointments, which are asked for each second while their jobs wait."""


def make(opening: Opening, *, by: User) -> Window:
    check_manager(by)
    window = Window(**opening.checked(timezone.now()).values())
    with one_of_a_name(window.name), transaction.atomic():
        window.save(force_insert=True)
        AuditEntry.objects.record(by=by, action="window.create", on=window, detail=opening.values())
    return window


def change(window: Window, opening: Opening, *, by: User) -> None:
    """Its schedules come at the new times from now on; those that are paused stay so."""
    check_manager(by)
    now = timezone.now()
    values = opening.checked(now).values()
    with one_of_a_name(opening.name), transaction.atomic():
        of_it = Schedule.objects.filter(window=window, paused_at=None).order_by("pk")
        following = list(of_it.select_for_update().values_list("pk", flat=True))
        row = _locked(window)
        changed = {
            name: f"{getattr(row, name)} → {value}" for name, value in values.items() if getattr(row, name) != value
        }
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
        next_at = cron.next_time(row.cron, row.time_zone, now)
        Schedule.objects.filter(pk__in=following).update(next_at=next_at)
        AuditEntry.objects.record(by=by, action="window.change", on=row, detail=changed)


def remove(window: Window, *, by: User) -> None:
    check_manager(by)
    with transaction.atomic():
        row = _locked(window)
        detail = {"cron": row.cron, "time_zone": row.time_zone, "minutes": row.minutes}
        try:
            with transaction.atomic():
                row.delete()
        except ProtectedError as error:
            names = ", ".join(f"“{name}”" for name in window.schedules.values_list("name", flat=True))
            raise NotNow(f"Schedules run in this window: {names}. Give them other times first.") from error
        AuditEntry.objects.record(by=by, action="window.remove", on=window, detail=detail)


def _locked(window: Window) -> Window:
    found = Window.objects.select_for_update().filter(pk=window.pk).first()
    if found is None:
        raise NotNow(f"The window “{window.name}” was removed meanwhile.")
    return found
