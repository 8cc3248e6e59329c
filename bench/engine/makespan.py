"""(3) How much longer many jobs at once take than the longest of them would alone, if the engine took no time."""

from __future__ import annotations

import random
from dataclasses import dataclass

from django.db.models import Max

from bench.engine import jobs
from bench.engine.sizes import Sizes
from bench.ground import Ground
from bench.processes import beat, wait_for, wait_ready, worker
from lifecycle.models import Job

SEED = 20
LIMIT_SECONDS = 1200
BEFORE_DUE_SECONDS = 2


@dataclass(frozen=True)
class Makespan:
    seconds: float
    """From first due to last end."""
    critical_path_seconds: float
    """The sum of the waits of the longest job."""

    @property
    def ratio(self) -> float:
        return self.seconds / self.critical_path_seconds


def measure(ground: Ground, sizes: Sizes) -> Makespan:
    environment = ground.database("makespan")
    waits = _waits(sizes)
    longest = max(sum(row) for row in waits)
    with worker(environment, ground.folder) as working, beat(environment, ground.folder) as beating:
        wait_ready(working)
        made = jobs.scripted(waits, in_seconds=BEFORE_DUE_SECONDS)
        wait_for("all jobs to end", jobs.all_ended, working, beating, seconds=LIMIT_SECONDS, poll=1)
    jobs.check_succeeded()
    last = Job.objects.aggregate(at=Max("ended_at"))["at"]
    return Makespan((last - made[0].due_at).total_seconds(), longest)


def _waits(sizes: Sizes) -> list[list[float]]:
    """The same ones in every run."""
    numbers = random.Random(SEED)
    return [
        [round(numbers.uniform(sizes.shortest_wait_seconds, sizes.longest_wait_seconds), 3) for _ in range(sizes.steps)]
        for _ in range(sizes.span_jobs)
    ]
