"""How long steps and jobs take, learnt from those that were done before. Nothing is claimed without history.

Durations are compared within a *profile*: the same step of the same kind and recipe on the same outside system.
PostgreSQL computes the percentiles, for all steps of a job in one query over the index ``step_durations``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from lifecycle.models import Job
from lifecycle.states import JobState, StepState

LAST = 200
"""So many of the newest are looked at: what a host does now counts, not what it did years ago."""
MEDIAN_NEEDS = 3
NINTH_NEEDS = 10


@dataclass(frozen=True)
class Expected:
    """Seconds. ``median`` and ``p90`` are None where ``samples`` are too few to claim them."""

    median: float | None
    p90: float | None
    samples: int

    @classmethod
    def of(cls, samples: int, median: float | None, p90: float | None) -> Expected:
        return cls(median if samples >= MEDIAN_NEEDS else None, p90 if samples >= NINTH_NEEDS else None, samples)


UNKNOWN = Expected(None, None, 0)

_STEPS = f"""
SELECT mine.position, count(past.seconds),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY past.seconds),
       percentile_cont(0.9) WITHIN GROUP (ORDER BY past.seconds)
FROM lifecycle_jobstep mine
LEFT JOIN LATERAL (
    SELECT seconds FROM lifecycle_jobstep
    WHERE profile = mine.profile AND state = '{StepState.DONE.value}' AND seconds IS NOT NULL AND job_id <> mine.job_id
    ORDER BY ended_at DESC LIMIT {LAST}
) past ON TRUE
WHERE mine.job_id = %s AND mine.profile <> ''
GROUP BY mine.position
"""  # noqa: S608  only our own constants are written into it

_JOBS = f"""
SELECT count(past.seconds),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY past.seconds),
       percentile_cont(0.9) WITHIN GROUP (ORDER BY past.seconds)
FROM (
    SELECT extract(epoch FROM ended_at - started_at)::float8 AS seconds FROM lifecycle_job
    WHERE kind = %s AND recipe = %s AND host = %s AND state = '{JobState.SUCCEEDED.value}' AND runs = 1
      AND started_at IS NOT NULL AND id <> %s
    ORDER BY ended_at DESC LIMIT {LAST}
) past
"""  # noqa: S608


def profile(job: Job, key: str) -> str:
    """What the durations of one step are kept under; at most 438 characters."""
    return f"{job.kind}|{job.recipe}|{job.host}|{key}"


def expected_for(job: Job) -> dict[int, Expected]:
    """By position, for each of the job's steps; one query. Empty until the job has steps."""
    return {position: Expected.of(*rest) for position, *rest in _rows(_STEPS, [job.pk])}


def expected_total(job: Job) -> Expected:
    """Of the whole job, from its start to its end, by those that succeeded without being resumed; one query."""
    (row,) = _rows(_JOBS, [job.kind, job.recipe, job.host, job.pk])
    return Expected.of(*row)


def _rows(query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
