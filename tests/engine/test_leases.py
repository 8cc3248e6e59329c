"""Leases: who writes, who does not any more, and what a heartbeat does while the database is away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from builders.engine import leases
from builders.engine.leases import Heartbeat, Lease, LeaseLost
from lifecycle.models import Job
from lifecycle.states import JobState

MakeJob = Callable[..., Job]
SOON = 60
"""Seconds; nothing here waits for so long unless it is broken."""


@pytest.fixture
def quick_beats(settings: Any) -> None:
    settings.PORTAL_LEASE_SECONDS = 1


# --- on rows


@pytest.mark.django_db
def test_a_lease_is_for_one(make_job: MakeJob) -> None:
    job = make_job()

    assert leases.claim(job.pk, "one") == Lease(job.pk, 1)
    assert leases.claim(job.pk, "two") is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values",
    [
        {"due_at": timezone.now() + timedelta(hours=1)},
        {"state": JobState.SUCCEEDED, "ended_at": timezone.now()},
        {"lease_until": timezone.now() + timedelta(hours=1)},
    ],
    ids=["due later", "over", "somebody has it"],
)
def test_nobody_claims_what_is_not_to_be_worked_on(values: dict[str, Any], make_job: MakeJob) -> None:
    assert leases.claim(make_job(**values).pk, "one") is None


@pytest.mark.django_db
def test_who_comes_back_too_late_cannot_write(make_job: MakeJob) -> None:
    job = make_job()
    late = leases.claim(job.pk, "one")
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    now = leases.claim(job.pk, "two")
    assert late is not None
    assert now is not None

    for act in (late.renew, lambda: late.write(outcome="mine")):
        with pytest.raises(LeaseLost):
            act()
    now.write(outcome="ours")
    assert Job.objects.get().outcome == "ours"


@pytest.mark.django_db
def test_a_lease_that_ended_and_was_not_taken_can_be_renewed(make_job: MakeJob) -> None:
    """The database was away for longer than the lease; nobody else could take it either."""
    lease = leases.claim(make_job().pk, "one")
    assert lease is not None
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    lease.renew()

    assert leases.claim(lease.job_id, "two") is None


@pytest.mark.django_db
def test_a_late_beat_does_not_take_back_what_was_given_back(make_job: MakeJob) -> None:
    """Else the job would wait for the end of a lease that nobody has."""
    lease = leases.claim(make_job().pk, "one")
    assert lease is not None
    lease.write(lease_until=None, lease_owner="")

    with pytest.raises(LeaseLost):
        lease.renew()
    assert leases.claim(lease.job_id, "two") is not None


@pytest.mark.django_db
@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_jumped_changes_nothing(
    hours: int, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, quick_beats: None
) -> None:
    """Made, let in, claimed and renewed on a machine whose clock is wrong."""
    wrong = timezone.now() + timedelta(hours=hours)
    monkeypatch.setattr(timezone, "now", lambda: wrong)

    job = make_job(admitted_at=None)
    lease = leases.claim(job.pk, "one")

    assert lease is not None
    lease.renew()
    monkeypatch.undo()
    until = Job.objects.get().lease_until
    assert until is not None
    assert abs(until - timezone.now()) < timedelta(hours=1)


# --- heartbeats


class Renewed:
    """A lease whose answers are given: an exception is raised; the last one stays."""

    def __init__(self, *answers: BaseException | None) -> None:
        self.answers = list(answers)
        self.calls = 0
        self.called = threading.Semaphore(0)

    def __str__(self) -> str:
        return "job 7"

    def renew(self) -> None:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.called.release()
        if answer is not None:
            raise answer

    def wait_for(self, calls: int) -> None:
        for _ in range(calls):
            assert self.called.acquire(timeout=SOON)


def lease_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lease of job 7"]


def test_a_heartbeat_goes_on_while_the_database_is_away_and_says_so_once(
    quick_beats: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "builders.engine.leases")
    away = OperationalError("server closed the connection")
    lease = Renewed(away, away, away, None)

    with Heartbeat(lease):
        lease.wait_for(6)

    assert [message for message in caplog.messages if "job 7" in message] == [
        "job 7: lease not renewed, the database is away: server closed the connection",
        "job 7: lease renewed, the database is back",
    ]
    assert lease_threads() == []


def test_a_heartbeat_tries_more_often_while_the_database_is_away(
    quick_beats: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a lease is renewed in time when the database comes back just before its end."""
    pauses: list[float] = []
    lease = Renewed(OperationalError("away"), None)
    heartbeat = Heartbeat(lease)
    wait = heartbeat._stop.wait

    def note(pause: float) -> bool:
        pauses.append(pause)
        return wait(0.01)

    monkeypatch.setattr(heartbeat._stop, "wait", note)
    with heartbeat:
        lease.wait_for(3)

    usual = pauses[0]
    assert pauses[1] < usual / 4
    assert pauses[2] == usual


def test_a_heartbeat_ends_when_the_lease_is_lost(quick_beats: None, caplog: pytest.LogCaptureFixture) -> None:
    lease = Renewed(LeaseLost("gone"))

    with Heartbeat(lease) as heartbeat:
        lease.wait_for(1)
        heartbeat._thread.join(SOON)
        assert not heartbeat._thread.is_alive()

    assert lease.calls == 1
    assert "job 7: lease lost while an answer was waited for" in caplog.messages


def test_no_thread_is_left_behind_by_an_error(quick_beats: None) -> None:
    with pytest.raises(ZeroDivisionError), Heartbeat(Renewed(None)):
        raise ZeroDivisionError

    assert lease_threads() == []
