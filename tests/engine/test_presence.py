"""Workers report themselves, drain when asked, and say goodbye; in rows, then with a real one."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.utils import timezone

from builders import tasks
from builders.adapters.powershell import pool
from builders.adapters.powershell.pool import SessionPool
from builders.engine import presence
from builders.engine.presence import Presence
from lifecycle import draining, operating
from lifecycle.models import Job, Worker
from lifecycle.operating import Condition
from lifecycle.states import JobState
from tests.engine.live.stage import Stage

MakeJob = Callable[..., Job]


class Here(Presence):
    """A presence whose reports the test makes, and which notes what it told the consumer of messages."""

    def __init__(self, **values: Any) -> None:
        self.told: list[str] = []
        defaults: dict[str, Any] = {"role": Worker.Role.WORKER, "name": "celery@here", "threads": 4}
        super().__init__(
            stop_taking=lambda: self.told.append("stop"),
            take_again=lambda: self.told.append("take"),
            **defaults | values,
        )

    @property
    def row(self) -> Worker:
        return Worker.objects.get(pk=self.row_id)


@pytest.fixture
def here(db: None) -> Here:
    here = Here()
    here.report()
    return here


@pytest.fixture
def this_process(here: Here, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setattr(presence, "_of_this_process", here)
    return here


def now(here: Here) -> operating.WorkerNow:
    return next(worker for worker in operating.workers_now() if worker.id == here.row_id)


def ask_drain(here: Here) -> None:
    Worker.objects.filter(pk=here.row_id).update(drain_asked_at=timezone.now())
    here.report()


def test_a_worker_reports_what_it_is_and_does(here: Here) -> None:
    here.begin("t1", "builders.advance_job", 7)
    here.begin("t2", "builders.sync_farm", None)
    here.report()

    told = now(here)
    assert (told.role, told.name, told.threads, told.condition) == ("worker", "celery@here", 4, Condition.ALIVE)
    assert [(busy.task, busy.job_id) for busy in told.busy] == [
        ("builders.advance_job", 7),
        ("builders.sync_farm", None),
    ]
    assert told.memory_mib
    assert told.memory_mib > 1
    here.end("t1")
    here.end("t2")
    here.report()
    assert now(here).busy == ()


def test_a_worker_reports_its_sessions(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot_open() -> Any:
        raise AssertionError

    kept = SessionPool(cannot_open, label="pvs01.example.org", limit=3)
    unused = SessionPool(cannot_open, label="pvs02.example.org")
    monkeypatch.setattr(pool, "_pools", {kept, unused})
    kept.rest()
    here.report()

    (sessions,) = now(here).sessions
    assert (sessions.host, sessions.open, sessions.in_use, sessions.limit, sessions.resting) == (
        "pvs01.example.org",
        0,
        0,
        3,
        True,
    )


def test_who_is_silent_for_three_intervals_is_dead(here: Here, settings: Any) -> None:
    settings.PORTAL_PRESENCE_SECONDS = 5
    Worker.objects.update(seen_at=timezone.now() - timedelta(seconds=10))
    assert now(here).condition == Condition.ALIVE
    assert operating.is_alive(here.row)

    Worker.objects.update(seen_at=timezone.now() - timedelta(seconds=16))
    assert now(here).condition == Condition.DEAD
    assert not operating.is_alive(here.row)


def test_a_row_that_somebody_removed_is_made_anew(here: Here) -> None:
    Worker.objects.all().delete()

    here.report()

    assert Worker.objects.count() == 1


def test_a_worker_that_is_to_drain_stops_taking_at_once_and_is_drained_when_nothing_is_in_hand(here: Here) -> None:
    here.begin("t1", "builders.advance_job", 7)

    ask_drain(here)
    here.report()
    assert here.told == ["stop"]
    assert here.is_draining
    assert now(here).condition == Condition.DRAINING

    here.end("t1")
    here.report()
    assert now(here).condition == Condition.DRAINED


def test_a_drained_worker_takes_up_work_again(here: Here) -> None:
    ask_drain(here)
    Worker.objects.update(drain_asked_at=None, drained_at=None)

    here.report()

    assert here.told == ["stop", "take"]
    assert not here.is_draining
    assert now(here).condition == Condition.ALIVE


def test_drained_is_not_said_after_the_request_was_taken_back(here: Here) -> None:
    """Between the look and the answer somebody lets it take up work again."""
    here.is_draining = True

    here._heed(asked_to_drain=True, has_said_so=False)

    assert here.row.drained_at is None


def test_a_draining_worker_claims_nothing_and_gives_the_job_back(this_process: Here, make_job: MakeJob) -> None:
    job = make_job(dispatched_at=timezone.now())
    ask_drain(this_process)

    tasks.advance_job(job_id=job.pk)

    found = Job.objects.get()
    assert (found.lease_token, found.dispatched_at, found.state) == (0, None, JobState.WAITING)


def test_goodbye_is_said(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence.connection, "close", lambda: None)  # the test's own transaction hangs on it
    here.begin("t1", "builders.advance_job", 7)

    here.stop()

    assert now(here).condition == Condition.STOPPED
    assert now(here).busy == ()


def test_a_database_that_is_away_is_told_once_and_reports_go_on(
    here: Here, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.PORTAL_PRESENCE_SECONDS = 0.01
    answers: list[Exception | None] = [OperationalError("away"), OperationalError("away"), ValueError("odd"), None]

    def report() -> None:
        answer = answers.pop(0)
        if not answers:
            here._stop.set()
        if answer:
            raise answer

    monkeypatch.setattr(here, "report", report)
    monkeypatch.setattr(presence.connection, "close", lambda: None)  # the test's own transaction hangs on it
    caplog.set_level(logging.WARNING)
    here._report_for_ever()

    assert answers == []
    assert [record.getMessage() for record in caplog.records] == [
        "the database does not answer; trying again until it does: away",
        "this process could not report itself",
        "the database answers again, after 0 s",
    ]


# --- a real worker


@pytest.fixture
def stage(tmp_path: Path, child_environment: dict[str, str], make_job: MakeJob) -> Iterator[Stage]:
    stage = Stage(tmp_path, child_environment, make_job)
    yield stage
    stage.close()


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_drained_without_hurting_jobs(stage: Stage) -> None:
    admin = User.objects.create_superuser("admin")
    stage.beat()
    worker = stage.worker(threads=2)

    def row() -> Worker:
        found = stage.row(worker)
        assert found is not None
        return found

    first = stage.job(needs=["vdisk:1"])
    stage.until("the call", lambda: stage.began(first))
    stage.until("the report of it", lambda: [busy["job"] for busy in row().busy] == [first.pk])

    draining.ask_drain(row(), admin)
    stage.until("the worker to hear it", lambda: "asked to take no more work" in stage.said(worker))
    second = stage.job(needs=["vdisk:2"])
    stage.until("the second job to be handed out", lambda: Job.objects.get(pk=second.pk).dispatched_at)
    assert row().drained_at is None
    stage.let_go()
    stage.until("the worker to be drained", lambda: row().drained_at)

    assert stage.began(first) == [worker.pid]
    assert stage.began(second) == []
    assert Job.objects.get(pk=first.pk).steps.get(key="call").state == "done"

    draining.take_up_again(row(), admin)
    stage.until_over()
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.SUCCEEDED}
    assert stage.began(second) == [worker.pid]

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert row().stopped_at is not None
