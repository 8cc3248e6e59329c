"""The tick: hands out what is due, once, whoever ticks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from builders.engine import dispatch, leases
from lifecycle.models import Farm, Job
from lifecycle.states import JobState

pytestmark = pytest.mark.django_db
MakeJob = Callable[..., Job]


def tick() -> list[int]:
    sent: list[int] = []
    dispatch.hand_out(sent.append)
    return sent


def test_it_hands_out_a_due_job_once(job: Job) -> None:
    assert tick() == [job.pk]
    assert tick() == []


def test_it_hands_out_again_what_was_lost_on_the_way(job: Job) -> None:
    tick()
    Job.objects.update(dispatched_at=timezone.now() - timedelta(seconds=30))

    assert tick() == [job.pk]


def test_it_leaves_a_job_that_waits(make_job: MakeJob) -> None:
    make_job(due_at=timezone.now() + timedelta(minutes=1))

    assert tick() == []


def test_it_leaves_a_job_that_somebody_works_on(job: Job) -> None:
    leases.claim(job.pk, "one")

    assert tick() == []


def test_it_takes_over_from_a_dead_worker(job: Job) -> None:
    leases.claim(job.pk, "one")
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert tick() == [job.pk]


def test_it_leaves_a_job_that_is_over(make_job: MakeJob) -> None:
    make_job(state=JobState.FAILED, ended_at=timezone.now())

    assert tick() == []


def test_the_longest_due_comes_first(make_job: MakeJob) -> None:
    now = timezone.now()
    late = make_job(due_at=now - timedelta(minutes=1))
    later = make_job(due_at=now - timedelta(minutes=9))

    assert tick() == [later.pk, late.pk]


def test_it_knows_the_farms_that_are_due(job: Job) -> None:
    farm = Farm.objects.get()

    assert dispatch.farms_due() == [farm.pk]
    Farm.objects.update(sync_lease_until=timezone.now() + timedelta(minutes=1))
    assert dispatch.farms_due() == []
    Farm.objects.update(sync_lease_until=None, sync_due_at=timezone.now() + timedelta(minutes=1))
    assert dispatch.farms_due() == []
