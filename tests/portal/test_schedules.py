"""Schedules on the pages: when they come, what came of them, and an admin's hand on them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lifecycle import schedules, windows
from lifecycle.models import AuditEntry, Job, Schedule, ScheduleRun, VDisk, Window
from lifecycle.schedules import SCHEDULABLE, Terms
from lifecycle.states import Action, JobState, RunOutcome
from lifecycle.windows import Opening
from portal.pictures import times
from portal.pictures.deeds import deed
from tests import factories

NIGHT = Opening(name="Sunday night", cron="0 22 * * SUN", time_zone="Europe/Berlin", minutes=90)


@pytest.fixture
def terms(vdisk: VDisk) -> Terms:
    return Terms(
        name="Nightly boot", kind=Action.BOOT_TEST, vdisk=vdisk, cron="30 2 * * SUN", time_zone="Europe/Berlin"
    )


@pytest.fixture
def schedule(terms: Terms, admin: User) -> Schedule:
    return schedules.make(terms, by=admin)


@pytest.fixture
def window(admin: User) -> Window:
    return windows.make(NIGHT, by=admin)


@pytest.fixture
def filled_in(vdisk: VDisk) -> dict[str, Any]:
    return {
        "name": "Patch Tuesday",
        "kind": "new-version",
        "vdisk": vdisk.pk,
        "reason": "Updates of the month",
        "window": "",
        "cron": "0 3 * * TUE#2",
        "time_zone": "Europe/Berlin",
        "late_minutes": 45,
        "stop_after": 2,
        "skip_unchanged": "on",
    }


def _text(page: Any) -> str:
    """What a reader sees, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode().replace("&quot;", '"')))


def _stop(schedule: Schedule, why: str = "It failed 3 times in a row, so it stopped itself.") -> None:
    Schedule.objects.filter(pk=schedule.pk).update(
        paused_at=timezone.now(), paused_why=why, next_at=None, failures=schedule.stop_after
    )


# --- the list


def test_says_when_each_comes_and_what_came_of_it(
    as_: Callable[[User], Client], auditor: User, admin: User, schedule: Schedule, vdisk: VDisk
) -> None:
    job = factories.job(vdisk, admin, state=JobState.FAILED, schedule=schedule)
    now = timezone.now()
    ScheduleRun.objects.create(schedule=schedule, due_at=now - timedelta(days=7), outcome=RunOutcome.MISSED)
    ScheduleRun.objects.create(schedule=schedule, due_at=now, outcome=RunOutcome.STARTED, job=job)

    text = _text(as_(auditor).get("/schedules/"))

    assert "Nightly boot Boot the test targets: W11-Office" in text
    assert "At 02:30 on Sunday (Europe/Berlin)" in text
    assert "in the name of Ada Berger" in text
    assert re.search(r"Next Sun \d{4}-\d\d-\d\d 02:30 Europe/Berlin, in \d", text)
    assert re.search(rf"Last failed \d+ \w+ ago, job {job.pk}", text)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (RunOutcome.MISSED, "missed"),
        (RunOutcome.REFUSED, "refused"),
        (RunOutcome.UNCHANGED, "skipped: nothing changed"),
    ],
)
def test_says_what_came_of_a_time_without_a_job(
    as_: Callable[[User], Client], auditor: User, schedule: Schedule, outcome: RunOutcome, words: str
) -> None:
    ScheduleRun.objects.create(schedule=schedule, due_at=timezone.now(), outcome=outcome, words="That is why.")

    assert f"Last {words}" in _text(as_(auditor).get("/schedules/"))
    assert f"That is why. {words}" in _text(as_(auditor).get(f"/schedules/{schedule.pk}/"))


def test_an_auditor_sees_no_button(
    as_: Callable[[User], Client], auditor: User, schedule: Schedule, window: Window
) -> None:
    for address in ("/schedules/", f"/schedules/{schedule.pk}/"):
        page = as_(auditor).get(address).content.decode().split("<main")[1]
        assert "<button" not in page
        assert "/edit/" not in page
        assert "/new/" not in page


def test_asks_as_often_for_many_as_for_one(
    as_: Callable[[User], Client], auditor: User, terms: Terms, admin: User, vdisk: VDisk
) -> None:
    client = as_(auditor)
    counts = []
    for wanted in (2, 12):
        for number in range(wanted):
            name = f"{wanted}-{number}"
            made = schedules.make(replace(terms, name=name), by=admin)
            job = factories.job(vdisk, admin, state=JobState.SUCCEEDED, schedule=made)
            ScheduleRun.objects.create(schedule=made, due_at=timezone.now(), outcome=RunOutcome.STARTED, job=job)
        with CaptureQueriesContext(connection) as queries:
            client.get("/schedules/")
        counts.append(len(queries))

    assert counts[0] == counts[1]


# --- one schedule


def test_names_the_zone_and_the_next_five_times(
    as_: Callable[[User], Client], auditor: User, schedule: Schedule
) -> None:
    page = as_(auditor).get(f"/schedules/{schedule.pk}/")

    assert page.content.decode().split("Comes next")[1].count("Europe/Berlin, in") == 5
    assert "on the portal's clock" in page.content.decode().replace("&#x27;", "'")


def test_a_schedule_that_stopped_says_why_everywhere(
    as_: Callable[[User], Client], admin: User, schedule: Schedule
) -> None:
    _stop(schedule)

    for address in ("/", "/schedules/", f"/schedules/{schedule.pk}/", "/schedules/stopped/"):
        assert "It failed 3 times in a row, so it stopped itself." in _text(as_(admin).get(address))


def test_the_board_is_silent_on_what_a_person_paused_and_to_who_may_not_see_schedules(
    as_: Callable[[User], Client], admin: User, helpdesk: User, schedule: Schedule, terms: Terms
) -> None:
    schedules.pause(schedules.make(replace(terms, name="Other"), by=admin), by=admin, reason="Holidays")
    assert "Holidays" not in _text(as_(admin).get("/"))

    _stop(schedule)
    assert "stopped itself" not in _text(as_(helpdesk).get("/"))


def test_is_paused_and_resumed(as_: Callable[[User], Client], admin: User, schedule: Schedule) -> None:
    client = as_(admin)

    text = _text(client.post(f"/schedules/{schedule.pk}/pause/", {"reason": "Holidays"}, follow=True))
    assert "It is paused: no further time is kept" in text
    assert "Ada Berger paused it: Holidays" in text

    again = _text(client.post(f"/schedules/{schedule.pk}/pause/", {"reason": "Again"}, follow=True))
    assert "It is paused already. Ada Berger paused it: Holidays" in again

    text = _text(client.post(f"/schedules/{schedule.pk}/resume/", follow=True))
    assert "It goes on with its next time." in text
    schedule.refresh_from_db()
    assert schedule.next_at is not None


def test_runs_now_and_leads_to_the_job(
    as_: Callable[[User], Client],
    admin: User,
    schedule: Schedule,
    woken: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = as_(admin).post(f"/schedules/{schedule.pk}/run/")

    job = Job.objects.get()
    assert response.headers["Location"] == f"/jobs/{job.pk}/"
    assert (job.schedule, job.requested_by) == (schedule, admin)
    assert woken == [job.pk]


def test_says_why_it_does_not_run_now(as_: Callable[[User], Client], admin: User, schedule: Schedule) -> None:
    as_(admin).post(f"/schedules/{schedule.pk}/run/")

    page = as_(admin).post(f"/schedules/{schedule.pk}/run/")

    assert page.status_code == 409
    assert "of an earlier time is still waiting" in _text(page)
    assert Job.objects.count() == 1


def test_is_removed_after_a_question(as_: Callable[[User], Client], admin: User, schedule: Schedule) -> None:
    client = as_(admin)

    asked = client.get(f"/schedules/{schedule.pk}/remove/")
    assert "Remove the schedule “Nightly boot”?" in _text(asked)
    assert Schedule.objects.exists()

    done = client.post(f"/schedules/{schedule.pk}/remove/", follow=True)
    assert "is removed" in _text(done)
    assert not Schedule.objects.exists()
    assert client.post(f"/schedules/{schedule.pk}/remove/").status_code == 404


# --- the form


def test_makes_a_schedule(as_: Callable[[User], Client], admin: User, filled_in: dict[str, Any]) -> None:
    response = as_(admin).post("/schedules/new/", filled_in)

    made = Schedule.objects.get()
    assert response.headers["Location"] == f"/schedules/{made.pk}/"
    assert (made.kind, made.owner, made.cron, made.time_zone) == (
        "new-version",
        admin,
        "0 3 * * TUE#2",
        "Europe/Berlin",
    )
    assert (made.late_minutes, made.stop_after, made.skip_unchanged) == (45, 2, True)
    assert made.next_at is not None
    assert AuditEntry.objects.get().action == "schedule.create"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "This field is required."),
        ("cron", "", "Five fields are needed"),
        ("cron", "0 25 * * *", "The hour “25” makes no sense: 0 to 23"),
        ("cron", "0 0 31 2 *", "None of these months has a day 31."),
        ("time_zone", "Berlin", "“Berlin” is no time zone that the portal knows"),
        ("kind", "promote-production", "promote-production is not one of the available choices"),
        ("kind", "", "This field is required."),
        ("vdisk", "999999", "Select a valid choice."),
        ("late_minutes", "0", "greater than or equal to 1"),
        ("stop_after", "0", "greater than or equal to 1"),
    ],
)
def test_says_at_the_field_what_makes_no_sense_and_loses_nothing(
    as_: Callable[[User], Client], admin: User, filled_in: dict[str, Any], field: str, value: str, words: str
) -> None:
    page = as_(admin).post("/schedules/new/", filled_in | {field: value})

    assert page.status_code == 422
    error = page.content.decode().split(f'id="id_{field}_error"')[1].split("</p>")[0]
    assert words in error
    assert "Updates of the month" in page.content.decode()
    assert not Schedule.objects.exists()


def test_times_and_a_window_are_one_too_many(
    as_: Callable[[User], Client], admin: User, filled_in: dict[str, Any], window: Window
) -> None:
    page = as_(admin).post("/schedules/new/", filled_in | {"window": window.pk})

    assert page.status_code == 422
    assert "leave the times empty, or choose no window" in _text(page)


def test_the_form_says_what_cannot_be_scheduled_and_why(as_: Callable[[User], Client], admin: User) -> None:
    text = _text(as_(admin).get("/schedules/new/"))

    for action, why_not in SCHEDULABLE.items():
        if why_not:
            assert f"{action.label} {why_not}" in text.replace("&#x27;", "'")


def test_shows_the_next_times_without_a_script_and_saves_nothing(
    as_: Callable[[User], Client], admin: User, filled_in: dict[str, Any]
) -> None:
    page = as_(admin).post("/schedules/new/", filled_in | {"preview": "1", "name": ""})

    content = page.content.decode()
    assert page.status_code == 200
    assert content.split('id="preview"')[1].split("</ol>")[0].count("<time ") == 5
    assert 'value="0 3 * * TUE#2"' in content
    assert "Updates of the month" in content
    assert "checked" in content
    assert "field-error" not in content.split("<main")[1]
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"cron": "0 3 * * *", "time_zone": "Asia/Tokyo"}, "Asia/Tokyo, in"),
        ({"cron": "0 3 * *", "time_zone": "UTC"}, "these are 4"),
        ({"cron": "0 3 * * *", "time_zone": "Nowhere"}, "is no time zone"),
        ({"cron": "", "time_zone": "UTC"}, "Fill in times"),
        ({}, "Fill in times"),
        ({"cron": "x" * 500}, "Fill in times"),
        ({"window": "nonsense", "cron": "0 3 * * *", "time_zone": "UTC"}, "At 03:00"),
    ],
)
def test_the_preview_follows_what_is_typed(
    as_: Callable[[User], Client], admin: User, query: dict[str, str], words: str
) -> None:
    page = as_(admin).get("/schedules/preview/", query, headers={"HX-Request": "true"})

    assert page.status_code == 200
    assert words in _text(page)
    assert "<html" not in page.content.decode()


def test_the_preview_shows_the_times_of_the_chosen_window(
    as_: Callable[[User], Client], admin: User, window: Window
) -> None:
    page = as_(admin).get("/schedules/preview/", {"window": window.pk, "cron": "", "time_zone": "UTC"})

    assert "At 22:00 on Sunday (Europe/Berlin)" in _text(page)


def test_who_changes_somebody_elses_is_told_that_it_becomes_theirs(
    as_: Callable[[User], Client], superuser: User, schedule: Schedule, filled_in: dict[str, Any]
) -> None:
    client = as_(superuser)
    assert "Once you save it, it runs in yours" in _text(client.get(f"/schedules/{schedule.pk}/edit/"))

    client.post(f"/schedules/{schedule.pk}/edit/", filled_in)

    schedule.refresh_from_db()
    assert (schedule.owner, schedule.name) == (superuser, "Patch Tuesday")


def test_the_form_shows_what_is_saved(as_: Callable[[User], Client], admin: User, schedule: Schedule) -> None:
    content = as_(admin).get(f"/schedules/{schedule.pk}/edit/").content.decode()

    assert 'value="Nightly boot"' in content
    assert 'value="30 2 * * SUN"' in content
    assert 'value="Europe/Berlin"' in content
    assert '<option value="boot-test" selected>' in content


# --- windows


def test_makes_and_changes_a_window(as_: Callable[[User], Client], admin: User) -> None:
    client = as_(admin)
    values = {"name": "Night", "cron": "0 1 * * *", "time_zone": "UTC", "minutes": 60}

    text = _text(client.post("/schedules/windows/new/", values, follow=True))
    assert "Night At 01:00 every day (UTC), for 60 minutes" in text

    window = Window.objects.get()
    client.post(f"/schedules/windows/{window.pk}/", values | {"minutes": 90})
    window.refresh_from_db()
    assert window.minutes == 90
    assert client.post("/schedules/windows/new/", values).status_code == 422
    assert client.post("/schedules/windows/new/", values | {"preview": "1", "name": "x"}).status_code == 200
    assert Window.objects.count() == 1


def test_a_window_in_use_is_not_removed(
    as_: Callable[[User], Client], admin: User, window: Window, terms: Terms
) -> None:
    schedule = schedules.make(replace(terms, cron="", window=window), by=admin)
    client = as_(admin)

    page = client.post(f"/schedules/windows/{window.pk}/remove/")
    assert page.status_code == 409
    assert "Schedules run in this window: “Nightly boot”" in _text(page)

    schedules.remove(schedule, by=admin)
    client.post(f"/schedules/windows/{window.pk}/remove/")
    assert not Window.objects.exists()


# --- words


def test_a_time_is_shown_on_the_clock_of_its_zone() -> None:
    at = datetime(2026, 7, 5, 0, 30, tzinfo=UTC)

    shown = times.appointed(at, "Europe/Berlin", at - timedelta(days=2, hours=3, minutes=5))

    assert (shown.words, shown.here) == ("Sun 2026-07-05 02:30", "2026-07-05 00:30 on the portal's clock")
    assert shown.ahead == "in 2 d 3 h"
    assert times.appointed(at, "UTC", at).here == ""


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "now"),
        (-5, "now"),
        (5, "in 5 min"),
        (60, "in 1 h"),
        (61, "in 1 h 1 min"),
        (1440, "in 1 d"),
        (1501, "in 1 d 1 h"),
    ],
)
def test_says_how_far_away_a_time_is(minutes: int, words: str) -> None:
    now = timezone.now()

    assert times.ahead(now + timedelta(minutes=minutes), now) == words


@pytest.mark.parametrize(
    "code",
    [
        *(f"schedule.{each}" for each in ("create", "change", "pause", "resume", "remove", "run")),
        *(f"window.{each}" for each in ("create", "change", "remove")),
    ],
)
def test_the_trail_has_words_for_each_deed(code: str) -> None:
    assert deed(code) != ""
