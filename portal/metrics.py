"""`/metrics`: the figures of the operations page for Prometheus, read from the database when they are asked for.

Nothing is counted in this process, so every web process gives the same answer. Labels are roles, states, kinds, and
names of workers, hosts, farms and limited resources: a bounded number, no people and no single job among them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

from django.db import DatabaseError
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from lifecycle import figures, operating
from lifecycle.claims import VDISK
from lifecycle.models import Farm, Worker
from lifecycle.operating import Condition, WorkerNow
from lifecycle.states import JobState
from lifecycle.troubles import Weight, in_service, troubles
from portal import queues
from portal.pictures.operations import hosts

logger = logging.getLogger(__name__)

PREFIX = "vdisk_portal_"
Samples = Iterable[tuple[Sequence[str], float]]


def render(accept: str) -> tuple[bytes, str]:
    """The answer and its content type, in the form that ``accept`` prefers: text, or OpenMetrics; else text."""
    registry = CollectorRegistry()
    registry.register(PortalCollector())
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is no number
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


class PortalCollector(Collector):
    """Reads each part by itself: what cannot be read is left out and said, and the rest is still true."""

    def describe(self) -> list[Metric]:
        """Nothing ahead of time: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        look = Look()
        errors, seconds = [], []
        for name, read in _PARTS.items():
            began = time.monotonic()
            families, failed = _read(name, read, look)
            yield from families
            errors.append(((name,), float(failed)))
            seconds.append(((name,), time.monotonic() - began))
        yield _gauge(
            "scrape_errors", "1 when this part of the answer is missing, as reading it failed.", errors, "part"
        )
        yield _gauge("scrape_duration_seconds", "How long reading this part took.", seconds, "part")


class Look:
    """What several parts speak of, read once for one answer."""

    @cached_property
    def crew(self) -> list[WorkerNow]:
        return operating.workers_now()

    @cached_property
    def queue(self) -> operating.QueueNow:
        return operating.queue_now()

    @cached_property
    def farms(self) -> list[Farm]:
        return figures.farms()

    @cached_property
    def schedules(self) -> figures.ScheduleCounts:
        return figures.schedule_counts()

    @cached_property
    def redis(self) -> queues.Queues | None:
        return queues.look()


Part = Callable[[Look], Iterable[Metric]]


def _read(name: str, read: Part, look: Look) -> tuple[list[Metric], bool]:
    """All families of the part or none: half of a part would look whole."""
    try:
        return list(read(look)), False
    except DatabaseError as error:
        logger.error("Metrics lack their part %s: %s", name, error)
        return [], True


def _gauge(name: str, words: str, samples: Samples, *labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + name, words, labels=labels)
    for values, number in samples:
        family.add_metric(list(values), number)
    return family


def _one(name: str, words: str, number: float) -> GaugeMetricFamily:
    return _gauge(name, words, [((), number)])


def _workers(look: Look) -> Iterable[Metric]:
    crew = in_service(look.crew)
    live = [each for each in crew if each.is_live]
    counts = [
        ((role.value, condition.value), sum(each.role == role and each.condition == condition for each in crew))
        for role in Worker.Role
        for condition in Condition
    ]
    yield _gauge("workers", "Processes that do the work, by what they say of themselves.", counts, "role", "state")
    workers = [each for each in live if each.role == Worker.Role.WORKER]
    yield _gauge("worker_threads", "Jobs that it can advance at once.", _by_name(workers, _threads), "worker")
    yield _gauge("worker_busy_threads", "What it works on now.", _by_name(workers, _busy), "worker")
    yield _gauge("worker_memory_bytes", "Resident memory.", _by_name(live, _memory), "worker")
    yield from _sessions(live)


def _sessions(live: Sequence[WorkerNow]) -> Iterable[Metric]:
    all_hosts = hosts(live)
    used = [((each.host, "in-use"), float(each.in_use)) for each in all_hosts]
    idle = [((each.host, "idle"), float(max(0, each.open - each.in_use))) for each in all_hosts]
    yield _gauge("sessions", "Open remote sessions with a host, of all workers.", used + idle, "host", "state")
    limit = [((each.host,), float(each.limit)) for each in all_hosts]
    yield _gauge("sessions_limit", "So many sessions the workers allow themselves.", limit, "host")
    resting = [((each.host,), float(each.resting)) for each in all_hosts]
    yield _gauge(
        "host_resting", "1 when it could not be reached a moment ago; others are asked first.", resting, "host"
    )


def _by_name(crew: Sequence[WorkerNow], number: Callable[[WorkerNow], float]) -> Samples:
    """Two of one name, as after a quick restart, are added up: a series must not come twice."""
    found: dict[str, float] = {}
    for each in crew:
        found[each.name] = found.get(each.name, 0.0) + number(each)
    return [((name,), value) for name, value in sorted(found.items())]


def _threads(worker: WorkerNow) -> float:
    return worker.threads


def _busy(worker: WorkerNow) -> float:
    return len(worker.busy)


def _memory(worker: WorkerNow) -> float:
    return (worker.memory_mib or 0.0) * 1024 * 1024


def _jobs(look: Look) -> Iterable[Metric]:
    counts, queue = figures.job_counts(), look.queue
    yield _gauge("jobs", "Active jobs by state.", _by_state(counts.active), "state")
    yield _gauge("jobs_ended_last_day", "Jobs that ended within 24 hours, by state.", _by_state(counts.ended), "state")
    yield _one("jobs_queued", "Jobs that wait until all they need is free.", queue.queued)
    yield _one("jobs_due", "Jobs that are let in and due, and that no worker has.", queue.due)
    yield _one("jobs_late", "Those of them that are due for more than 10 s.", queue.late)
    yield _one("jobs_in_hand", "Jobs that a worker has at this moment.", queue.working)
    yield _one("jobs_resting", "Jobs that wait for an answer from outside, without a worker.", queue.waiting)
    yield _one("longest_late_seconds", "For how long the latest job is due; 0 without one.", queue.longest_late_seconds)
    queued_for = queue.longest_queued_seconds
    yield _one("longest_queued_seconds", "For how long the oldest queued job waits; 0 without one.", queued_for)


def _by_state(counts: dict[JobState, int]) -> Samples:
    return [((state.value,), float(count)) for state, count in counts.items()]


def _durations(look: Look) -> Iterable[Metric]:
    words = "From start to end, of jobs that succeeded within 24 hours (at most the last 5,000)."
    family = SummaryMetricFamily(PREFIX + "job_duration_seconds", words)
    for each in figures.durations():
        for quantile, seconds in each.seconds.items():
            family.add_sample(family.name, {"kind": each.kind, "quantile": str(quantile)}, seconds)
    yield family


def _locks(look: Look) -> Iterable[Metric]:
    uses = operating.capacities_now()
    counted = [use for use in uses if not use.resource.startswith(f"{VDISK}:") and use.places is not None]
    held = [((use.resource,), float(use.held)) for use in counted]
    yield _gauge("places_held", "Places of a limited resource that jobs have.", held, "resource")
    limit = [((use.resource,), float(use.places or 0)) for use in counted]
    yield _gauge("places_limit", "How many places it has.", limit, "resource")
    wanted = [((use.resource,), float(use.wanted)) for use in counted]
    yield _gauge("places_wanted", "Queued jobs that need one.", wanted, "resource")
    locked = sum(use.held for use in uses if use.resource.startswith(f"{VDISK}:"))
    yield _one("vdisks_locked", "vDisks that a job has for itself.", locked)


def _rest(look: Look) -> Iterable[Metric]:
    keeping, schedules = figures.keeping(), look.schedules
    yield _one("jobs_keeping", "Jobs that failed or were cancelled and left something in place.", keeping.count)
    yield _one("jobs_keeping_undecided", "Those whose time is over: a person must decide.", keeping.undecided)
    states = [(("active",), float(schedules.active)), (("paused",), float(schedules.paused))]
    yield _gauge("schedules", "Schedules by state.", states, "state")
    yield _one("schedules_late", "Schedules whose time passed a minute ago, and nothing was done.", schedules.late)


def _farms(look: Look) -> Iterable[Metric]:
    farms = look.farms
    read = [((farm.name,), farm.synced_at.timestamp()) for farm in farms if farm.synced_at]
    yield _gauge("farm_synced_timestamp_seconds", "When the farm was last read whole.", read, "farm")
    late = [((farm.name,), float(farm.is_stale)) for farm in farms]
    yield _gauge("farm_late", "1 when the picture of the farm is older than three intervals.", late, "farm")
    failed = [((farm.name,), float(bool(farm.sync_error))) for farm in farms]
    yield _gauge("farm_sync_failed", "1 when the last look at the farm failed.", failed, "farm")
    away = [((farm.name,), float(farm.turned_away_at is not None)) for farm in farms]
    yield _gauge("farm_turned_away", "1 when PVS refused the account; it is not tried again.", away, "farm")


def _queue(look: Look) -> Iterable[Metric]:
    found = look.redis
    yield _one("redis_up", "1 when Redis answers.", float(found is not None))
    lengths = [((queue.name,), float(queue.waiting)) for queue in found.queues] if found else []
    yield _gauge("queue_messages", "Messages that no worker has taken.", lengths, "queue")


def _troubles(look: Look) -> Iterable[Metric]:
    """The sentence on top of the page as two numbers, so that one alert is enough for a start."""
    found = troubles(
        crew=look.crew,
        queue=look.queue,
        farms=look.farms,
        schedules=look.schedules,
        broker_answers=look.redis is not None,
    )
    counts = [((weight.value,), float(sum(each.weight == weight for each in found))) for weight in Weight]
    yield _gauge("troubles", "What the operations page says is wrong. bad: work stands still.", counts, "weight")


_PARTS: dict[str, Part] = {
    "workers": _workers,
    "jobs": _jobs,
    "durations": _durations,
    "locks": _locks,
    "rest": _rest,
    "farms": _farms,
    "queue": _queue,
    "troubles": _troubles,
}
