"""What the engine survives, with real processes: the database and the broker restarted, workers killed or frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from django.db import connection

from builders.engine import broker, dispatch
from lifecycle import operating
from lifecycle.models import Hold, Job
from lifecycle.operating import Condition
from lifecycle.states import JobState
from tests import servers as restarting
from tests.engine.live.stage import LEASE_SECONDS, Stage

pytestmark = pytest.mark.django_db(transaction=True)
MakeJob = Callable[..., Job]


@pytest.fixture
def stage(tmp_path: Path, child_environment: dict[str, str], make_job: MakeJob) -> Iterator[Stage]:
    stage = Stage(tmp_path, child_environment, make_job)
    yield stage
    stage.close()


def states() -> set[str]:
    return set(Job.objects.values_list("state", flat=True))


def test_a_restart_of_the_database_costs_a_turn_nothing(stage: Stage) -> None:
    """The call outlives it, its lease is renewed in time, and what came of it is written by the same worker."""
    beat, worker = stage.beat(), stage.worker()
    job = stage.job(needs=["vdisk:1"])
    stage.until("the call", lambda: stage.began(job))
    connection.close()

    restarting.restart_postgres(seconds_away=1.5 * LEASE_SECONDS)  # longer than a lease lives
    renewed = "lease renewed, the database is back"
    stage.until("the lease to be renewed", lambda: renewed in stage.said(worker))
    stage.let_go()
    stage.until_over()

    assert states() == {JobState.SUCCEEDED}
    assert stage.began(job) == [worker.pid]
    assert job.steps.get(key="call").attempts == 1
    assert (beat.poll(), worker.poll()) == (None, None)
    assert not Hold.objects.exists()
    for process in (beat, worker):
        assert "Traceback" not in stage.said(process)
    assert stage.said(beat).count("builders.engine.beat the database does not answer") <= 1


def test_a_broker_that_forgot_everything_is_told_again(stage: Stage) -> None:
    """Messages that wait for a worker are lost; then the broker is restarted under beat and worker."""
    beat = stage.beat()
    jobs = [stage.job(needs=[f"vdisk:{n}"]) for n in range(6)]
    stage.let_go()
    stage.until("the messages", lambda: broker._client().llen(broker.QUEUE) >= len(jobs))
    broker._client().flushall()
    worker = stage.worker()
    stage.until_over()

    restarting.restart_valkey()
    more = [stage.job(needs=[f"vdisk:{n}"]) for n in range(6)]
    stage.until_over()

    assert states() == {JobState.SUCCEEDED}
    assert {len(stage.began(job)) for job in [*jobs, *more]} == {1}
    assert (beat.poll(), worker.poll()) == (None, None)
    assert "Traceback" not in stage.said(beat)


def test_messages_that_come_again_and_again_are_one_turn(stage: Stage) -> None:
    jobs = [stage.job(needs=[f"vdisk:{n}"]) for n in range(4)]
    dispatch.admit()
    from tests.engine.live.app import app

    for _ in range(5):
        for job in jobs:
            app.send_task("builders.advance_job", kwargs={"job_id": job.pk}, ignore_result=True)
    stage.let_go()
    stage.worker(threads=4)
    stage.worker(threads=4)
    stage.beat()
    stage.until_over()

    assert states() == {JobState.SUCCEEDED}
    assert {len(stage.began(job)) for job in jobs} == {1}
    assert {job.steps.get(key="look").attempts for job in jobs} == {3}


def test_a_killed_worker_is_replaced_and_counts_as_dead(stage: Stage) -> None:
    stage.beat()
    first = stage.worker()
    job = stage.job(needs=["vdisk:1"])
    stage.until("the call", lambda: stage.began(job))

    stage.kill(first)
    second = stage.worker()
    stage.until("the second call", lambda: len(stage.began(job)) == 2)
    stage.let_go()
    stage.until_over()

    assert states() == {JobState.SUCCEEDED}
    assert stage.began(job) == [first.pid, second.pid]
    stage.until("its death", lambda: _conditions()[first.pid] == Condition.DEAD)
    assert _conditions()[second.pid] == Condition.ALIVE
    assert not Hold.objects.exists()


def test_a_worker_that_was_frozen_does_not_write_after_another_took_over(stage: Stage) -> None:
    """As when a machine is suspended: it wakes up in the midst of its call, long after its lease has ended."""
    stage.beat()
    first = stage.worker()
    job = stage.job(needs=["vdisk:1"])
    stage.until("the call", lambda: stage.began(job))

    psutil.Process(first.pid).suspend()
    second = stage.worker()
    stage.until("the second call", lambda: len(stage.began(job)) == 2)
    stage.let_go()
    stage.until_over()
    ended = Job.objects.get(pk=job.pk)
    lines = list(ended.log.values_list("number", "text"))
    psutil.Process(first.pid).resume()
    stage.until("its end", lambda: "leaving it to the other worker" in stage.said(first))

    assert stage.began(job) == [first.pid, second.pid]
    assert ended.state == JobState.SUCCEEDED
    assert list(ended.log.values_list("number", "text")) == lines
    assert Job.objects.values("state", "outcome", "lease_token").get() == {
        "state": ended.state,
        "outcome": ended.outcome,
        "lease_token": ended.lease_token,
    }


def _conditions() -> dict[int, Condition]:
    return {worker.process: worker.condition for worker in operating.workers_now()}
