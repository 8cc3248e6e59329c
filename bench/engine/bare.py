"""The yardstick: a Celery task that does nothing but a given number of SQL statements on the same tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

NAME = "bench.bare"
UPDATE_STEP = (
    "UPDATE lifecycle_jobstep SET message = 'Done', attempts = attempts + 1, "
    "started_at = coalesce(started_at, clock_timestamp()), ended_at = clock_timestamp() WHERE id = %s"
)
INSERT_LINE = (
    "INSERT INTO lifecycle_joblogline (job_id, number, step_position, at, level, text) "
    "VALUES (%s, %s, 1, clock_timestamp(), 'info', 'Done')"
)
SELECT_JOB = "SELECT id, state, due_at, lease_token, lines, context, parameters FROM lifecycle_job WHERE id = %s"


def run(job_id: int, step_id: int, first_line: int, transactions: list[int]) -> None:
    """``transactions``: how many statements in each; one alone commits by itself."""
    numbers = iter(range(first_line, first_line + sum(transactions)))
    with connection.cursor() as cursor:
        for statements in transactions:
            if statements == 1:
                _ask(cursor, 1, job_id, step_id, numbers)
            elif statements:
                with transaction.atomic():
                    _ask(cursor, statements, job_id, step_id, numbers)


def _ask(cursor: Any, statements: int, job_id: int, step_id: int, numbers: Iterator[int]) -> None:
    """In turn: the step's row changed, a line of the log, the job's row read. Written by hand: no ORM to wait for."""
    for index in range(statements):
        if index % 3 == 0:
            cursor.execute(UPDATE_STEP, [step_id])
        elif index % 3 == 1:
            cursor.execute(INSERT_LINE, [job_id, next(numbers)])
        else:
            cursor.execute(SELECT_JOB, [job_id])
            cursor.fetchone()


def split(statements: int, transactions: int) -> list[int]:
    """As even as can be: ``split(7, 3) == [3, 2, 2]``."""
    transactions = min(statements, transactions)
    whole, rest = divmod(statements, transactions)
    return [whole + (index < rest) for index in range(transactions)]
