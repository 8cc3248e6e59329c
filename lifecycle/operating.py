"""What runs the portal at this moment: workers, the queue, what is late, and who holds what. Read only.

Times are compared by the database's clock. Each function is one query or two, whatever there is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Q
from django.db.models.functions import Coalesce, Greatest, Now

from lifecycle import claims
from lifecycle.claims import Blocker
from lifecycle.models import Hold, Job, Worker

LATE_AFTER = timedelta(seconds=10)
INTERVALS_OF_SILENCE = 3
SHOW_GONE_FOR = timedelta(hours=1)


class Condition(StrEnum):
    ALIVE = "alive"
    DRAINING = "draining"  # takes no more work, still has some
    DRAINED = "drained"  # has nothing in hand
    STOPPED = "stopped"  # said goodbye
    DEAD = "dead"  # silent for too long


LIVE = frozenset({Condition.ALIVE, Condition.DRAINING, Condition.DRAINED})


@dataclass(frozen=True)
class Busy:
    """``job_id`` is None for other work, such as reading a farm."""

    task: str
    job_id: int | None
    since: datetime


@dataclass(frozen=True)
class Sessions:
    """The remote sessions of one process with one host. ``resting``: it did not answer a moment ago."""

    host: str
    open: int
    in_use: int
    limit: int
    resting: bool


@dataclass(frozen=True)
class WorkerNow:
    id: int
    role: Worker.Role
    name: str
    machine: str
    process: int
    threads: int
    release: str
    condition: Condition
    started_at: datetime
    seen_at: datetime
    silent_seconds: float
    stopped_at: datetime | None
    drain_asked_at: datetime | None
    drain_asked_by: str
    drained_at: datetime | None
    busy: tuple[Busy, ...]
    sessions: tuple[Sessions, ...]
    memory_mib: float | None

    @property
    def is_live(self) -> bool:
        return self.condition in LIVE


@dataclass(frozen=True)
class JobNow:
    """A job that should have begun. ``since``: when it fell due; ``seconds``: how long that is ago."""

    id: int
    title: str
    kind: str
    requested_by: str
    since: datetime
    seconds: float


@dataclass(frozen=True)
class OldestWaiting:
    job: JobNow
    blockers: list[Blocker]


@dataclass(frozen=True)
class QueueNow:
    """Active jobs, each counted once, except that ``late`` ones are among ``due``.

    ``queued``: not let in yet; ``due``: let in, due, and no worker has it; ``working``: a worker has it; ``waiting``:
    due later, an outside answer is waited for.
    """

    queued: int
    due: int
    late: int
    working: int
    waiting: int
    longest_late_seconds: float
    longest_queued_seconds: float


@dataclass(frozen=True)
class Lock:
    """One place of a resource that a job holds. ``places`` is the limit now, None when it was lifted meanwhile."""

    resource: str
    name: str
    slot: int
    places: int | None
    job_id: int
    title: str
    requested_by: str
    since: datetime
    seconds: float


@dataclass(frozen=True)
class Capacity:
    """A resource that jobs hold or wait for. ``places`` is the limit, None when it is not counted (any more)."""

    resource: str
    name: str
    places: int | None
    held: int
    wanted: int


def silence() -> timedelta:
    """Whoever was silent for longer is dead."""
    return INTERVALS_OF_SILENCE * timedelta(seconds=settings.PORTAL_PRESENCE_SECONDS)


def is_alive(worker: Worker) -> bool:
    return Worker.objects.filter(pk=worker.pk, stopped_at=None, seen_at__gte=Now() - silence()).exists()


def workers_now(*, gone_for: timedelta = SHOW_GONE_FOR) -> list[WorkerNow]:
    """Workers and beats, the live ones and those that went away within ``gone_for``."""
    rows = Worker.objects.filter(seen_at__gte=Now() - gone_for).select_related("drain_asked_by")
    return [_worker_now(row) for row in rows.annotate(silent=_ago(F("seen_at")))]


def queue_now() -> QueueNow:
    counts = Job.objects.active().aggregate(
        queued=Count("pk", filter=_QUEUED),
        due=Count("pk", filter=_due()),
        late=Count("pk", filter=_due(LATE_AFTER)),
        working=Count("pk", filter=_HAS_WORKER),
        waiting=Count("pk", filter=Q(admitted_at__isnull=False, due_at__gt=Now()) & _FREE),
        queued_for=_ago(Min("due_at", filter=_QUEUED)),
    )
    queued_for: timedelta | None = counts.pop("queued_for")
    late = late_jobs(limit=1) if counts["late"] else []
    return QueueNow(
        **counts,
        longest_late_seconds=late[0].seconds if late else 0.0,
        longest_queued_seconds=queued_for.total_seconds() if queued_for else 0.0,
    )


def late_jobs(*, limit: int = 50) -> list[JobNow]:
    """Due for longer than LATE_AFTER and not begun: workers are too few, away, or cannot be reached. Longest first."""
    late = Job.objects.active().filter(_due(LATE_AFTER)).annotate(since=_FELL_DUE).order_by("since", "pk")
    return _jobs_now(late, limit)


def oldest_waiting() -> OldestWaiting | None:
    """The job that is queued for longest, and why it still is."""
    queued = Job.objects.active().filter(_QUEUED).annotate(since=F("due_at")).order_by("due_at", "pk")
    found = _jobs_now(queued, 1)
    if not found:
        return None
    return OldestWaiting(found[0], claims.waits_for(Job.objects.get(pk=found[0].id)))


def locks_now(*, limit: int = 500) -> list[Lock]:
    """Who holds what, longest first."""
    holds = Hold.objects.select_related("job__requested_by").annotate(held_for=_ago(F("since")))
    rows = list(holds.order_by("since", "pk")[:limit])
    names = claims.names_of(row.resource for row in rows)
    return [
        Lock(
            resource=row.resource,
            name=names[row.resource],
            slot=row.slot,
            places=claims.limit(row.resource),
            job_id=row.job_id,
            title=row.job.title,
            requested_by=row.job.requested_by.get_username(),
            since=row.since,
            seconds=row.held_for.total_seconds(),
        )
        for row in rows
    ]


def capacities_now() -> list[Capacity]:
    """Every resource that is held or waited for, the most wanted first."""
    held = Counter(Hold.objects.values_list("resource", flat=True))
    queued = Job.objects.active().filter(_QUEUED).values_list("needs", flat=True)
    wanted = Counter(need for needs in queued for need in needs)
    names = claims.names_of([*held, *wanted])
    found = [Capacity(key, name, claims.limit(key), held[key], wanted[key]) for key, name in names.items()]
    return sorted(found, key=lambda one: (-one.wanted, -one.held, one.name))


_FREE = Q(lease_until=None) | Q(lease_until__lt=Now())
_HAS_WORKER = Q(lease_until__gte=Now())
_QUEUED = Q(admitted_at=None) & _FREE
_FELL_DUE = Greatest(F("due_at"), Coalesce(F("admitted_at"), F("due_at")))


def _due(longer_than: timedelta = timedelta(0)) -> Q:
    """Let in, due for so long, and nobody has it."""
    moment = Now() - longer_than
    return Q(admitted_at__lte=moment, due_at__lte=moment) & _FREE


def _ago(moment: Any) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(Now() - moment, output_field=DurationField())


def _jobs_now(jobs: Any, limit: int) -> list[JobNow]:
    """``jobs`` bears an annotation ``since``."""
    rows = jobs.select_related("requested_by").annotate(ago=_ago(F("since")))[:limit]
    return [
        JobNow(
            id=row.pk,
            title=row.title,
            kind=row.kind,
            requested_by=row.requested_by.get_username(),
            since=row.since,
            seconds=row.ago.total_seconds(),
        )
        for row in rows
    ]


def _worker_now(row: Any) -> WorkerNow:
    return WorkerNow(
        id=row.pk,
        role=Worker.Role(row.role),
        name=row.name,
        machine=row.machine,
        process=row.process,
        threads=row.threads,
        release=row.release,
        condition=_condition(row),
        started_at=row.started_at,
        seen_at=row.seen_at,
        silent_seconds=max(row.silent.total_seconds(), 0.0),
        stopped_at=row.stopped_at,
        drain_asked_at=row.drain_asked_at,
        drain_asked_by=row.drain_asked_by.get_username() if row.drain_asked_by else "",
        drained_at=row.drained_at,
        busy=tuple(_busy(one) for one in row.busy),
        sessions=tuple(Sessions(**one) for one in row.sessions),
        memory_mib=row.memory_mib,
    )


def _condition(row: Any) -> Condition:
    if row.stopped_at:
        return Condition.STOPPED
    if row.silent > silence():
        return Condition.DEAD
    if row.drained_at:
        return Condition.DRAINED
    return Condition.DRAINING if row.drain_asked_at else Condition.ALIVE


def _busy(one: dict[str, Any]) -> Busy:
    return Busy(task=one["task"], job_id=one["job"], since=datetime.fromisoformat(one["since"]))
