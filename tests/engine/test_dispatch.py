"""The tick: hands out what is due, once, whoever ticks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from builders.engine import dispatch, leases
from lifecycle.models import Farm, Job
from lifecycle.states import JobState

pytestmark = pytest.mark.django_db
MakeJob = Callable[..., Job]


def tick(*, lost_before: datetime | None = None) -> list[int]:
    """What is let in and handed out now."""
    dispatch.admit()
    sent: list[int] = []
    dispatch.hand_out(lambda job_id, _at: sent.append(job_id), lost_before=lost_before)
    return sent


def test_it_hands_out_a_due_job_once(job: Job) -> None:
    assert tick() == [job.pk]
    assert tick() == []


def handed_out(job: Job, *, seconds_ago: float) -> None:
    tick()
    Job.objects.filter(pk=job.pk).update(dispatched_at=timezone.now() - timedelta(seconds=seconds_ago))


def test_it_hands_out_again_what_was_lost_on_the_way(job: Job) -> None:
    handed_out(job, seconds_ago=30)

    assert tick() == []
    assert tick(lost_before=dispatch.lost_before(None)) == [job.pk]


def test_a_message_that_waits_in_a_slow_queue_is_not_lost(job: Job) -> None:
    handed_out(job, seconds_ago=600)

    assert tick(lost_before=dispatch.lost_before(timezone.now() - timedelta(seconds=700))) == []
    assert tick(lost_before=dispatch.lost_before(timezone.now() - timedelta(seconds=500))) == [job.pk]


def test_a_message_on_its_way_to_a_thread_is_not_lost(job: Job) -> None:
    handed_out(job, seconds_ago=1)

    assert tick(lost_before=dispatch.lost_before(None)) == []


def test_a_job_that_could_not_be_sent_is_handed_out_the_next_time(make_job: MakeJob) -> None:
    jobs = [make_job(due_at=timezone.now() - timedelta(minutes=9 - n)) for n in range(3)]
    dispatch.admit()
    sent: list[int] = []

    def send(job_id: int, _at: datetime) -> None:
        if sent:
            raise ConnectionError("the broker is gone")
        sent.append(job_id)

    with pytest.raises(ConnectionError):
        dispatch.hand_out(send)

    assert sent == [jobs[0].pk]
    assert tick() == [jobs[1].pk, jobs[2].pk]


def test_a_worker_that_drains_gives_a_job_back_to_be_handed_out_at_once(job: Job) -> None:
    assert tick() == [job.pk]

    dispatch.give_back(job.pk)

    assert tick() == [job.pk]


def test_it_takes_no_more_at_once_than_it_says_whatever_the_plan(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL may run a subquery anew for each row that it looks at, and then a limit in it limits nothing."""
    monkeypatch.setattr(dispatch, "AT_ONCE", 2)
    jobs = [make_job(due_at=timezone.now() - timedelta(minutes=9 - n)).pk for n in range(5)]
    with connection.cursor() as cursor:
        for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize", "bitmapscan", "indexscan"):
            cursor.execute(f"SET LOCAL enable_{way} = off")

    assert [tick(), tick(), tick()] == [jobs[:2], jobs[2:4], jobs[4:]]


def test_it_does_not_hand_out_what_is_not_let_in(make_job: MakeJob) -> None:
    first, second = (
        make_job(admitted_at=None, needs=["vdisk:1"], created_at=timezone.now() - timedelta(minutes=9 - n))
        for n in (0, 1)
    )

    assert tick() == [first.pk]
    assert second.pk not in tick()


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


def test_it_knows_when_the_next_job_falls_due(make_job: MakeJob) -> None:
    assert dispatch.seconds_to_next() is None

    make_job(due_at=timezone.now() + timedelta(hours=2))
    make_job(due_at=timezone.now() + timedelta(hours=1))
    make_job(due_at=timezone.now() - timedelta(hours=1))

    left = dispatch.seconds_to_next()
    assert left is not None
    assert 0 < left <= 3600


def test_it_knows_the_farms_that_are_due(job: Job) -> None:
    farm = Farm.objects.get()
    Farm.objects.update(sync_due_at=timezone.now() - timedelta(seconds=1))

    assert dispatch.farms_due()[0] == [farm.pk]
    Farm.objects.update(sync_lease_until=timezone.now() + timedelta(minutes=1))
    assert dispatch.farms_due()[0] == []
    Farm.objects.update(sync_lease_until=None, sync_due_at=timezone.now() + timedelta(minutes=1))
    assert dispatch.farms_due()[0] == []
