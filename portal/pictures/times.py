"""Appointed times as people read them: on a clock of the zone they were made for, and how far away they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from lifecycle import cron, schedules
from lifecycle.errors import Incomplete
from lifecycle.models import Schedule, ScheduleRun, Window
from portal.pictures.words import exact

SHOWN = 5


@dataclass(frozen=True)
class Appointed:
    """One time to come. ``here`` is the same on the portal's clock, empty where that shows the same."""

    at: datetime
    zone: str
    words: str
    here: str
    ahead: str


@dataclass(frozen=True)
class ScheduleRow:
    """A schedule in a list: when it comes, and what came of it last."""

    schedule: Schedule
    times: str
    next: Appointed | None
    last: ScheduleRun | None


def appointed(at: datetime, zone: str, now: datetime) -> Appointed:
    local = at.astimezone(ZoneInfo(zone))
    here = timezone.localtime(at)
    same = local.utcoffset() == here.utcoffset()
    return Appointed(at, zone, wall(at, zone), "" if same else f"{exact(at)} on the portal's clock", ahead(at, now))


def wall(at: datetime, zone: str) -> str:
    """As a clock on the wall shows it there: ``Sun 2026-03-29 03:00``."""
    return f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}"


def ahead(at: datetime, now: datetime) -> str:
    """``in 3 d 4 h``, ``in 12 min``, ``now``."""
    minutes = int((at - now).total_seconds() // 60)
    if minutes < 1:
        return "now"
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"in {days} d {hours} h" if hours else f"in {days} d"
    return (f"in {hours} h {minutes} min" if minutes else f"in {hours} h") if hours else f"in {minutes} min"


def preview(fields: str, zone: str, now: datetime) -> tuple[list[Appointed], str]:
    """The next times, and why there are none."""
    try:
        cron.check(fields, zone, now)
        return [appointed(at, zone, now) for at in cron.next_times(fields, zone, now, SHOWN)], ""
    except Incomplete as error:
        return [], str(error)


def in_words(fields: str, zone: str) -> str:
    """``At 02:30 on Sunday (Europe/Berlin)``; the fields themselves where they cannot be read."""
    try:
        return f"{cron.explain(fields)} ({zone})"
    except Incomplete:
        return f"{fields} ({zone})"


def of_window(window: Window) -> str:
    return in_words(window.cron, window.time_zone)


def of_schedule(schedule: Schedule) -> str:
    return in_words(*schedules.clock(schedule))


def rows(found: Iterable[Schedule], now: datetime) -> list[ScheduleRow]:
    """With one query for what came last of them all."""
    all_of_them = list(found)
    newest = ScheduleRun.objects.filter(schedule__in=all_of_them).order_by("schedule_id", "-due_at", "-id")
    last = {run.schedule_id: run for run in newest.distinct("schedule_id").select_related("job")}
    return [ScheduleRow(each, of_schedule(each), next_of(each, now), last.get(each.pk)) for each in all_of_them]


def next_of(schedule: Schedule, now: datetime) -> Appointed | None:
    return appointed(schedule.next_at, schedules.clock(schedule)[1], now) if schedule.next_at else None


def following(schedule: Schedule, now: datetime) -> dict[str, Any]:
    """For the preview on a schedule's own page."""
    times, why_none = preview(*schedules.clock(schedule), now)
    return {"times": times, "why_none": why_none, "zone": schedules.clock(schedule)[1]}
