"""Rows from before the queue, as the migration brings them up to date."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from lifecycle import claims
from lifecycle.models import Hold, Job, VDisk
from lifecycle.states import ACTIVE_JOB_STATES, RESUMABLE_JOB_STATES, JobState
from tests import factories

migration = import_module("lifecycle.migrations.0009_needs_of_old_jobs")


def migrate() -> None:
    with connection.cursor() as cursor:
        cursor.execute(migration.NEEDS)
        cursor.execute(migration.HOLDS)


def expected(job: Job) -> list[str]:
    return claims.needs_of(kind=job.kind, farm=job.farm, vdisk=job.vdisk, writes=job.writes, host=job.host)


def holds() -> list[tuple[Any, ...]]:
    return list(Hold.objects.values_list("resource", "slot", "job_id"))


@pytest.mark.parametrize("state", sorted(ACTIVE_JOB_STATES | RESUMABLE_JOB_STATES))
@pytest.mark.parametrize("values", [{}, {"writes": False}, {"vdisk": None}, {"host": "esx1"}])
def test_a_job_that_works_or_may_go_on_says_what_it_needs(
    vdisk: VDisk, admin: User, state: JobState, values: dict[str, Any]
) -> None:
    job = factories.job(vdisk, admin, state=state)
    Job.objects.filter(pk=job.pk).update(**values)

    migrate()

    job.refresh_from_db()
    assert job.needs == expected(job)
    assert len(job.needs) > 1


def test_long_names_are_cut_as_new_jobs_cut_them(vdisk: VDisk, admin: User) -> None:
    job = factories.job(vdisk, admin, host="Ä" * 140)

    migrate()

    job.refresh_from_db()
    assert job.needs == expected(job)
    assert max(map(len, job.needs)) == claims.KEY_LENGTH


@pytest.mark.parametrize("state", sorted({JobState.RUNNING, JobState.UNDOING}))
def test_a_job_that_works_on_its_vdisk_holds_it(vdisk: VDisk, admin: User, state: JobState) -> None:
    job = factories.job(vdisk, admin, state=state)

    migrate()
    migrate()

    assert holds() == [(f"vdisk:{vdisk.pk}", 1, job.pk)]
    assert Hold.objects.get().since == job.admitted_at


@pytest.mark.parametrize(
    "values",
    [
        {"state": JobState.WAITING},
        {"state": JobState.FAILED},
        {"state": JobState.SUCCEEDED},
        {"writes": False},
        {"vdisk": None},
    ],
)
def test_any_other_job_holds_nothing(vdisk: VDisk, admin: User, values: dict[str, Any]) -> None:
    job = factories.job(vdisk, admin, state=values.get("state", JobState.RUNNING))
    Job.objects.filter(pk=job.pk).update(**values)

    migrate()

    assert holds() == []


def test_a_job_that_says_what_it_needs_is_left_alone(vdisk: VDisk, admin: User) -> None:
    job = factories.job(vdisk, admin, needs=["host:elsewhere"], admitted_at=timezone.now())
    Hold.objects.create(resource=f"vdisk:{vdisk.pk}", slot=1, job=job)

    migrate()

    job.refresh_from_db()
    assert job.needs == ["host:elsewhere"]
    assert holds() == [(f"vdisk:{vdisk.pk}", 1, job.pk)]


def test_a_job_that_is_over_for_good_is_left_alone(vdisk: VDisk, admin: User) -> None:
    job = factories.job(vdisk, admin, state=JobState.SUCCEEDED)

    migrate()

    job.refresh_from_db()
    assert job.needs == []
