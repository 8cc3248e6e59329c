"""(2) Steps per second, beside bare Celery tasks that ask the database as much."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Max, Min

from bench.engine import bare, jobs
from bench.engine.sizes import Sizes
from bench.engine.statements import Statements
from bench.ground import Ground
from bench.processes import beat, wait_for, wait_ready, worker
from builders.celery import app
from lifecycle.models import Job, JobStep

LIMIT_SECONDS = 1200


@dataclass(frozen=True)
class Rate:
    steps_per_second: float
    bare_per_second: float

    @property
    def ratio(self) -> float:
        return self.steps_per_second / self.bare_per_second


def measure(ground: Ground, sizes: Sizes, statements: Statements) -> Rate:
    return Rate(steps_per_second(ground, sizes), bare_per_second(ground, sizes, statements))


def steps_per_second(ground: Ground, sizes: Sizes) -> float:
    """All jobs are due when the worker starts; the clock runs from the first step's start to the last job's end."""
    environment = ground.database("rate")
    jobs.scripted([[0.0] * sizes.steps] * sizes.rate_jobs)
    with worker(environment, ground.folder) as working, beat(environment, ground.folder) as beating:
        wait_ready(working)
        wait_for("all jobs to end", jobs.all_ended, working, beating, seconds=LIMIT_SECONDS)
    jobs.check_succeeded()
    first = JobStep.objects.aggregate(at=Min("started_at"))["at"]
    last = Job.objects.aggregate(at=Max("ended_at"))["at"]
    return sizes.rate_jobs * sizes.steps / float((last - first).total_seconds())


def bare_per_second(ground: Ground, sizes: Sizes, statements: Statements) -> float:
    """One task a step, all queued before the worker starts; the clock runs from the first write to the last."""
    environment = ground.database("bare")
    _queue(_rows(sizes), statements)

    def all_done() -> bool:
        return not JobStep.objects.filter(ended_at=None).exists()

    with worker(environment, ground.folder) as working:
        wait_ready(working)
        wait_for("all bare tasks to end", all_done, working, seconds=LIMIT_SECONDS)
    span = JobStep.objects.aggregate(first=Min("started_at"), last=Max("ended_at"))
    return sizes.rate_jobs * sizes.steps / float((span["last"] - span["first"]).total_seconds())


def _rows(sizes: Sizes) -> list[JobStep]:
    """As many rows as the engine has; neighbours in the queue are of different jobs, so that they wait for no lock."""
    made = jobs.scripted([[]] * sizes.rate_jobs, in_seconds=jobs.YEAR_SECONDS)
    return JobStep.objects.bulk_create(
        JobStep(job=job, position=position, key=f"bare-{position}", title="Bare")
        for position in range(1, sizes.steps + 1)
        for job in made
    )


def _queue(steps: list[JobStep], statements: Statements) -> None:
    per_step, commits = statements.per_step, max(statements.commits_per_step, 1)
    with app.producer_pool.acquire() as producer:
        for index, step in enumerate(steps):
            asked = _share(per_step, index)
            numbers = {"job_id": step.job_id, "step_id": step.pk, "first_line": step.position * 1000}
            kwargs = numbers | {"transactions": bare.split(asked, _share(commits, index))}
            app.send_task(bare.NAME, kwargs=kwargs, producer=producer)


def _share(per_step: float, index: int) -> int:
    """Whole numbers that add up to ``per_step`` times the number of steps; at least one."""
    return max(1, int((index + 1) * per_step + 1e-9) - int(index * per_step + 1e-9))
