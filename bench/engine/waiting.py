"""(1) From due to started, and (4) the memory of the worker, with many waiting jobs on one worker."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from bench.engine import jobs, kinds
from bench.engine.sizes import Sizes
from bench.ground import Ground
from bench.processes import Child, beat, wait_for, wait_ready, worker
from lifecycle.models import Job, JobStep

WARM_UP_JOBS = 20
LIMIT_SECONDS = 1200
BEFORE_THE_QUEUE = 0.75
"""Of the first period; in what is left of it, the others join the queue."""


@dataclass(frozen=True)
class Waiting:
    delays: list[float]
    """Seconds from due to the step's first line, one for each look that was measured."""
    idle_mib: float
    loaded_mib: float
    worker_cpu: float
    """Share of one core that the worker used while the delays were measured."""
    beat_cpu: float


def measure(ground: Ground, sizes: Sizes) -> Waiting:
    """All wait in a step."""
    watching = [[f"kind:{kinds.WATCH}"]] * sizes.waiting_jobs
    return _measure(ground, "waiting", sizes, watching, [], sizes.look_every_seconds)


def measure_queued(ground: Ground, sizes: Sizes) -> Waiting:
    """Some wait in a step and hold a vDisk each; all others stand in the queue for one of these."""
    vdisks = [[f"vdisk:{number}"] for number in range(1, sizes.holding_jobs + 1)]
    queued = [vdisks[number % len(vdisks)] for number in range(sizes.queued_jobs)]
    return _measure(ground, "queued", sizes, vdisks, queued, sizes.holders_look_every_seconds)


def _measure(
    ground: Ground, name: str, sizes: Sizes, watching: list[list[str]], queued: list[list[str]], period: float
) -> Waiting:
    """Each job looks once in every period, their looks spread evenly over it; a period to begin, and one to measure.

    Who queues does so when all others have begun.
    """
    environment = ground.database(name)
    with worker(environment, ground.folder) as working, beat(environment, ground.folder) as beating:
        wait_ready(working)
        idle = _warm_up(working, beating, sizes)
        made = _make(watching, period, spread=BEFORE_THE_QUEUE * period if queued else period)

        def have_looked(times: int) -> None:
            what = f"each job to look {times} times"
            wait_for(what, lambda: _looks_at_least(times, made), working, beating, seconds=LIMIT_SECONDS, poll=0.5)

        have_looked(1)
        if queued:
            _make(queued, period, spread=0)
        begun, before = time.monotonic(), (working.cpu_seconds(), beating.cpu_seconds())
        time.sleep(period)
        took, loaded = time.monotonic() - begun, working.rss_mib()
        used = working.cpu_seconds() - before[0], beating.cpu_seconds() - before[1]
        have_looked(2)
        if Job.objects.exclude(admitted_at=None).count() != len(watching) + WARM_UP_JOBS:
            raise RuntimeError("a job left the queue although others hold what it needs")
    return Waiting(_second_looks(made), idle, loaded, used[0] / took, used[1] / took)


def _warm_up(working: Child, beating: Child, sizes: Sizes) -> float:
    """Memory once everything that a job needs has been loaded and no job is left."""
    jobs.scripted([[0.1] * sizes.steps] * WARM_UP_JOBS)
    wait_for("the first jobs to end", jobs.all_ended, working, beating, seconds=LIMIT_SECONDS)
    jobs.check_succeeded()
    return working.rss_mib()


def _make(needs: list[list[str]], period: float, *, spread: float) -> list[Job]:
    start = timezone.now()
    due = [start + timedelta(seconds=spread * number / len(needs)) for number in range(len(needs))]
    return jobs.make(kinds.WATCH, [{"every": period}] * len(needs), due, needs)


def _looks_at_least(count: int, watching: list[Job]) -> bool:
    done = JobStep.objects.filter(job__in=watching, attempts__gte=count, saved__has_key="looks").count()
    return done >= len(watching)


def _second_looks(watching: list[Job]) -> list[float]:
    """The first look is the job's beginning; the second one is what was waited for."""
    saved = JobStep.objects.filter(job__in=watching).values_list("saved", flat=True)
    return [row["looks"][1][1] - row["looks"][1][0] for row in saved]
