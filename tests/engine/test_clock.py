"""The database's clock was put back: nothing waits for as long as it leapt. Told with rows that lie an hour ahead."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F, Model
from django.db.models.functions import Now

from builders.engine import broker, clock, dispatch, housekeeping, leases
from builders.engine.steps import Done, Wait
from builders.engine.writing import LONGEST_WAIT
from builders.sync import run
from lifecycle import operating
from lifecycle.models import Farm, Job, Worker
from lifecycle.operating import Condition
from lifecycle.states import JobState
from tests.engine.conftest import Scripted, advance

LEAP = timedelta(hours=1)
MakeJob = Callable[..., Job]


def put(row: Model, **ahead: timedelta | None) -> None:
    """Times of a row, so far from now by the database's clock."""
    values = {name: None if far is None else Now() + far for name, far in ahead.items()}
    type(row)._default_manager.filter(pk=row.pk).update(**values)


def ahead(row: Model, name: str) -> timedelta:
    found: timedelta = type(row)._default_manager.annotate(left=F(name) - Now()).get(pk=row.pk).left  # type: ignore[attr-defined]
    return found


def times(row: Model) -> list[datetime | None]:
    return [getattr(row, field.name) for field in row._meta.fields if field.get_internal_type() == "DateTimeField"]


@pytest.mark.django_db
@pytest.mark.parametrize("state", [JobState.WAITING, JobState.RUNNING, JobState.UNDOING])
def test_times_of_a_job_come_back_in_reach(make_job: MakeJob, state: JobState) -> None:
    job = make_job(state=state, undo_cause="cancelled" if state == JobState.UNDOING else "")
    put(job, lease_until=LEAP, due_at=LEAP, dispatched_at=LEAP)

    assert clock.bring_back() == 3

    assert ahead(job, "lease_until") <= leases.length()
    assert ahead(job, "due_at") <= LONGEST_WAIT
    assert ahead(job, "dispatched_at") <= timedelta(0)


@pytest.mark.django_db
def test_times_of_a_farm_and_a_worker_come_back_in_reach(job: Job) -> None:
    farm = job.farm
    Farm.objects.update(sync_every_seconds=120)
    worker = Worker.objects.create(name="w", machine="a", process=1)
    put(farm, sync_lease_until=LEAP, sync_due_at=LEAP)
    put(worker, seen_at=LEAP)

    assert clock.bring_back() == 3

    assert ahead(farm, "sync_lease_until") <= leases.length()
    assert timedelta(0) < ahead(farm, "sync_due_at") <= timedelta(seconds=120)
    assert ahead(worker, "seen_at") <= timedelta(0)


@pytest.mark.django_db
def test_what_is_as_it_should_be_stays(make_job: MakeJob, caplog: pytest.LogCaptureFixture) -> None:
    at_work, waits, idle, over = make_job(), make_job(), make_job(), make_job()
    put(at_work, lease_until=leases.length(), due_at=-LEAP, dispatched_at=timedelta(0))
    put(waits, due_at=LONGEST_WAIT)
    Job.objects.filter(pk=over.pk).update(state=JobState.FAILED, ended_at=Now())
    put(over, due_at=LEAP, kept_until=72 * LEAP)
    put(at_work.farm, sync_due_at=timedelta(seconds=60))
    worker = Worker.objects.create(name="w", machine="a", process=1)
    rows: list[Model] = [at_work, waits, idle, over, at_work.farm, worker]
    for row in rows:
        row.refresh_from_db()
    before = [times(row) for row in rows]

    assert clock.bring_back() == 0

    for row in rows:
        row.refresh_from_db()
    assert [times(row) for row in rows] == before
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.django_db
def test_a_second_beat_finds_nothing_more_to_do(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    put(job, lease_until=LEAP, due_at=LEAP)
    clock.bring_back()
    job.refresh_from_db()
    before = times(job)

    assert clock.bring_back() == 0

    job.refresh_from_db()
    assert times(job) == before
    assert len([record for record in caplog.records if "clock went back" in record.getMessage()]) == 1


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_has_in_hand_keeps_nobody_waiting(job: Job, make_job: MakeJob) -> None:
    other = make_job()
    for row in (job, other):
        put(row, due_at=LEAP)
    found: list[int] = []

    def beat() -> None:
        found.append(clock.bring_back())
        connection.close()

    with transaction.atomic():
        Job.objects.select_for_update().get(pk=job.pk)
        thread = threading.Thread(target=beat)
        thread.start()
        thread.join(60)
        assert found == [1]
        assert ahead(other, "due_at") <= LONGEST_WAIT
    assert clock.bring_back() == 1
    assert ahead(job, "due_at") <= LONGEST_WAIT


@pytest.mark.django_db
def test_a_dead_workers_job_is_taken_over_after_one_lease(job: Job) -> None:
    put(job, lease_until=LEAP, due_at=-LEAP)
    assert advance(job, Scripted("a")).state == JobState.WAITING

    clock.bring_back()
    put(job, lease_until=ahead(job, "lease_until") - leases.length())

    assert advance(job, Scripted("a")).state == JobState.SUCCEEDED


@pytest.mark.django_db
def test_a_lost_message_is_sent_again(job: Job) -> None:
    put(job, dispatched_at=LEAP)
    sent: list[int] = []

    def look() -> None:
        dispatch.hand_out(lambda job_id, _at: sent.append(job_id), lost_before=dispatch.lost_before(None))

    clock.bring_back()
    put(job, dispatched_at=ahead(job, "dispatched_at") - dispatch.HAND_OUT_AGAIN)
    look()

    assert sent == [job.pk]


@pytest.mark.django_db
def test_a_lost_message_for_a_farm_is_sent_again(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    put(job.farm, sync_due_at=-LEAP)
    found: list[int] = []
    syncs = housekeeping.Syncs(lambda farm_id, _at: found.append(farm_id))
    monkeypatch.setattr(broker, "oldest_message", lambda: None)
    now = dispatch.farms_due()[1]
    moments = iter([now + LEAP, now, now + 2 * dispatch.HAND_OUT_AGAIN])
    monkeypatch.setattr(dispatch, "farms_due", lambda: ([job.farm_id], next(moments)))
    lost = iter([now - dispatch.HAND_OUT_AGAIN, now + dispatch.HAND_OUT_AGAIN])
    monkeypatch.setattr(dispatch, "lost_before", lambda _oldest: next(lost))

    for _ in range(3):
        syncs()

    assert found == [job.farm_id, job.farm_id]


@pytest.mark.django_db
def test_a_dead_worker_does_not_look_alive(db: None) -> None:
    worker = Worker.objects.create(name="w", machine="a", process=1)
    put(worker, seen_at=LEAP)
    clock.bring_back()
    put(worker, seen_at=ahead(worker, "seen_at") - 2 * operating.silence())

    assert [one.condition for one in operating.workers_now()] == [Condition.DEAD]


@pytest.mark.django_db
def test_no_step_makes_a_job_wait_for_longer_than_it_is_brought_back(job: Job) -> None:
    waits = Scripted("wait", Wait(3600, "an hour"), Done())

    advance(job, waits)

    assert timedelta(0) < ahead(job, "due_at") <= LONGEST_WAIT
    before = Job.objects.get(pk=job.pk).due_at
    assert clock.bring_back() == 0
    assert Job.objects.get(pk=job.pk).due_at == before


@pytest.mark.django_db
def test_a_farm_is_read_again_after_its_interval(job: Job) -> None:
    put(job.farm, sync_lease_until=LEAP, sync_due_at=LEAP)
    assert run._claim(job.farm_id, only_when_due=False) is None

    clock.bring_back()
    put(job.farm, sync_lease_until=ahead(job.farm, "sync_lease_until") - leases.length())
    put(job.farm, sync_due_at=ahead(job.farm, "sync_due_at") - timedelta(seconds=60))

    assert run._claim(job.farm_id, only_when_due=True) is not None


# --- put forward


@pytest.mark.django_db
def test_a_step_whose_limit_ended_by_the_leap_is_called_once_before_it_is_judged(make_job: MakeJob) -> None:
    done, not_done = Scripted("a", Wait(0, "building"), Done("built")), Scripted("a", Wait(0, "building"))
    for step, state in ((done, JobState.SUCCEEDED), (not_done, JobState.FAILED)):
        job = make_job()
        advance(job, step)
        put(job.steps.get(), started_at=-100 * LEAP)
        put(job, due_at=-LEAP)

        assert advance(job, step).state == state
        assert step.calls == 2


@pytest.mark.django_db
def test_whose_lease_ended_by_the_leap_writes_nothing_any_more(job: Job) -> None:
    def leap(ctx: Any) -> Done:
        put(job, lease_until=-LEAP)
        advance(job, Scripted("a", Done("by the second")), owner="second")
        return Done("by the first")

    advance(job, Scripted("a", leap), owner="first")

    job.refresh_from_db()
    assert (job.state, job.outcome) == (JobState.SUCCEEDED, "by the second")
    assert "by the first" not in list(job.log.values_list("text", flat=True))
