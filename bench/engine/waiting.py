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
LIMIT_SECONDS = 300


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
    """Each job looks once in every period, their looks spread evenly over it; a period to begin, and one to measure."""
    environment = ground.database("waiting")
    period = sizes.look_every_seconds
    with worker(environment, ground.folder) as working, beat(environment, ground.folder) as beating:
        wait_ready(working)
        idle = _warm_up(working, beating, sizes)
        start = timezone.now() + timedelta(seconds=1)
        spread = [start + timedelta(seconds=period * n / sizes.waiting_jobs) for n in range(sizes.waiting_jobs)]
        watching = jobs.make(kinds.WATCH, [{"every": period}] * sizes.waiting_jobs, spread)
        wait_for("every job to wait", lambda: _looks_at_least(1, watching), working, beating, seconds=LIMIT_SECONDS)
        begun = time.time()
        used = working.cpu_seconds(), beating.cpu_seconds()
        time.sleep(period)
        loaded, took = working.rss_mib(), time.time() - begun
        used = working.cpu_seconds() - used[0], beating.cpu_seconds() - used[1]
        wait_for(
            "every job to look again", lambda: _looks_at_least(2, watching), working, beating, seconds=LIMIT_SECONDS
        )
    return Waiting(_second_looks(watching), idle, loaded, used[0] / took, used[1] / took)


def _warm_up(working: Child, beating: Child, sizes: Sizes) -> float:
    """Memory once everything that a job needs has been loaded and no job is left."""
    jobs.scripted([[0.1] * sizes.steps] * WARM_UP_JOBS)
    wait_for("the first jobs to end", jobs.all_ended, working, beating, seconds=LIMIT_SECONDS)
    jobs.check_succeeded()
    return working.rss_mib()


def _looks_at_least(count: int, watching: list[Job]) -> bool:
    done = JobStep.objects.filter(job__in=watching, attempts__gte=count, saved__has_key="looks").count()
    return done >= len(watching)


def _second_looks(watching: list[Job]) -> list[float]:
    """The first look is the job's beginning; the second one is what was waited for."""
    saved = JobStep.objects.filter(job__in=watching).values_list("saved", flat=True)
    return [row["looks"][1][1] - row["looks"][1][0] for row in saved]
