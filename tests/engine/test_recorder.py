"""The pen: one statement a write, nothing once the lease is lost, lines that are never lost nor out of order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from builders.engine import leases
from builders.engine.context import StepContext
from builders.engine.leases import Lease, LeaseLost
from builders.engine.masking import LONGEST
from builders.engine.recorder import AT_ONCE, Recorder
from builders.engine.steps import Done, Wait
from lifecycle.models import Hold, Job, JobStep
from lifecycle.states import JobState, StepState
from tests.engine.conftest import Scripted, advance, due, texts

pytestmark = pytest.mark.django_db


def pen(job: Job) -> Recorder:
    lease = leases.claim(job.pk, "one")
    assert lease is not None
    return Recorder(lease, job)


def row(job: Job) -> JobStep:
    return JobStep.objects.create(job=job, position=1, key="a", title="Do a")


@pytest.mark.parametrize(
    "write",
    [
        lambda pen, step: pen.log("a line"),
        lambda pen, step: pen.log_lines([f"line {n}" for n in range(AT_ONCE)]),
        lambda pen, step: pen.save_step(step, saved={"asked": True}, line="asking"),
        lambda pen, step: pen.begin_turn(step, line="Do a …"),
        lambda pen, step: pen.finish_step(step, "made", {"id": 7}),
        lambda pen, step: pen.postpone(3, step=step, line="waiting", state=StepState.WAITING, message="waiting"),
    ],
)
def test_a_write_is_one_statement(
    job: Job, write: Callable[[Recorder, JobStep], None], django_assert_num_queries: Any
) -> None:
    one, step = pen(job), row(job)

    with django_assert_num_queries(1):
        write(one, step)


def test_a_step_that_is_done_at_once_costs_one_statement(job: Job, django_assert_num_queries: Any) -> None:
    def cost(steps: int) -> int:
        from django.test.utils import CaptureQueriesContext

        other = Job.objects.create(
            kind="scripted",
            title="x",
            farm=job.farm,
            requested_by=job.requested_by,
            writes=False,
            admitted_at=timezone.now(),
        )
        with CaptureQueriesContext(connection) as queries:
            advance(other, *(Scripted(f"step-{n}") for n in range(steps)))
        return len(queries)

    cost(1)  # the secrets to mask are read once a minute

    assert cost(12) - cost(2) == 10  # its end and the beginning of the next one


ROBBED: list[Callable[[Recorder, JobStep], None]] = [
    lambda pen, step: pen.log("from the grave"),
    lambda pen, step: pen.log_lines(["from", "the", "grave"]),
    lambda pen, step: pen.save_step(step, saved={"asked": True}, line="asking"),
    lambda pen, step: pen.begin_turn(step),
    lambda pen, step: pen.finish_step(step, "made", {"id": 7}),
    lambda pen, step: pen.postpone(3, step=step, state=StepState.WAITING),
    lambda pen, step: pen.set_version(9),
    lambda pen, step: pen.set_state(JobState.UNDOING, undo_cause="cancelled"),
    lambda pen, step: pen.start([JobStep(job=pen.job, position=2, key="b", title="Do b")]),
    lambda pen, step: pen.end(JobState.SUCCEEDED, "done"),
]


def facts(job: Job) -> list[Any]:
    rows = [Job.objects.filter(pk=job.pk), job.steps.order_by("position"), job.log.order_by("number")]
    return [list(query.values()) for query in rows] + [list(Hold.objects.values())]


@pytest.mark.parametrize("write", ROBBED)
def test_a_worker_that_lost_its_lease_changes_nothing(job: Job, write: Callable[[Recorder, JobStep], None]) -> None:
    one, step = pen(job), row(job)
    Hold.objects.create(resource="vdisk:1", slot=1, job=job)
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert leases.claim(job.pk, "two")
    before = facts(job)

    with pytest.raises(LeaseLost):
        write(one, step)

    assert facts(job) == before


@pytest.mark.parametrize("write", ROBBED)
def test_a_worker_that_gave_the_job_back_changes_nothing(job: Job, write: Callable[[Recorder, JobStep], None]) -> None:
    one, step = pen(job), row(job)
    one.postpone(0)
    before = facts(job)

    with pytest.raises(LeaseLost):
        write(one, step)

    assert facts(job) == before


def test_a_lease_that_nobody_had_writes_nothing(job: Job) -> None:
    with pytest.raises(LeaseLost):
        Recorder(Lease(job.pk, 0), job).log("who is this")


def test_many_lines_keep_their_order_and_their_numbers(job: Job) -> None:
    one, step = pen(job), row(job)
    one.log("first")

    one.log_lines([f"line {number}" for number in range(2 * AT_ONCE + 7)], step=step)
    one.log("last")

    lines = list(job.log.order_by("number").values_list("number", "text", "step_position"))
    assert [number for number, _, _ in lines] == list(range(1, 2 * AT_ONCE + 10))
    assert lines[1:-1] == [(number + 2, f"line {number}", 1) for number in range(2 * AT_ONCE + 7)]
    assert Job.objects.get(pk=job.pk).lines == len(lines)


def test_no_lines_are_no_write(job: Job, django_assert_num_queries: Any) -> None:
    one = pen(job)

    with django_assert_num_queries(0):
        one.log_lines([])


def test_a_very_long_line_or_message_is_cut_and_says_so(job: Job) -> None:
    one, step = pen(job), row(job)
    text = "x" * 2_000_000

    one.log(text)
    one.log_lines(["short", text])
    one.finish_step(step, text, {})
    one.end(JobState.FAILED, text, kept=text)

    step.refresh_from_db()
    job.refresh_from_db()
    cut = f"{'x' * (LONGEST - 50)} … ({2_000_000 - LONGEST + 50:,} more characters were cut off)"
    assert texts(job) == [cut, "short", cut, cut, cut]
    assert (step.message, job.outcome) == (cut, cut)
    assert job.kept == text, "where all of it is must not be lost"


def test_a_very_long_message_that_stays_the_same_is_logged_once(job: Job) -> None:
    step = Scripted("wait", Wait(0, "x" * 20_000))
    advance(job, step)
    due(job)

    advance(job, step)

    assert sum(text.startswith("xxx") for text in texts(job)) == 1


def test_what_no_database_can_keep_is_replaced(job: Job) -> None:
    one, step = pen(job), row(job)

    one.save_step(step, line="a\0b \ud800 c", saved={"answer": "a\0b", "deep": [{"\0": "\ud800"}]})

    assert texts(job) == ["a\N{REPLACEMENT CHARACTER}b ? c"]
    assert job.steps.get().saved == {"answer": "a�b", "deep": [{"�": "?"}]}


def test_it_learns_from_each_write_that_cancelling_was_asked_for(job: Job) -> None:
    one = pen(job)
    one.log("before")
    assert not one.cancel_asked
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=timezone.now())

    one.log("after")

    assert one.cancel_asked


def test_times_are_the_databases(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose clock is a day behind, then one whose clock is a day ahead."""
    step = Scripted("slow", Wait(0, "…"), Done("there"))
    before = timezone.now()
    for skew in (timedelta(days=-1), timedelta(days=1)):
        with monkeypatch.context() as patch:
            patch.setattr(timezone, "now", lambda skew=skew: before + skew)
            advance(job, step)
    after = timezone.now()

    job = Job.objects.get(pk=job.pk)
    found = job.steps.get()
    assert job.state == JobState.SUCCEEDED
    for time in (job.started_at, job.ended_at, found.started_at, found.ended_at, *job.log.values_list("at", flat=True)):
        assert time is not None
        assert before - timedelta(minutes=1) < time < after + timedelta(minutes=1)
    assert found.seconds is not None
    assert 0 <= found.seconds < 600


def told(job: Job) -> list[tuple[int, int | None, str]]:
    return list(job.log.order_by("number").values_list("number", "step_position", "text"))


def test_the_end_of_a_step_begins_the_next_one(job: Job, django_assert_num_queries: Any) -> None:
    one, step = pen(job), row(job)
    following = JobStep.objects.create(job=job, position=2, key="b", title="Do b")

    with django_assert_num_queries(1):
        one.finish_step(step, "made", {"id": 7}, following)

    found = job.steps.get(position=2)
    assert (found.state, found.attempts) == (StepState.RUNNING, 1)
    assert found.started_at == job.steps.get(position=1).ended_at
    assert one.begun is following
    assert (following.state, following.attempts, following.started_at) == (found.state, 1, found.started_at)
    assert told(job) == [(1, 1, "made"), (2, 2, "Do b …")]
    assert Job.objects.get(pk=job.pk).lines == 2


def test_the_end_of_a_step_begins_no_other_once_cancelling_is_asked_for(job: Job) -> None:
    one, step = pen(job), row(job)
    following = JobStep.objects.create(job=job, position=2, key="b", title="Do b")
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=timezone.now())

    one.finish_step(step, "made", {}, following)

    found = job.steps.get(position=2)
    assert (found.state, found.attempts, found.started_at) == (StepState.PENDING, 0, None)
    assert job.steps.get(position=1).state == StepState.DONE
    assert one.cancel_asked
    assert one.begun is None
    assert (following.state, following.attempts) == (StepState.PENDING, 0)
    assert told(job) == [(1, 1, "made")]
    assert Job.objects.get(pk=job.pk).lines == 1


def test_a_lost_lease_begins_nothing(job: Job) -> None:
    one, step = pen(job), row(job)
    following = JobStep.objects.create(job=job, position=2, key="b", title="Do b")
    Job.objects.filter(pk=job.pk).update(lease_token=99)

    with pytest.raises(LeaseLost):
        one.finish_step(step, "made", {}, following)

    assert set(job.steps.values_list("state", flat=True)) == {StepState.PENDING}
    assert one.begun is None
    assert told(job) == []


def test_a_worker_that_is_lost_right_after_that_write_is_told_as_any_other(job: Job) -> None:
    first, second = Scripted("first"), Scripted("second", KeyboardInterrupt(), Done("made"))
    with pytest.raises(KeyboardInterrupt):
        advance(job, first, second)
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    job = advance(job, first, second)

    assert job.state == JobState.SUCCEEDED
    assert (first.calls, job.steps.get(key="second").attempts) == (1, 2)
    assert any("was lost; another one goes on" in text for text in texts(job))


def test_a_step_that_had_begun_before_is_begun_by_itself(job: Job) -> None:
    """As after a restart from the step before: its first line was said, its attempts are counted on."""
    steps = Scripted("first"), Scripted("second", Wait(0, "…"), Done("made"))
    advance(job, *steps)
    job.steps.filter(key="first").update(state=StepState.PENDING)
    due(job)

    job = advance(job, *steps)

    assert job.state == JobState.SUCCEEDED
    assert [text for text in texts(job) if text == "Do second …"] == ["Do second …"]
    assert job.steps.get(key="second").attempts == 2


def test_a_database_whose_clock_went_back_does_not_stop_a_step(job: Job) -> None:
    one, step = pen(job), row(job)
    one.begin_turn(step)
    job.steps.update(started_at=timezone.now() + timedelta(hours=1))

    one.finish_step(step, "made", {})

    found = job.steps.get()
    assert found.ended_at == found.started_at
    assert found.seconds == 0


@pytest.mark.django_db(transaction=True)
def test_lines_of_two_threads_are_numbered_without_gaps(job: Job) -> None:
    one = pen(job)

    def write(name: str) -> None:
        try:
            for number in range(40):
                one.log(f"{name} {number}")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    lines = list(job.log.order_by("number").values_list("number", "text"))
    assert [number for number, _ in lines] == list(range(1, 121))
    for name in ("a", "b", "c"):
        assert [text for _, text in lines if text.startswith(name)] == [f"{name} {number}" for number in range(40)]


def test_a_step_may_write_a_long_output_at_once(job: Job) -> None:
    def run(ctx: StepContext) -> Done:
        ctx.log_lines([f"setup: file {number}" for number in range(3000)])
        return Done("installed")

    advance(job, Scripted("install", run))

    assert texts(job)[1:3001] == [f"setup: file {number}" for number in range(3000)]
