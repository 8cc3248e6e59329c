"""Maintenance windows: a schedule starts when its window opens, and never after it has closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle import appointments, cron, schedules, windows
from lifecycle.errors import Incomplete, NotNow
from lifecycle.models import AuditEntry, Job, Schedule, VDisk, Window
from lifecycle.schedules import Terms
from lifecycle.states import Action, JobState, RunOutcome
from lifecycle.windows import Opening
from tests.lifecycle.ground import trail

MINUTE = timedelta(minutes=1)
SUNDAYS = Opening(name="Sunday night", cron="0 22 * * SUN", time_zone="UTC", minutes=120)
OPENS = datetime(2030, 6, 2, 22, tzinfo=UTC)  # a Sunday


@pytest.fixture
def terms(vdisk: VDisk) -> Terms:
    return Terms(name="Nightly", kind=Action.MERGE, vdisk=vdisk, cron="0 22 * * SUN")


@pytest.fixture
def window(admin: User) -> Window:
    return windows.make(SUNDAYS, by=admin)


def _due(schedule: Schedule, at: datetime) -> Schedule:
    Schedule.objects.filter(pk=schedule.pk).update(next_at=at)
    return _now(schedule)


def _now(schedule: Schedule) -> Schedule:
    return Schedule.objects.get(pk=schedule.pk)


@pytest.fixture
def in_window(terms: Terms, window: Window, admin: User) -> Schedule:
    return _due(schedules.make(replace(terms, cron="", window=window, late_minutes=1), by=admin), OPENS)


def test_begins_when_its_window_opens(terms: Terms, window: Window, admin: User) -> None:
    schedule = schedules.make(replace(terms, cron="", window=window), by=admin)

    assert schedule.next_at is not None
    assert schedule.next_at.strftime("%a %H:%M") == "Sun 22:00"


@pytest.mark.parametrize(
    ("minutes", "is_open"), [(-1, False), (0, True), (119, True), (120, False), (121, False), (7 * 24 * 60, True)]
)
def test_is_open_from_its_time_for_its_minutes(minutes: int, is_open: bool, window: Window) -> None:
    opened = windows.opened_at(window, OPENS + minutes * MINUTE)

    assert (opened is not None) is is_open


def test_may_start_until_its_window_closes(in_window: Schedule) -> None:
    run = appointments.keep(in_window.pk, OPENS + 119 * MINUTE)

    assert run is not None
    assert run.outcome == RunOutcome.STARTED


@pytest.mark.parametrize("minutes", [120, 121, 5000])
def test_never_starts_after_its_window_closed(minutes: int, in_window: Schedule) -> None:
    run = appointments.keep(in_window.pk, OPENS + minutes * MINUTE)

    assert run is not None
    assert run.outcome == RunOutcome.MISSED
    assert not Job.objects.exists()
    assert _now(in_window).next_at == OPENS + timedelta(days=7)


def test_does_not_run_out_of_turn_while_the_window_is_closed(in_window: Schedule, admin: User) -> None:
    with pytest.raises(NotNow, match="The window “Sunday night” is closed now"):
        appointments.run_now(in_window, by=admin, now=OPENS - MINUTE)

    appointments.run_now(in_window, by=admin, now=OPENS + MINUTE)

    assert Job.objects.count() == 1


def test_a_job_that_was_not_begun_is_too_late_once_the_window_closed(in_window: Schedule) -> None:
    appointments.keep(in_window.pk, OPENS)
    job = Job.objects.get()
    closes = OPENS + 120 * MINUTE
    words = "The maintenance window “Sunday night” closed before its turn came, so it was not begun."

    assert appointments.too_late(closes - timedelta(seconds=1)) == []
    assert appointments.why_not_begin(job, closes - timedelta(seconds=1)) == ""
    assert appointments.too_late(closes) == [(job.pk, words)]
    assert appointments.why_not_begin(job, closes) == words

    Job.objects.update(state=JobState.RUNNING, started_at=timezone.now())

    assert appointments.too_late(closes) == []
    assert appointments.why_not_begin(Job.objects.get(), closes) == ""


def test_a_job_out_of_turn_is_bound_to_the_same_window(in_window: Schedule, admin: User) -> None:
    job = appointments.run_now(in_window, by=admin, now=OPENS + 60 * MINUTE)

    assert appointments.why_not_begin(job, OPENS + 119 * MINUTE) == ""
    assert appointments.why_not_begin(job, OPENS + 120 * MINUTE) != ""


def test_a_job_with_times_of_its_own_knows_no_window(terms: Terms, admin: User) -> None:
    appointments.keep(_due(schedules.make(terms, by=admin), OPENS).pk, OPENS)

    assert appointments.too_late(OPENS + timedelta(days=400)) == []
    assert appointments.why_not_begin(Job.objects.get(), OPENS + timedelta(days=400)) == ""


def test_a_changed_window_changes_when_its_schedules_come(
    in_window: Schedule, window: Window, terms: Terms, admin: User
) -> None:
    own_times = schedules.make(replace(terms, name="Own times"), by=admin)
    paused = schedules.make(replace(terms, name="Paused", cron="", window=window), by=admin)
    schedules.pause(paused, by=admin)

    windows.change(window, replace(SUNDAYS, cron="0 20 * * SAT"), by=admin)

    moved = _now(in_window).next_at
    assert moved is not None
    assert moved.strftime("%a %H:%M") == "Sat 20:00"
    assert _now(own_times).next_at == own_times.next_at
    assert _now(paused).next_at is None
    assert AuditEntry.objects.get(action="window.change").detail == {"cron": "0 22 * * SUN → 0 20 * * SAT"}


def test_a_window_that_is_made_longer_gives_its_waiting_jobs_more_time(
    in_window: Schedule, window: Window, admin: User
) -> None:
    appointments.keep(in_window.pk, OPENS)
    windows.change(window, replace(SUNDAYS, minutes=180), by=admin)

    assert appointments.too_late(OPENS + 179 * MINUTE) == []
    assert appointments.too_late(OPENS + 180 * MINUTE) != []


def test_a_window_in_use_stays(in_window: Schedule, window: Window, admin: User) -> None:
    with pytest.raises(NotNow, match="Schedules run in this window: “Nightly”"):
        windows.remove(window, by=admin)

    schedules.remove(in_window, by=admin)
    windows.remove(window, by=admin)

    assert not Window.objects.exists()
    assert trail()[-2:] == ["schedule.remove", "window.remove"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"cron": "often"}, "cron"),
        ({"time_zone": "Berlin"}, "time_zone"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 10_081}, "minutes"),
        ({"name": "Sunday night "}, "name"),
    ],
)
def test_names_the_field_of_a_window_that_makes_no_sense(
    values: dict[str, Any], field: str, window: Window, admin: User
) -> None:
    with pytest.raises(Incomplete) as refusal:
        windows.make(replace(SUNDAYS, **values), by=admin)

    assert refusal.value.field == field


def test_a_window_that_opens_every_minute_is_read_in_few_looks(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[datetime] = []
    times = cron.times

    def counted(*asked: Any) -> Iterator[datetime]:
        for moment in times(*asked):
            looked.append(moment)
            yield moment

    monkeypatch.setattr(cron, "times", counted)
    window.cron, window.minutes = "* * * * *", 7 * 24 * 60
    begun = OPENS + 17 * MINUTE

    assert windows.closes_at(window, begun) == begun + timedelta(days=7)
    assert 0 < len(looked) < 100
    looked.clear()
    assert windows.closes_at(window, begun) == begun + timedelta(days=7)
    assert looked == [], "the beat asks again each second, for each job that waits"


@pytest.mark.parametrize("fields", ["*/7 * * * *", "30 2 * * *", "0 22 * * SUN", "15 1-3 * * *", "0 0 1 * *"])
@pytest.mark.parametrize("day", [datetime(2030, 3, 31, tzinfo=UTC), datetime(2030, 10, 27, tzinfo=UTC)])
def test_the_last_opening_is_the_one_that_a_look_at_all_finds(fields: str, day: datetime, window: Window) -> None:
    """Also on the days on which the clocks of Berlin change."""
    window.cron, window.time_zone = fields, "Europe/Berlin"
    for minutes in (30, 90, 3 * 24 * 60):
        window.minutes = minutes
        for quarter in range(-4, 24):
            at = day + quarter * 15 * MINUTE
            all_of_them = cron.last_time(fields, "Europe/Berlin", since=at - minutes * MINUTE, until=at)
            found = all_of_them if all_of_them and all_of_them + minutes * MINUTE > at else None

            assert windows.opened_at(window, at) == found
