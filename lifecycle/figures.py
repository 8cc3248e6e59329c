"""What there is to do and what came of it, in numbers: jobs by state, what failed ones keep, schedules, farms.

What runs at this moment is told by lifecycle/operating.py. Each function is one query or two, whatever there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, F, Min, Q
from django.db.models.functions import Now

from lifecycle.models import Farm, Job, Schedule
from lifecycle.states import ACTIVE_JOB_STATES, JobState

LAST_DAY = timedelta(days=1)
LATE_SCHEDULE = timedelta(minutes=1)
SHOWN = 20
QUANTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True)
class JobCounts:
    """``active``: by state, now. ``ended``: those of the last day, by state. A state without jobs counts 0."""

    active: dict[JobState, int]
    ended: dict[JobState, int]


def job_counts() -> JobCounts:
    states = Job.objects.order_by().values_list("state")
    active = dict(states.filter(state__in=sorted(ACTIVE_JOB_STATES)).annotate(Count("pk")))
    ended = dict(states.filter(ended_at__gte=Now() - LAST_DAY).annotate(Count("pk")))
    return JobCounts(
        {state: active.get(state, 0) for state in JobState if state in ACTIVE_JOB_STATES},
        {state: ended.get(state, 0) for state in JobState if state not in ACTIVE_JOB_STATES},
    )


@dataclass(frozen=True)
class Keeping:
    """Jobs that failed or were cancelled and left something in place.

    ``undecided``: its time is over, and a person must decide. ``jobs``: the first SHOWN, the undecided
    ones on top, then what ends soonest.
    """

    count: int
    undecided: int
    next_end: datetime | None
    jobs: list[Job]


def keeping() -> Keeping:
    rows = Job.objects.filter(~Q(kept=""), cleaned_up_at=None, ended_at__isnull=False)
    found = rows.aggregate(
        count=Count("pk"), undecided=Count("pk", filter=Q(kept_until=None)), next_end=Min("kept_until")
    )
    order = (F("kept_until").asc(nulls_first=True), "-ended_at")
    return Keeping(jobs=list(rows.select_related("requested_by").order_by(*order)[:SHOWN]), **found)


@dataclass(frozen=True)
class ScheduleCounts:
    """``late``: their time has passed by more than a minute and nothing was done. ``rows``: the first SHOWN paused."""

    active: int
    paused: int
    late: int
    rows: list[Schedule]


def schedule_counts() -> ScheduleCounts:
    found = Schedule.objects.aggregate(
        active=Count("pk", filter=Q(paused_at=None)),
        paused=Count("pk", filter=Q(paused_at__isnull=False)),
        late=Count("pk", filter=Q(next_at__lte=Now() - LATE_SCHEDULE)),
    )
    paused = Schedule.objects.filter(paused_at__isnull=False).select_related("vdisk", "owner").order_by("-paused_at")
    return ScheduleCounts(rows=list(paused[:SHOWN]), **found)


def farms() -> list[Farm]:
    return list(Farm.objects.order_by("name"))


@dataclass(frozen=True)
class Durations:
    """Of jobs of one kind that succeeded within the last day: seconds from start to end, by quantile."""

    kind: str
    count: int
    seconds: dict[float, float]


_NEWEST = 5000
_DURATIONS = f"""
SELECT kind, count(*), percentile_cont(%s::float8[]) WITHIN GROUP (ORDER BY seconds) FROM (
    SELECT kind, extract(epoch FROM ended_at - started_at)::float8 AS seconds FROM lifecycle_job
    WHERE state = '{JobState.SUCCEEDED.value}' AND started_at IS NOT NULL AND ended_at >= now() - interval '1 day'
    ORDER BY ended_at DESC LIMIT {_NEWEST}
) newest GROUP BY kind ORDER BY kind
"""  # noqa: S608  only our own constants are written into it


def durations() -> list[Durations]:
    """By kind, of at most 5,000 jobs; kinds of which none succeeded lately are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_DURATIONS, [list(QUANTILES)])
        rows: list[tuple[str, int, list[float]]] = cursor.fetchall()
    return [Durations(kind, count, dict(zip(QUANTILES, found, strict=True))) for kind, count, found in rows]
