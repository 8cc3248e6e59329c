"""What the worker of the benchmark knows beside the product's tasks; loaded by Celery once Django is ready."""

from __future__ import annotations

from celery import shared_task

from bench.engine import bare, kinds
from builders.jobs import KINDS

KINDS.update(kinds.KINDS)


@shared_task(name=bare.NAME)
def bare_task(*, job_id: int, step_id: int, first_line: int, transactions: list[int]) -> None:
    bare.run(job_id, step_id, first_line, transactions)
