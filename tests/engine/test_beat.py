"""The dispatcher in beat: it is exact, and a database or broker that is away is told once and survived."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.db.models.functions import Now
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerGone

from builders.celery import app
from builders.engine import beat, broker, dispatch, housekeeping
from builders.engine.beat import Dispatcher
from builders.engine.housekeeping import Housekeeping
from lifecycle import waking
from lifecycle.models import Farm, Job, Worker

MakeJob = Callable[..., Job]
GIVE_UP = 90


class Sent(list[tuple[str, dict[str, int]]]):
    """What would have gone to the broker; ``away`` makes it refuse."""

    away = False

    def __call__(self, task: str, *, kwargs: dict[str, int], headers: dict[str, str], **_: Any) -> None:
        if self.away:
            raise BrokerGone("connection refused")
        datetime.fromisoformat(headers[broker.SENT_AT])
        self.append((task, kwargs))

    @property
    def jobs(self) -> list[int]:
        return [what["job_id"] for task, what in self if task == waking.ADVANCE_JOB]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    sent = Sent()
    monkeypatch.setattr(app, "send_task", sent)
    monkeypatch.setattr(broker, "oldest_message", lambda: None)
    return sent


@pytest.fixture
def dispatcher(monkeypatch: pytest.MonkeyPatch) -> Dispatcher:
    """Without its companions, which have threads of their own."""
    monkeypatch.setattr(Dispatcher, "_begin", lambda self: None)
    return Dispatcher(app)


def wrong(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# --- one tick


@pytest.mark.django_db
def test_a_tick_lets_in_and_hands_out(dispatcher: Dispatcher, sent: Sent, make_job: MakeJob) -> None:
    job = make_job(admitted_at=None, needs=["vdisk:1"])

    dispatcher.tick()

    assert sent == [(waking.ADVANCE_JOB, {"job_id": job.pk})]


@pytest.mark.django_db
def test_beat_sleeps_until_the_next_job_is_due_and_no_longer(
    dispatcher: Dispatcher, sent: Sent, make_job: MakeJob
) -> None:
    assert dispatcher.tick() == beat.LONGEST_PAUSE
    make_job(due_at=timezone.now() + timedelta(hours=1))
    assert dispatcher.tick() == beat.LONGEST_PAUSE
    soon = make_job()
    Job.objects.filter(pk=soon.pk).update(due_at=Now() + timedelta(milliseconds=100))

    assert 0 < dispatcher.tick() <= 0.1


@pytest.mark.django_db
def test_beat_does_not_sleep_while_more_is_due_than_it_takes_at_once(
    dispatcher: Dispatcher, sent: Sent, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "AT_ONCE", 2)
    jobs = [make_job().pk for _ in range(5)]

    assert [dispatcher.tick() == 0 for _ in range(3)] == [True, True, False]
    assert sorted(sent.jobs) == jobs


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError("terminating connection"), InterfaceError("connection is closed")])
def test_a_database_that_is_away_is_told_once_and_survived(
    error: Exception,
    dispatcher: Dispatcher,
    sent: Sent,
    make_job: MakeJob,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = make_job()
    with monkeypatch.context() as patch, connection.execute_wrapper(_raiser(error)):
        patch.setattr(beat.connection, "close", lambda: None)  # the test's own transaction hangs on it
        pauses = [dispatcher.tick() for _ in range(8)]

    assert all(0 < pause <= 2 for pause in pauses)
    assert pauses[-1] > pauses[0]
    assert wrong(caplog) == [f"the database does not answer; trying again until it does: {error}"]
    dispatcher._admit_next = 0
    dispatcher.tick()
    assert sent.jobs == [job.pk]
    assert len(wrong(caplog)) == 2
    assert "the database answers again" in wrong(caplog)[1]


@pytest.mark.django_db
def test_after_an_outage_the_living_have_time_to_renew_their_leases(
    dispatcher: Dispatcher, sent: Sent, make_job: MakeJob
) -> None:
    ended = make_job(lease_until=timezone.now() - timedelta(seconds=20), lease_owner="one", lease_token=1)
    fresh = make_job()
    dispatcher._database.lasts(OperationalError("terminating connection"))

    dispatcher.tick()
    assert sent.jobs == [fresh.pk]
    dispatcher._take_over_next = 0
    dispatcher.tick()
    assert sent.jobs == [fresh.pk, ended.pk]


@pytest.mark.django_db
def test_a_broker_that_is_away_is_told_once_and_what_was_not_sent_is_sent_later(
    dispatcher: Dispatcher, sent: Sent, make_job: MakeJob, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [make_job().pk for _ in range(3)]
    sent.away = True

    for _ in range(5):
        dispatcher.tick()

    assert wrong(caplog) == ["the broker does not answer; trying again until it does: connection refused"]
    sent.away = False
    dispatcher.tick()
    assert sorted(sent.jobs) == jobs


@pytest.mark.django_db
def test_lost_messages_are_looked_for_now_and_then(
    dispatcher: Dispatcher, sent: Sent, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    dispatcher.tick()
    Job.objects.update(dispatched_at=timezone.now() - timedelta(minutes=1))

    dispatcher.tick()
    assert sent.jobs == [job.pk]  # it has looked a moment ago
    dispatcher._look_next = 0
    dispatcher.tick()
    assert sent.jobs == [job.pk] * 2


# --- the queue of the broker


@pytest.mark.usefixtures("servers")
def test_the_oldest_message_says_when_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "QUEUE", "queue-of-this-test")
    client = broker._client()
    at = timezone.now()

    assert broker.oldest_message() is None
    client.lpush(broker.QUEUE, json.dumps({"headers": {broker.SENT_AT: at.isoformat()}}))
    client.lpush(broker.QUEUE, "what else may stand there")
    try:
        assert broker.oldest_message() == at
        client.rpop(broker.QUEUE)
        assert broker.oldest_message() == broker.UNKNOWN
    finally:
        client.delete(broker.QUEUE)


# --- housekeeping


@pytest.mark.django_db
def test_a_farm_that_is_due_is_sent_once_until_the_message_is_lost(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job()
    farm = Farm.objects.get()
    Farm.objects.update(sync_due_at=Now() - timedelta(seconds=1))
    found: list[int] = []
    oldest = [timezone.now() - timedelta(hours=1)]
    monkeypatch.setattr(broker, "oldest_message", lambda: oldest[0])
    monkeypatch.setattr(dispatch, "HAND_OUT_AGAIN", timedelta(0))
    syncs = housekeeping.Syncs(lambda farm_id, _at: found.append(farm_id))

    for _ in range(5):
        syncs()
    assert found == [farm.pk]
    oldest[0] = timezone.now() + timedelta(hours=1)
    syncs()
    assert found == [farm.pk] * 2


@pytest.mark.django_db
def test_a_farm_is_sent_each_time_it_falls_due(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    make_job()
    monkeypatch.setattr(broker, "oldest_message", lambda: broker.UNKNOWN)
    found: list[int] = []
    syncs = housekeeping.Syncs(lambda farm_id, _at: found.append(farm_id))

    for due_in in (-1, 60, -1):
        Farm.objects.update(sync_due_at=Now() + timedelta(seconds=due_in))
        syncs()

    assert len(found) == 2


@pytest.mark.django_db
def test_rows_of_workers_that_are_long_dead_are_removed(db: None) -> None:
    for days in (6, 8):
        Worker.objects.create(
            name=f"{days} days", machine="a", process=1, seen_at=timezone.now() - timedelta(days=days)
        )

    housekeeping.forget_dead_workers()

    assert [worker.name for worker in Worker.objects.all()] == ["6 days"]


def test_a_chore_that_fails_is_told_once_and_keeps_no_other_from_its_work(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []
    fails = [True]

    def odd() -> None:
        if fails[0]:
            raise ValueError("a row that makes no sense")

    keeping = Housekeeping({"odd": odd, "even": lambda: done.append("even")})
    for _ in range(3):
        keeping.round()
    assert done == ["even"] * 3
    assert wrong(caplog) == ["housekeeping of odd failed; tried again each second"]

    fails[0] = False
    keeping.round()
    fails[0] = True
    keeping.round()
    assert len(wrong(caplog)) == 2


def test_a_database_that_is_away_ends_the_round_of_chores_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []
    keeping = Housekeeping({"first": _raiser(OperationalError("away")), "second": lambda: done.append("second")})

    for _ in range(3):
        keeping.round()

    assert done == []
    assert wrong(caplog) == ["the database does not answer; trying again until it does: away"]


@pytest.mark.django_db
def test_everything_is_looked_after(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each chore runs on an empty portal."""
    chores = housekeeping.chores(lambda *_: None)

    for chore in chores.values():
        chore()
    assert set(chores) == {"clock", "syncs", "schedules", "reminders", "what has expired", "old workers", "mail"}


# --- the real process


@pytest.fixture
def start_beat(child_environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    children: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "builders", "beat", "--pidfile=", "--loglevel", "INFO"]
        with (tmp_path / f"beat-{len(children)}.log").open("wb") as output:
            environment = child_environment | {"PORTAL_PRESENCE_SECONDS": "1"}
            child = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        children.append(child)
        return child

    broker._client().delete(broker.QUEUE)
    yield start
    for child in children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    broker._client().delete(broker.QUEUE)


def until(holds: Callable[[], bool], what: str, logs: Path) -> None:
    give_up = time.monotonic() + GIVE_UP
    while not holds():
        if time.monotonic() > give_up:
            said = "\n".join(log.read_text()[-3000:] for log in sorted(logs.glob("*.log")))
            raise AssertionError(f"waited in vain for {what}\n{said}")
        time.sleep(0.05)


def messages() -> list[int]:
    """The jobs for which messages wait, the oldest first."""
    found = [json.loads(message) for message in reversed(broker._client().lrange(broker.QUEUE, 0, -1))]
    ours = [message for message in found if message["headers"]["task"] == waking.ADVANCE_JOB]
    return [json.loads(b64decode(message["body"]))[1]["job_id"] for message in ours]


@pytest.mark.django_db(transaction=True)
def test_two_beats_hand_out_each_job_once_and_say_goodbye(
    make_job: MakeJob, start_beat: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    beats = [start_beat(), start_beat()]
    until(lambda: Worker.objects.filter(role=Worker.Role.BEAT).count() == 2, "two beats", tmp_path)
    jobs = [
        make_job(admitted_at=None, needs=[f"vdisk:{n}"], due_at=Now() + timedelta(milliseconds=50 * n))
        for n in range(20)
    ]
    until(lambda: set(messages()) == {job.pk for job in jobs}, "all messages", tmp_path)

    assert sorted(messages()) == sorted(job.pk for job in jobs)
    assert broker.oldest_message() not in (None, broker.UNKNOWN)
    for child in beats:
        child.terminate()
    for child in beats:
        assert child.wait(GIVE_UP) == 0
    assert Worker.objects.filter(stopped_at=None).count() == 0


def _raiser(error: Exception) -> Callable[..., int]:
    def act(*_: object) -> int:
        raise error

    return act
