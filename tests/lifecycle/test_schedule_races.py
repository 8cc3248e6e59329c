"""A schedule in several hands at once: nobody waits for ever, and nothing is counted twice or lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from lifecycle import appointments, schedules
from lifecycle.models import AuditEntry, Job, Schedule
from lifecycle.roles import Role
from lifecycle.schedules import Terms
from lifecycle.states import Action, JobState
from tests.lifecycle.ground import end, make_farm, make_vdisk, person, ready
from tests.lifecycle.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

DUE = datetime(2030, 6, 3, 3, 0, tzinfo=UTC)


@pytest.fixture
def anna() -> User:
    return person("anna", Role.ADMIN)


@pytest.fixture
def terms() -> Terms:
    vdisk = make_vdisk(make_farm(), "W11", ready())
    return Terms(name="Nightly", kind=Action.MERGE, vdisk=vdisk, cron="0 3 * * *", stop_after=1)


@pytest.fixture
def schedule(terms: Terms, anna: User) -> Schedule:
    made = schedules.make(terms, by=anna)
    Schedule.objects.update(next_at=DUE)
    return made


def _fails(job: Job) -> None:
    with transaction.atomic():
        end(job, JobState.FAILED)


@pytest.fixture
def job(schedule: Schedule) -> Job:
    run = appointments.keep(schedule.pk, DUE)
    assert run is not None
    assert run.job is not None
    return run.job


def test_a_job_ends_while_its_schedule_is_removed(schedule: Schedule, job: Job, anna: User) -> None:
    outcomes = at_once(lambda: _fails(job), lambda: schedules.remove(schedule, by=anna))

    assert outcomes == [None, None]
    assert not Schedule.objects.exists()
    assert Job.objects.get().schedule_id is None
    assert AuditEntry.objects.verify() is None


def test_a_schedule_is_removed_while_its_job_ends(schedule: Schedule, job: Job, anna: User) -> None:
    outcomes = at_once(lambda: schedules.remove(schedule, by=anna), lambda: _fails(job))

    assert outcomes == [None, None]
    assert Job.objects.get().state == JobState.FAILED
    assert AuditEntry.objects.verify() is None


def test_a_job_fails_while_its_schedule_is_paused(schedule: Schedule, job: Job, anna: User) -> None:
    outcomes = at_once(lambda: schedules.pause(schedule, by=anna, reason="Holidays"), lambda: _fails(job))

    assert outcomes == [None, None]
    schedule.refresh_from_db()
    assert (schedule.failures, schedule.paused_why) == (1, "anna paused it: Holidays")


def test_its_time_comes_while_somebody_changes_it(schedule: Schedule, terms: Terms, anna: User) -> None:
    changed = replace(terms, cron="0 5 * * *")

    run, change = at_once(
        lambda: appointments.keep(schedule.pk, DUE), lambda: schedules.change(schedule, changed, by=anna)
    )

    assert change is None
    assert run.job == Job.objects.get()
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.paused_at) == ("0 5 * * *", None)
    assert schedule.next_at is not None
    assert (schedule.next_at.hour, schedule.next_at != DUE + timedelta(days=1)) == (5, True)


def test_two_people_make_one_of_the_same_name(terms: Terms, anna: User) -> None:
    outcomes = at_once(lambda: schedules.make(terms, by=anna), lambda: schedules.make(terms, by=anna))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Incomplete", "Schedule"]
    assert Schedule.objects.count() == 1
