"""Times by the clock: five cron fields in a named time zone, as Debian's cron reads them.

A time that the clocks skip in spring comes right after the gap; one that they pass twice in autumn counts once. Where
minute or hour begins with ``*``, times follow the clock as it is shown: none within the gap, all in both hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from lifecycle.errors import Incomplete

FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day-of-month", "1 to 31, or L for the last"),
    ("month", "1 to 12, or JAN to DEC"),
    ("day-of-week", "0 to 7, or SUN to SAT; 0 and 7 are Sunday"),
)
_DAYS = frozenset(str(day) for day in range(1, 32))


@cache
def zone_names() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime"})


def zone(name: str) -> ZoneInfo:
    """Incomplete on ``time_zone`` when this machine knows no such zone."""
    if name not in zone_names():
        raise Incomplete("time_zone", f"“{name}” is no time zone that the portal knows; write it as Europe/Berlin.")
    return ZoneInfo(name)


def check(cron: str, time_zone: str, after: datetime) -> None:
    """Incomplete on ``cron`` or ``time_zone``, with what is wrong; a time after ``after`` must exist."""
    if next_time(cron, time_zone, after) is None:
        raise Incomplete("cron", "No day fits these fields within the next fifty years.")


def next_time(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """The first time later than ``after``, in UTC."""
    return next(times(cron, time_zone, after), None)


def next_times(cron: str, time_zone: str, after: datetime, count: int) -> list[datetime]:
    return list(islice(times(cron, time_zone, after), count))


def last_time(cron: str, time_zone: str, *, since: datetime, until: datetime) -> datetime | None:
    """The last time within these two, both included; looks at each one, so the span should be short."""
    last = None
    for moment in _until(cron, time_zone, since, until):
        last = moment
    return last


def count_times(cron: str, time_zone: str, *, since: datetime, until: datetime, most: int) -> int:
    """How many times within these two, both included; ``most`` when they are as many or more."""
    return sum(1 for _ in islice(_until(cron, time_zone, since, until), most))


def times(cron: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    """All times later than ``after``, in UTC, each once and in order."""
    source = _source(cron, after.astimezone(zone(time_zone)))
    for found in source:
        moment = found.astimezone(UTC)
        if moment > after:  # in the hour that comes twice, and after a gap, the source goes back or repeats itself
            yield moment
            after = moment


def explain(cron: str) -> str:
    """``At 02:30 on Sunday``."""
    return _source(cron, datetime.now(UTC)).explain()


def _until(cron: str, time_zone: str, since: datetime, until: datetime) -> Iterator[datetime]:
    for moment in times(cron, time_zone, since - timedelta(microseconds=1)):
        if moment > until:
            return
        yield moment


def _source(cron: str, after: datetime) -> CronSim:
    parts = cron.split()
    if len(parts) != len(FIELDS):
        named = ", ".join(name for name, _ in FIELDS)
        raise Incomplete("cron", f"Five fields are needed ({named}), and these are {len(parts)}.")
    try:
        return CronSim(cron, after)
    except CronSimError as error:
        raise Incomplete("cron", _wrong(parts, str(error))) from error


def _wrong(parts: list[str], words: str) -> str:
    """CronSim names the field; say what stands there and what may."""
    for (name, allowed), part in zip(FIELDS, parts, strict=True):
        if words.endswith(name) and name == "day-of-month" and part in _DAYS:
            return f"None of these months has a day {part}."
        if words.endswith(name):
            return f"The {name} “{part}” makes no sense: {allowed}; also *, lists, ranges and steps such as */15."
    return f"These fields make no sense: {words}."
