"""Durations learnt from history. PostgreSQL's percentiles are held against Python's own statistics."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle import estimates
from lifecycle.estimates import LAST, Expected
from lifecycle.models import Job, JobStep, VDisk
from lifecycle.states import JobState, StepState

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.get_default_timezone())


@pytest.fixture
def make(vdisk: VDisk, admin: User) -> Any:
    def job(*, took: float | None = None, ended_at: datetime = NOW, **values: Any) -> Job:
        state = values.pop("state", JobState.RUNNING if took is None else JobState.SUCCEEDED)
        ended = None if state == JobState.RUNNING else ended_at
        started = ended_at - timedelta(seconds=took or 0)
        defaults = {"kind": "merge", "host": "Farm", "title": "Merge", "farm": vdisk.farm, "vdisk": vdisk}
        defaults |= {"requested_by": admin, "writes": False, "started_at": started, "ended_at": ended, "state": state}
        return Job.objects.create(**defaults | values)

    return job


def _history(job: Job, key: str, seconds: Sequence[float], *, state: StepState = StepState.DONE) -> None:
    """Steps that ended one after the other, the first one first."""
    JobStep.objects.bulk_create(
        JobStep(
            job=job,
            position=JobStep.objects.filter(job=job).count() + number + 1,
            key=key,
            title=key,
            state=state,
            seconds=took,
            started_at=NOW - timedelta(days=1000),
            ended_at=NOW - timedelta(days=900) + timedelta(minutes=number),
            profile=estimates.profile(job, key),
        )
        for number, took in enumerate(seconds)
    )


def _step(job: Job, key: str, position: int = 1, **values: Any) -> JobStep:
    return JobStep.objects.create(
        job=job, position=position, key=key, title=key, profile=estimates.profile(job, key), **values
    )


def _statistics(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 90th percentile, interpolated between neighbours as percentile_cont does it."""
    return statistics.median(seconds), statistics.quantiles(seconds, n=10, method="inclusive")[8]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (0, (None, None)),
        (2, (None, None)),
        (3, (20.0, None)),
        (9, (50.0, None)),
        (10, (55.0, 91.0)),
    ],
)
def test_claims_nothing_without_history(make: Any, samples: int, expected: tuple[float | None, float | None]) -> None:
    _history(make(took=1), "copy", [10.0 * number for number in range(1, samples + 1)])
    job = make()
    _step(job, "copy")

    assert estimates.expected_for(job) == {1: Expected(*expected, samples)}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0, 100_000, allow_nan=False), min_size=10, max_size=60))
def test_agrees_with_statistics(make: Any, seconds: list[float]) -> None:
    past = make(took=1)
    _history(past, "copy", seconds)
    job = make()
    _step(job, "copy")
    try:
        found = estimates.expected_for(job)[1]
    finally:
        Job.objects.filter(pk__in=[past.pk, job.pk]).delete()

    median, ninth = _statistics(seconds)
    assert found.samples == len(seconds)
    assert found.median == pytest.approx(median)
    assert found.p90 == pytest.approx(ninth)


def test_forgets_what_is_long_ago(make: Any) -> None:
    recent = [random.Random(7).uniform(1, 9) for _ in range(LAST)]
    _history(make(took=1), "copy", [5000.0] * 50 + recent)
    job = make()
    _step(job, "copy")

    median, ninth = _statistics(recent)
    assert estimates.expected_for(job)[1] == Expected(pytest.approx(median), pytest.approx(ninth), LAST)


def test_compares_only_the_same_step_of_the_same_recipe_on_the_same_host(make: Any) -> None:
    for values in ({"kind": "merge-base"}, {"recipe": "W11"}, {"host": "Other"}):
        _history(make(took=1, **values), "copy", [1.0] * 20)
    _history(make(took=1), "check", [2.0] * 20)
    job = make()
    _step(job, "copy")

    assert estimates.expected_for(job) == {1: Expected(None, None, 0)}


def test_looks_at_done_steps_of_other_jobs_only(make: Any) -> None:
    past = make(took=1)
    _history(past, "copy", [7.0] * 5, state=StepState.FAILED)
    job = make()
    _step(job, "copy", state=StepState.DONE, seconds=3.0, ended_at=NOW)
    _step(job, "copy", 2, state=StepState.DONE, seconds=4.0, ended_at=NOW)

    assert [found.samples for found in estimates.expected_for(job).values()] == [0, 0]


def test_knows_nothing_of_a_job_without_steps(make: Any) -> None:
    assert estimates.expected_for(make()) == {}


def test_is_one_query_over_the_index_for_all_steps(make: Any, django_assert_num_queries: Any) -> None:
    past = make(took=1)
    for number in range(40):
        _history(past, f"step-{number}", [float(number)] * 60)
    job = make()
    for number in range(20):
        _step(job, f"step-{number}", number + 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE lifecycle_jobstep")

    with django_assert_num_queries(1):
        found = estimates.expected_for(job)

    assert [expected.median for expected in found.values()] == [float(number) for number in range(20)]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + estimates._STEPS, [job.pk])
        assert "step_durations" in "\n".join(row[0] for row in cursor.fetchall())


def test_the_whole_job_is_judged_by_whole_jobs(make: Any) -> None:
    took = [float(number) for number in range(60, 72)]
    for seconds in took:
        make(took=seconds)
    make(took=1, state=JobState.FAILED)
    make(took=90_000, runs=2)
    make(took=1, host="Other")
    make(took=1, recipe="W11")

    found = estimates.expected_total(make())

    median, ninth = _statistics(took)
    assert found == Expected(pytest.approx(median), pytest.approx(ninth), 12)


def test_profiles_of_the_longest_names_fit_their_column(make: Any) -> None:
    job = make(kind="k" * 40, recipe="r" * 80, host="h" * 255)

    assert _step(job, "s" * 60).profile == f"{'k' * 40}|{'r' * 80}|{'h' * 255}|{'s' * 60}"
