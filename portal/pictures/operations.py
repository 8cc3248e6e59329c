"""What the operations page shows, put together from the figures of the domain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from lifecycle import claims, figures, operating
from lifecycle.models import Farm, Job, Store, Worker
from lifecycle.operating import Capacity, Condition, JobNow, Lock, OldestWaiting, QueueNow, Sessions, WorkerNow
from lifecycle.states import JobState
from lifecycle.troubles import Trouble, in_service, troubles
from portal import queues

MOST_LATE = 20
MOST_RESOURCES = 60
MOST_HOLDERS = 6
MOST_STORES = 30
GONE_FOR = timedelta(hours=1)
"""A process that has left stays in sight for so long: whoever updates workers one by one sees them go."""

_OTHER_TASKS = {"builders.sync_farm": "reads the farm", "builders.tick": "looks for what is due"}


@dataclass(frozen=True)
class Task:
    """``job_id`` is None for work that is no job."""

    title: str
    job_id: int | None
    since: datetime


@dataclass(frozen=True)
class WorkerPicture:
    now: WorkerNow
    tasks: tuple[Task, ...]

    @property
    def is_silent(self) -> bool:
        """It has missed a report; after some more it counts as dead."""
        return self.now.is_live and self.now.silent_seconds > 2 * settings.PORTAL_PRESENCE_SECONDS

    @property
    def free_threads(self) -> int:
        return max(0, self.now.threads - len(self.tasks))

    @property
    def sessions(self) -> tuple[Sessions, ...]:
        return self.now.sessions if self.now.is_live else ()

    @property
    def is_worker(self) -> bool:
        return self.now.role == Worker.Role.WORKER

    @property
    def may_drain(self) -> bool:
        return self.is_worker and self.now.condition == Condition.ALIVE

    @property
    def may_take_up_again(self) -> bool:
        return self.now.condition in (Condition.DRAINING, Condition.DRAINED)


@dataclass(frozen=True)
class ResourcePicture:
    """Who has the places of a resource; ``unnamed`` of them are not among the ``holders`` shown."""

    use: Capacity
    holders: tuple[Lock, ...]

    @property
    def unnamed(self) -> int:
        return max(0, self.use.held - len(self.holders))


@dataclass(frozen=True)
class StateCount:
    state: JobState
    words: str


@dataclass(frozen=True)
class Picture:
    """``queues`` is None when Redis does not answer."""

    troubles: list[Trouble]
    workers: list[WorkerPicture]
    hosts: list[Sessions]
    """Empty where one process alone has sessions: its own line tells them."""
    queue: QueueNow
    queues: queues.Queues | None
    active: int
    states: list[StateCount]
    late: list[JobNow]
    oldest: OldestWaiting | None
    resources: list[ResourcePicture]
    resources_left_out: int
    limits: list[str]
    stores: list[str]
    keeping: figures.Keeping
    schedules: figures.ScheduleCounts
    farms: list[Farm]
    at: datetime


def picture() -> Picture:
    crew = operating.workers_now(gone_for=GONE_FOR)
    queue = operating.queue_now()
    found, farms, schedules = queues.look(), figures.farms(), figures.schedule_counts()
    resources, counts = _resources(), figures.job_counts()
    return Picture(
        troubles=troubles(crew=crew, queue=queue, farms=farms, schedules=schedules, broker_answers=found is not None),
        workers=_workers(in_service(crew)),
        hosts=hosts(crew) if sum(each.is_live and bool(each.sessions) for each in crew) > 1 else [],
        queue=queue,
        queues=found,
        active=sum(counts.active.values()),
        states=_states(counts),
        late=operating.late_jobs(limit=MOST_LATE) if queue.late else [],
        oldest=operating.oldest_waiting() if queue.queued else None,
        resources=resources[:MOST_RESOURCES],
        resources_left_out=max(0, len(resources) - MOST_RESOURCES),
        limits=limits(),
        stores=_stores(),
        keeping=figures.keeping(),
        schedules=schedules,
        farms=farms,
        at=timezone.now(),
    )


def hosts(crew: Sequence[WorkerNow]) -> list[Sessions]:
    """Sessions with each host, of all living processes together: the host allows an account only so many."""
    of_host: defaultdict[str, list[Sessions]] = defaultdict(list)
    for each in crew:
        for sessions in each.sessions if each.is_live else ():
            of_host[sessions.host].append(sessions)
    return [_together(host, of_host[host]) for host in sorted(of_host)]


def limits() -> list[str]:
    """The limits that are set, as they are written: ``host=8``. One that is 0 does not count."""
    return [f"{key}={places}" for key, places in sorted(settings.PORTAL_LIMITS.items())]


def _states(counts: figures.JobCounts) -> list[StateCount]:
    now = [StateCount(state, f"{count} {state.label}") for state, count in counts.active.items() if count]
    lately = [StateCount(state, f"{count} {state.label} in 24 h") for state, count in counts.ended.items() if count]
    return now + lately


def _stores() -> list[str]:
    """``store:3 (vDisks)``: by its number, one store can be given a limit of its own."""
    found = Store.objects.filter(gone_at=None).order_by("name", "pk").values_list("pk", "name")[:MOST_STORES]
    return [f"{claims.STORE}:{number} ({name})" for number, name in found]


def _together(host: str, parts: Sequence[Sessions]) -> Sessions:
    return Sessions(
        host=host,
        open=sum(part.open for part in parts),
        in_use=sum(part.in_use for part in parts),
        limit=sum(part.limit for part in parts),
        resting=any(part.resting for part in parts),
    )


def _workers(crew: Sequence[WorkerNow]) -> list[WorkerPicture]:
    """Workers first, then beats; of each the living before the others."""
    ids = {busy.job_id for each in crew for busy in each.busy if busy.job_id}
    titles = dict(Job.objects.filter(pk__in=ids).values_list("pk", "title"))
    order = sorted(crew, key=lambda each: (each.role != Worker.Role.WORKER, not each.is_live, each.name, each.id))
    return [WorkerPicture(each, _tasks(each, titles)) for each in order]


def _tasks(worker: WorkerNow, titles: dict[int, str]) -> tuple[Task, ...]:
    """None of one that is gone: its last words are no longer true."""
    if not worker.is_live:
        return ()
    return tuple(
        Task(
            titles.get(busy.job_id, f"job {busy.job_id}") if busy.job_id else _OTHER_TASKS.get(busy.task, busy.task),
            busy.job_id,
            busy.since,
        )
        for busy in worker.busy
    )


def _resources() -> list[ResourcePicture]:
    """Those that are counted, or were when somebody took a place."""
    holders: defaultdict[str, list[Lock]] = defaultdict(list)
    for lock in operating.locks_now():
        holders[lock.resource].append(lock)
    counted = [use for use in operating.capacities_now() if use.held or use.places is not None]
    return [ResourcePicture(use, tuple(holders[use.resource][:MOST_HOLDERS])) for use in counted]
