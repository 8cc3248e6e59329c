"""The clock is looked at by processes that meet, die and err; a time becomes one job all the same."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from builders import schedules as clock
from builders.engine import housekeeping, leases
from builders.engine.steps import StepFailed
from lifecycle import appointments, schedules, windows
from lifecycle.models import AuditEntry, Hold, Job, JobLogLine, Schedule, ScheduleRun, VDisk, Window
from lifecycle.roles import Role, sync_groups
from lifecycle.schedules import Terms
from lifecycle.states import Action, JobState, RunOutcome
from lifecycle.windows import Opening
from tests.engine.conftest import Scripted, advance
from tests.lifecycle.ground import make_farm, make_vdisk, person, ready

EVERY_MINUTE = "* * * * *"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def admin(db: None) -> User:
    sync_groups()  # the tests with transactions of their own empty the tables
    return person("ada", Role.ADMIN)


@pytest.fixture
def merging(db: None) -> VDisk:
    return make_vdisk(make_farm("Test Farm"), "W11-Office", ready())


@pytest.fixture
def make(admin: User, merging: VDisk) -> Callable[..., Schedule]:
    def schedule(name: str = "Merge", **values: Any) -> Schedule:
        defaults: dict[str, Any] = {"kind": Action.MERGE, "vdisk": merging, "cron": "0 0 29 2 *", "late_minutes": 60}
        return schedules.make(Terms(name=name, **(defaults | values)), by=admin)

    return schedule


def _due(schedule: Schedule) -> Schedule:
    Schedule.objects.filter(pk=schedule.pk).update(next_at=timezone.now())
    return Schedule.objects.get(pk=schedule.pk)


def test_what_is_due_becomes_a_job_that_queues(make: Callable[..., Schedule]) -> None:
    schedule = _due(make())

    assert clock.run_due() == 1

    job = Job.objects.get()
    assert (job.schedule, job.queues, job.state) == (schedule, True, JobState.WAITING)
    assert schedule.appointments.get().job == job


def test_looking_again_makes_no_second_job(make: Callable[..., Schedule]) -> None:
    _due(make())

    assert [clock.run_due() for _ in range(3)] == [1, 0, 0]
    assert Job.objects.count() == 1


def test_a_look_at_nothing_due_is_cheap(make: Callable[..., Schedule], django_assert_num_queries: Any) -> None:
    for number in range(20):
        make(f"Later {number}", cron="0 0 1 1 *")

    with django_assert_num_queries(3):
        assert clock.run_due() == 0


@pytest.mark.django_db(transaction=True)
def test_ticks_that_meet_make_one_job(make: Callable[..., Schedule]) -> None:
    schedule = _due(make())
    together = threading.Barrier(4)
    kept: list[int] = []
    faults: list[BaseException] = []

    def tick() -> None:
        try:
            together.wait(timeout=30)
            kept.append(clock.run_due())
        except BaseException as fault:
            faults.append(fault)
        finally:
            connection.close()

    ticks = [threading.Thread(target=tick) for _ in range(4)]
    for each in ticks:
        each.start()
    for each in ticks:
        each.join(timeout=60)

    assert faults == []
    assert sum(kept) == 1
    assert Job.objects.count() == 1
    assert ScheduleRun.objects.filter(schedule=schedule, outcome=RunOutcome.STARTED).count() == 1
    assert AuditEntry.objects.verify() is None


def test_a_fault_with_one_schedule_stops_that_one_and_no_other(
    make: Callable[..., Schedule], merging: VDisk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = _due(make("Broken", stop_after=1)), _due(make("Sound"))
    keep = appointments.keep

    def breaks(schedule_id: int, now: Any) -> Any:
        if schedule_id == broken.pk:
            raise RuntimeError("a fault of ours")
        return keep(schedule_id, now)

    monkeypatch.setattr(appointments, "keep", breaks)

    assert clock.run_due() == 1

    assert Job.objects.get().schedule == sound
    broken.refresh_from_db()
    assert (
        broken.paused_why == "The last time failed, so it stopped itself. A fault of the portal; its own log says more."
    )
    assert broken.appointments.get().outcome == RunOutcome.REFUSED
    assert any("a fault of ours" in (record.exc_text or "") for record in caplog.records)
    assert clock.run_due() == 0


def test_several_schedules_of_one_vdisk_queue_behind_each_other(make: Callable[..., Schedule]) -> None:
    for number in range(3):
        _due(make(f"Merge {number}"))

    assert clock.run_due() == 3
    assert set(Job.objects.values_list("state", "queues")) == {(JobState.WAITING, True)}


# --- windows


@pytest.fixture
def waiting(make: Callable[..., Schedule], admin: User) -> Job:
    """Was started when its window opened, which has closed since."""
    window = windows.make(Opening(name="Night", cron=EVERY_MINUTE, time_zone="UTC", minutes=1), by=admin)
    schedule = make("In the night", cron="", window=window)
    now = timezone.now()
    opened = now.replace(second=0, microsecond=0) - 5 * MINUTE
    Schedule.objects.filter(pk=schedule.pk).update(next_at=opened)
    run = appointments.keep(schedule.pk, opened)
    assert run is not None
    assert run.job is not None
    Schedule.objects.filter(pk=schedule.pk).update(next_at=now + timedelta(days=1))
    return run.job


def test_a_job_that_was_not_begun_when_its_window_closed_is_cancelled_and_says_so(waiting: Job) -> None:
    clock.run_due()

    job = Job.objects.get()
    words = "The maintenance window “Night” closed before its turn came, so it was not begun."
    assert (job.state, job.outcome, job.started_at) == (JobState.CANCELLED, words, None)
    assert job.ended_at is not None
    assert words in JobLogLine.objects.filter(job=job).latest("number").text
    assert AuditEntry.objects.get(action="job.cancelled").detail["outcome"] == words
    assert not Hold.objects.exists()
    schedule = Schedule.objects.get()
    assert (schedule.failures, schedule.paused_at) == (0, None)


def test_a_job_that_a_worker_has_begun_goes_on_after_its_window_closed(waiting: Job) -> None:
    Job.objects.update(state=JobState.RUNNING, started_at=timezone.now(), admitted_at=timezone.now())

    clock.run_due()

    assert Job.objects.get().state == JobState.RUNNING


def test_a_job_that_a_worker_takes_in_this_moment_is_left_to_it(waiting: Job) -> None:
    Job.objects.update(admitted_at=timezone.now())
    lease = leases.claim(waiting.pk, "worker")
    assert lease is not None

    clock.run_due()

    job = Job.objects.get()
    assert (job.state, job.cancel_requested_at, job.lease_token) == (JobState.WAITING, None, lease.token)


def test_a_worker_that_comes_after_the_window_closed_begins_nothing(waiting: Job) -> None:
    """In the second between the closing and the next look at the clock."""
    Job.objects.update(admitted_at=timezone.now())
    step = Scripted("merge")

    job = advance(waiting, step)

    assert (job.state, job.started_at, step.calls) == (JobState.CANCELLED, None, 0)
    assert job.outcome.startswith("The maintenance window “Night” closed before its turn came")


def test_a_worker_that_comes_while_the_window_is_open_begins(waiting: Job, admin: User) -> None:
    window = Window.objects.get()
    windows.change(window, Opening(name="Night", cron=EVERY_MINUTE, time_zone="UTC", minutes=600), by=admin)
    Job.objects.update(admitted_at=timezone.now())
    step = Scripted("merge")

    job = advance(waiting, step)

    assert (job.state, step.calls) == (JobState.SUCCEEDED, 1)


def test_what_a_schedule_started_teaches_it_when_it_ends(make: Callable[..., Schedule]) -> None:
    schedule = _due(make(stop_after=1))
    clock.run_due()
    Job.objects.update(admitted_at=timezone.now())

    advance(Job.objects.get(), Scripted("merge", StepFailed("The merge was refused.")))

    schedule.refresh_from_db()
    assert schedule.failures == 1
    assert schedule.paused_why.endswith("The merge was refused.")
    assert AuditEntry.objects.filter(action="schedule.pause", actor=None).count() == 1


def test_the_clock_is_looked_at_by_housekeeping() -> None:
    assert clock.run_due in housekeeping.chores(lambda farm_id, now: None).values()


def test_a_job_whose_window_is_open_is_left_in_the_queue(waiting: Job, admin: User) -> None:
    window = Schedule.objects.get().window
    assert window is not None
    windows.change(window, Opening(name="Night", cron=EVERY_MINUTE, time_zone="UTC", minutes=600), by=admin)

    clock.run_due()

    assert Job.objects.get().state == JobState.WAITING


def test_says_in_the_log_what_it_did(make: Callable[..., Schedule], caplog: pytest.LogCaptureFixture) -> None:
    _due(make())
    with caplog.at_level(logging.INFO, logger="builders.schedules"):
        clock.run_due()

    assert any("schedule “Merge”" in record.message for record in caplog.records)
