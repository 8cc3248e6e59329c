"""Schedules: what may be scheduled, what becomes of each appointed time, and when a schedule stops itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction
from django.utils import timezone

from lifecycle import appointments, schedules, windows
from lifecycle.errors import Incomplete, NotAllowed, NotNow
from lifecycle.models import AuditEntry, Farm, Job, Schedule, ScheduleRun, VDisk, Window
from lifecycle.roles import Role
from lifecycle.schedules import SCHEDULABLE, Terms
from lifecycle.states import Action, JobState, RunOutcome
from lifecycle.windows import Opening
from tests.lifecycle.chains import chain, copy, in_test, maintenance, version
from tests.lifecycle.ground import end, make_vdisk, trail, write_chain

MINUTE = timedelta(minutes=1)
DUE = datetime(2030, 6, 3, 1, 0, tzinfo=UTC)  # a Monday, 03:00 in Berlin
NIGHTLY = "0 3 * * *"


@pytest.fixture
def terms(vdisk: VDisk) -> Terms:
    return Terms(name="Nightly", kind=Action.MERGE, vdisk=vdisk, cron=NIGHTLY, time_zone="Europe/Berlin")


@pytest.fixture
def schedule(terms: Terms, admin: User) -> Schedule:
    return _due(schedules.make(terms, by=admin))


@pytest.fixture
def window(admin: User) -> Window:
    return windows.make(Opening(name="Sunday night", cron="0 22 * * SUN", time_zone="UTC", minutes=120), by=admin)


def _due(schedule: Schedule, at: datetime = DUE) -> Schedule:
    Schedule.objects.filter(pk=schedule.pk).update(next_at=at)
    return _now(schedule)


def _now(schedule: Schedule) -> Schedule:
    return Schedule.objects.get(pk=schedule.pk)


def _keep(schedule: Schedule, now: datetime = DUE) -> ScheduleRun | None:
    return appointments.keep(schedule.pk, now)


def _outcomes(schedule: Schedule) -> list[tuple[datetime, str]]:
    return list(schedule.appointments.order_by("due_at").values_list("due_at", "outcome"))


# --- what may be scheduled


def test_every_action_says_whether_it_may_be_scheduled() -> None:
    assert set(SCHEDULABLE) == set(Action)


@pytest.mark.parametrize("action", [action for action, why_not in SCHEDULABLE.items() if why_not])
def test_refuses_what_a_person_must_decide(action: Action, terms: Terms, admin: User) -> None:
    with pytest.raises(Incomplete) as refusal:
        schedules.make(replace(terms, kind=action), by=admin)

    assert refusal.value.field == "kind"
    assert str(refusal.value) == SCHEDULABLE[action]
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    "action",
    [Action.PROMOTE_PRODUCTION, Action.DELETE_VERSION, Action.SET_OVERRIDE, Action.CLEAR_OVERRIDE, Action.REVERT_TEST],
)
def test_neither_production_nor_destruction_is_scheduled(action: Action) -> None:
    assert SCHEDULABLE[action] != ""


def test_a_row_that_came_past_the_table_starts_nothing(schedule: Schedule) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(kind=Action.DELETE_VERSION)

    run = _keep(schedule)

    assert run is not None
    assert (run.outcome, run.words) == (RunOutcome.REFUSED, SCHEDULABLE[Action.DELETE_VERSION])
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"cron": "0 3 * *"}, "cron"),
        ({"cron": ""}, "cron"),
        ({"time_zone": "Berlin"}, "time_zone"),
        ({"late_minutes": 0}, "late_minutes"),
        ({"late_minutes": 10_081}, "late_minutes"),
        ({"stop_after": 0}, "stop_after"),
    ],
)
def test_names_the_field_that_makes_no_sense(values: dict[str, Any], field: str, terms: Terms, admin: User) -> None:
    with pytest.raises(Incomplete) as refusal:
        schedules.make(replace(terms, **values), by=admin)

    assert refusal.value.field == field


def test_has_times_or_a_window_and_not_both(terms: Terms, window: Window, admin: User) -> None:
    with pytest.raises(Incomplete, match="leave the times empty"):
        schedules.make(replace(terms, window=window), by=admin)


def test_a_name_is_given_once(schedule: Schedule, terms: Terms, admin: User) -> None:
    with pytest.raises(Incomplete, match="There is one called “Nightly” already") as refusal:
        schedules.make(terms, by=admin)

    assert refusal.value.field == "name"


@pytest.mark.parametrize("who", ["helpdesk", "approver", "auditor", "outsider"])
def test_only_admins_manage_them(
    who: str, schedule: Schedule, window: Window, terms: Terms, request: pytest.FixtureRequest
) -> None:
    user: User = request.getfixturevalue(who)
    opening = Opening(name="x", cron=NIGHTLY, time_zone="UTC", minutes=1)
    for deed in (
        lambda: schedules.make(replace(terms, name="Other"), by=user),
        lambda: schedules.change(schedule, terms, by=user),
        lambda: schedules.pause(schedule, by=user),
        lambda: schedules.resume(schedule, by=user),
        lambda: schedules.remove(schedule, by=user),
        lambda: appointments.run_now(schedule, by=user, now=DUE),
        lambda: windows.make(opening, by=user),
        lambda: windows.change(window, opening, by=user),
        lambda: windows.remove(window, by=user),
    ):
        with pytest.raises(NotAllowed):
            deed()

    assert trail() == ["schedule.create", "window.create"]


# --- an appointed time


def test_starts_a_job_in_the_name_of_its_owner_and_comes_again(schedule: Schedule, admin: User, vdisk: VDisk) -> None:
    run = _keep(schedule, DUE + timedelta(seconds=2))

    assert run is not None
    job = Job.objects.get()
    assert (run.outcome, run.due_at, run.job, run.words) == (RunOutcome.STARTED, DUE, job, "")
    assert (job.kind, job.vdisk, job.requested_by, job.schedule) == ("merge", vdisk, admin, schedule)
    assert job.queues
    assert job.state == JobState.WAITING
    assert _now(schedule).next_at == DUE + timedelta(days=1)
    assert AuditEntry.objects.get(action="job.start.merge").detail["schedule"] == "Nightly"


def test_a_time_becomes_one_job_however_often_one_looks(schedule: Schedule) -> None:
    first = _keep(schedule)
    again = _keep(schedule)
    _due(schedule)  # as if the next time had not been written
    third = _keep(schedule)

    assert first is not None
    assert (again, third) == (None, None)
    assert Job.objects.count() == 1


def test_the_database_keeps_a_time_from_being_kept_twice(schedule: Schedule) -> None:
    ScheduleRun.objects.create(schedule=schedule, due_at=DUE, outcome=RunOutcome.STARTED)

    with pytest.raises(IntegrityError), transaction.atomic():
        ScheduleRun.objects.create(schedule=schedule, due_at=DUE, outcome=RunOutcome.MISSED)


def test_is_not_due_before_its_time(schedule: Schedule) -> None:
    assert appointments.due(DUE - timedelta(seconds=1)) == []
    assert _keep(schedule, DUE - timedelta(seconds=1)) is None
    assert appointments.due(DUE) == [schedule.pk]


@pytest.mark.parametrize(
    ("action", "expected"),
    [(Action.BOOT_TEST, 2), (Action.PROMOTE_TEST, 3), (Action.BOOT_MAINTENANCE, 3), (Action.MERGE_BASE, None)],
)
def test_finds_the_version_when_the_time_comes(
    action: Action, expected: int | None, farm: Farm, terms: Terms, admin: User
) -> None:
    with_all = chain(version(0), version(1), in_test(2), maintenance(3), test_targets=1, maintenance_targets=1)
    if action == Action.MERGE_BASE:
        with_all = chain(version(0), version(1), in_test(2))
    vdisk = make_vdisk(farm, "Other", with_all)
    schedule = _due(schedules.make(replace(terms, name="x", kind=action, vdisk=vdisk), by=admin))

    _keep(schedule)

    assert Job.objects.get().version_number == expected


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Action.PROMOTE_TEST, "W11 has no maintenance version."),
        (Action.BOOT_MAINTENANCE, "W11 has no maintenance version."),
        (Action.BOOT_TEST, "Boot the test targets is not possible now. No target of type test"),
    ],
)
def test_says_why_it_could_not(action: Action, words: str, terms: Terms, admin: User, vdisk: VDisk) -> None:
    VDisk.objects.filter(pk=vdisk.pk).update(test_targets=0)
    schedule = _due(schedules.make(replace(terms, kind=action), by=admin))

    run = _keep(schedule)

    assert run is not None
    assert run.outcome == RunOutcome.REFUSED
    assert words in run.words
    assert _now(schedule).failures == 1


def test_a_vdisk_that_left_pvs_is_a_refusal(schedule: Schedule, vdisk: VDisk) -> None:
    VDisk.objects.filter(pk=vdisk.pk).update(gone_at=timezone.now())

    run = _keep(schedule)

    assert run is not None
    assert (run.outcome, run.words) == (RunOutcome.REFUSED, "W11 is no longer in PVS.")


def test_does_not_pile_up_on_its_own_job(schedule: Schedule) -> None:
    _keep(schedule)
    job = Job.objects.get()

    run = _keep(schedule, DUE + timedelta(days=1))

    assert run is not None
    assert (run.outcome, run.words) == (RunOutcome.MISSED, f"Job {job.pk} of an earlier time is still waiting.")
    assert Job.objects.count() == 1
    assert _now(schedule).failures == 0


def test_waits_behind_the_job_of_somebody_else(schedule: Schedule, vdisk: VDisk, admin: User) -> None:
    other = Job.objects.create(kind="merge", title="x", farm=vdisk.farm, vdisk=vdisk, requested_by=admin)

    run = _keep(schedule)

    assert run is not None
    assert run.job is not None
    assert run.job != other


def test_what_is_impossible_only_while_another_job_runs_is_tried_until_it_is_too_late(
    terms: Terms, vdisk: VDisk, admin: User
) -> None:
    schedule = _due(schedules.make(replace(terms, kind=Action.PROMOTE_TEST, late_minutes=30), by=admin))
    other = Job.objects.create(kind="new-version", title="x", farm=vdisk.farm, vdisk=vdisk, requested_by=admin)

    assert _keep(schedule) is None
    assert _outcomes(schedule) == []

    write_chain(vdisk, chain(version(0), version(1), maintenance(2)))
    end(other, JobState.SUCCEEDED)
    run = _keep(schedule, DUE + 10 * MINUTE)

    assert run is not None
    assert run.job is not None
    assert (run.due_at, run.words, run.job.version_number) == (DUE, "Started 10 min late.", 2)


# --- missed times


def test_a_time_that_is_a_little_ago_is_made_up_for_once(schedule: Schedule) -> None:
    run = _keep(schedule, DUE + 59 * MINUTE)

    assert run is not None
    assert (run.outcome, run.words) == (RunOutcome.STARTED, "Started 59 min late.")
    assert Job.objects.count() == 1


def test_a_time_that_is_too_long_ago_is_noted_as_missed(schedule: Schedule) -> None:
    run = _keep(schedule, DUE + 61 * MINUTE)

    assert run is not None
    assert run.outcome == RunOutcome.MISSED
    assert "did not start within 60 min" in run.words
    assert not Job.objects.exists()
    after = _now(schedule)
    assert (after.failures, after.next_at) == (0, DUE + timedelta(days=1))


def test_of_many_missed_times_only_the_last_is_made_up_for(terms: Terms, admin: User) -> None:
    schedule = _due(schedules.make(replace(terms, cron="0 * * * *", late_minutes=90), by=admin))
    now = DUE + timedelta(hours=10, minutes=20)

    run = _keep(schedule, now)

    assert run is not None
    assert run.due_at == DUE + timedelta(hours=10)
    assert _outcomes(schedule) == [(DUE, RunOutcome.MISSED), (DUE + timedelta(hours=10), RunOutcome.STARTED)]
    missed = schedule.appointments.get(outcome=RunOutcome.MISSED)
    assert "The same goes for 9 times after it" in missed.words
    assert Job.objects.count() == 1
    assert _now(schedule).next_at == DUE + timedelta(hours=11)


def test_a_long_absence_costs_no_row_for_each_time(terms: Terms, admin: User) -> None:
    schedule = _due(schedules.make(replace(terms, cron="* * * * *", late_minutes=5), by=admin))

    _keep(schedule, DUE + timedelta(days=30))

    assert [outcome for _, outcome in _outcomes(schedule)] == [RunOutcome.MISSED, RunOutcome.STARTED]
    assert "at least 999 times after it" in schedule.appointments.earliest("due_at").words


# --- nothing changed


def test_skips_when_nothing_changed_since_it_last_succeeded(terms: Terms, vdisk: VDisk, admin: User) -> None:
    schedule = _due(schedules.make(replace(terms, skip_unchanged=True), by=admin))
    _keep(schedule)
    end(Job.objects.get(), JobState.SUCCEEDED)

    unchanged = _keep(schedule, DUE + timedelta(days=1))
    write_chain(vdisk, chain(version(0), version(1), in_test(2, file_name="W11.2.new.avhdx")))
    changed = _keep(schedule, DUE + timedelta(days=2))

    assert unchanged is not None
    assert changed is not None
    assert (unchanged.outcome, changed.outcome) == (RunOutcome.UNCHANGED, RunOutcome.STARTED)
    assert unchanged.words == "W11 is as it was when this last succeeded."
    assert _now(schedule).failures == 0


def test_a_file_that_was_written_to_is_a_change(terms: Terms, vdisk: VDisk, admin: User) -> None:
    written = [copy(number, "PVS01", file_time=f"2026-11-2{number}") for number in (0, 1, 2)]
    write_chain(vdisk, chain(version(0), version(1), in_test(2), replicas=tuple(written)))
    schedule = _due(schedules.make(replace(terms, skip_unchanged=True), by=admin))
    _keep(schedule)
    end(Job.objects.get(), JobState.SUCCEEDED)
    written[1] = copy(1, "PVS01", file_time="2026-11-25")
    write_chain(vdisk, chain(version(0), version(1), in_test(2), replicas=tuple(written)))

    run = _keep(schedule, DUE + timedelta(days=1))

    assert run is not None
    assert run.outcome == RunOutcome.STARTED


def test_a_failed_time_is_no_reason_to_skip_the_next(terms: Terms, admin: User) -> None:
    schedule = _due(schedules.make(replace(terms, skip_unchanged=True), by=admin))
    _keep(schedule)
    end(Job.objects.get(), JobState.FAILED)

    run = _keep(schedule, DUE + timedelta(days=1))

    assert run is not None
    assert run.outcome == RunOutcome.STARTED


def test_another_vdisk_is_not_taken_for_unchanged(terms: Terms, farm: Farm, admin: User) -> None:
    schedule = _due(schedules.make(replace(terms, skip_unchanged=True), by=admin))
    _keep(schedule)
    end(Job.objects.get(), JobState.SUCCEEDED)
    twin = make_vdisk(farm, "Twin", chain(version(0), version(1), in_test(2)))

    schedules.change(schedule, replace(terms, vdisk=twin, skip_unchanged=True), by=admin)

    assert _now(schedule).fingerprint == ""


# --- failures in a row


def _fail(schedule: Schedule, day: int, state: str = JobState.FAILED) -> None:
    run = _keep(schedule, DUE + timedelta(days=day))
    assert run is not None
    assert run.job is not None
    end(run.job, state, f"Reason {day}.")


def test_stops_after_so_many_failures_in_a_row_and_says_so(schedule: Schedule) -> None:
    for day, state in enumerate([JobState.FAILED, JobState.ERRORED, JobState.FAILED]):
        assert _now(schedule).paused_at is None
        _fail(schedule, day, state)

    stopped = _now(schedule)
    last = Job.objects.latest("pk")
    words = f"It failed 3 times in a row, so it stopped itself. Job {last.pk}: Reason 2."
    assert (stopped.paused_why, stopped.next_at, stopped.failures) == (words, None, 3)
    row = AuditEntry.objects.get(action="schedule.pause")
    assert (row.actor, row.object_name, row.detail) == (None, "Nightly", {"why": words})
    assert appointments.due(DUE + timedelta(days=99)) == []
    assert AuditEntry.objects.verify() is None


def test_a_success_in_between_begins_the_count_anew(schedule: Schedule) -> None:
    for day, state in enumerate([JobState.FAILED, JobState.FAILED, JobState.SUCCEEDED, JobState.FAILED]):
        _fail(schedule, day, state)

    assert (_now(schedule).failures, _now(schedule).paused_at) == (1, None)


def test_a_cancelled_job_is_no_failure(schedule: Schedule) -> None:
    _fail(schedule, 0)
    _fail(schedule, 1, JobState.CANCELLED)

    assert _now(schedule).failures == 1


def test_a_job_that_was_resumed_fails_once_for_its_time(schedule: Schedule) -> None:
    _fail(schedule, 0)
    job = Job.objects.get()
    Job.objects.filter(pk=job.pk).update(state=JobState.WAITING, ended_at=None, runs=2)
    end(Job.objects.get(), JobState.FAILED)

    assert _now(schedule).failures == 1


def test_a_resumed_job_that_succeeds_clears_the_count(schedule: Schedule) -> None:
    _fail(schedule, 0)
    job = Job.objects.get()
    Job.objects.filter(pk=job.pk).update(state=JobState.WAITING, ended_at=None, runs=2)
    end(Job.objects.get(), JobState.SUCCEEDED)

    assert _now(schedule).failures == 0


def test_resumes_with_a_clean_sheet_and_does_not_make_up_for_the_pause(schedule: Schedule, admin: User) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(stop_after=1)
    _fail(schedule, 0)
    assert _now(schedule).paused_why.startswith("The last time failed, so it stopped itself.")

    schedules.resume(schedule, by=admin)

    found = _now(schedule)
    assert (found.paused_at, found.paused_why, found.failures) == (None, "", 0)
    assert found.next_at is not None
    assert found.next_at > timezone.now()
    assert trail()[-1] == "schedule.resume"


def test_runs_in_the_name_of_who_resumed_it(schedule: Schedule, admin: User, both: User) -> None:
    schedules.pause(schedule, by=admin)

    schedules.resume(schedule, by=both)

    assert _now(schedule).owner == both
    assert AuditEntry.objects.latest("id").detail["owner"] == "admin → both"


def test_who_resumes_their_own_schedule_stays_its_owner(schedule: Schedule, admin: User) -> None:
    schedules.pause(schedule, by=admin)

    schedules.resume(schedule, by=admin)

    assert _now(schedule).owner == admin
    assert "owner" not in AuditEntry.objects.latest("id").detail


# --- the owner


def _loses_the_role(owner: User) -> None:
    owner.groups.set(Group.objects.filter(name=str(Role.HELPDESK)))


def _leaves(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (_leaves, "admin, in whose name it runs, has left."),
        (_loses_the_role, "admin, in whose name it runs, has no role any more"),
    ],
)
def test_the_owners_rights_are_looked_at_each_time(happens: Any, words: str, schedule: Schedule, admin: User) -> None:
    _keep(schedule)
    end(Job.objects.get(), JobState.SUCCEEDED)
    happens(admin)

    for day in (1, 2, 3):
        _keep(schedule, DUE + timedelta(days=day))

    runs = schedule.appointments.filter(outcome=RunOutcome.REFUSED)
    assert len(runs) == 3
    assert all(words in run.words for run in runs)
    assert Job.objects.count() == 1
    assert words in _now(schedule).paused_why


def test_who_changes_it_answers_for_it(schedule: Schedule, terms: Terms, both: User) -> None:
    schedules.change(schedule, replace(terms, cron="0 4 * * *"), by=both)

    assert _now(schedule).owner == both
    detail = AuditEntry.objects.get(action="schedule.change").detail
    assert detail == {"times": "0 3 * * * (Europe/Berlin) → 0 4 * * * (Europe/Berlin)", "owner": "admin → both"}


# --- people's deeds


def test_a_change_sets_the_next_time_and_leaves_a_pause(schedule: Schedule, terms: Terms, admin: User) -> None:
    schedules.change(schedule, replace(terms, cron="30 5 * * *", time_zone="UTC"), by=admin)
    found = _now(schedule)
    assert found.next_at is not None
    assert (found.next_at.hour, found.next_at.minute) == (5, 30)

    schedules.pause(schedule, by=admin, reason="Holidays")
    schedules.change(schedule, terms, by=admin)

    assert _now(schedule).next_at is None
    assert _now(schedule).paused_why == "admin paused it: Holidays"


def test_what_is_paused_is_not_paused_again(schedule: Schedule, admin: User) -> None:
    schedules.pause(schedule, by=admin)

    with pytest.raises(NotNow, match=r"It is paused already\. admin paused it\."):
        schedules.pause(schedule, by=admin)
    schedules.resume(schedule, by=admin)
    with pytest.raises(NotNow, match="It is not paused"):
        schedules.resume(schedule, by=admin)


def test_when_it_is_removed_its_jobs_and_the_trail_stay(schedule: Schedule, admin: User) -> None:
    _keep(schedule)

    schedules.remove(schedule, by=admin)

    assert not Schedule.objects.exists()
    assert Job.objects.get().schedule_id is None
    assert AuditEntry.objects.get(action="schedule.remove").detail["times"] == "0 3 * * * (Europe/Berlin)"
    end(Job.objects.get(), JobState.FAILED)
    with pytest.raises(NotNow, match="was removed meanwhile"):
        schedules.pause(schedule, by=admin)


def test_runs_out_of_turn_in_the_name_of_who_asked(schedule: Schedule, both: User) -> None:
    now = DUE - timedelta(hours=5)

    job = appointments.run_now(schedule, by=both, now=now)

    assert (job.requested_by, job.schedule) == (both, schedule)
    assert _now(schedule).next_at == DUE
    run = schedule.appointments.get()
    assert (run.outcome, run.job, run.words) == (RunOutcome.STARTED, job, "Started out of turn by both.")
    assert AuditEntry.objects.filter(action="schedule.run", job=job).exists()
    with pytest.raises(NotNow, match="is still waiting"):
        appointments.run_now(schedule, by=both, now=now + MINUTE)
