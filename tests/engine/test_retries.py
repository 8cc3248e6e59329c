"""Transient errors are tried again, a bounded number of times and for all to see; others never."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from builders.adapters.errors import AdapterError, NotFound, OutcomeUnknown, Refused, TimedOut, Unreachable
from builders.engine.context import StepContext
from builders.engine.steps import Done, RetryPolicy, StepFailed, Wait
from builders.engine.workbench import LOST_AT_MOST
from lifecycle.models import Job
from lifecycle.rerunning import UNANSWERED
from lifecycle.states import JobState, Repeat, StepState
from tests.engine.conftest import Scripted, advance, due, lose, texts

pytestmark = pytest.mark.django_db

TRANSIENT = [Unreachable("PVS01 is away"), TimedOut("no answer"), OutcomeUnknown("session cut")]


@pytest.mark.parametrize("error", TRANSIENT)
def test_an_attempt_that_failed_is_told_in_the_row_and_in_the_log(job: Job, error: AdapterError) -> None:
    step = Scripted("ask", error, Done("answered"), retry=RetryPolicy(times=3, first_seconds=8))

    job = advance(job, step)

    row = job.steps.get()
    assert (row.state, row.failures, row.attempts, row.sign_at) == (StepState.WAITING, 1, 1, None)
    assert "Attempt 1 of 4 failed; the next follows in" in row.message
    assert row.message in texts(job)
    assert job.due_at > timezone.now()
    due(job)
    assert advance(job, step).outcome == "answered"
    assert job.steps.get().failures == 0


@pytest.mark.parametrize("error", TRANSIENT)
def test_it_gives_up_after_as_many_retries_as_the_policy_has(job: Job, error: AdapterError) -> None:
    step = Scripted("ask", error, retry=RetryPolicy(times=2))

    while job.is_active:
        due(job)
        job = advance(job, step)

    assert step.calls == 3
    assert job.state == JobState.FAILED
    assert "Tried 3 times." in job.outcome


@pytest.mark.parametrize("error", [Refused("no", code=31), NotFound("gone"), StepFailed("never"), KeyError("ours")])
def test_what_is_not_transient_is_tried_once(job: Job, error: Exception) -> None:
    step = Scripted("ask", error)

    assert not advance(job, step).is_active
    assert step.calls == 1


def call(ctx: StepContext, error: BaseException) -> Done:
    ctx.intend(asked=True)
    raise error


def test_a_call_that_is_never_repeated_is_not_made_again_after_a_lost_worker(job: Job) -> None:
    step = Scripted("pay", lambda ctx: call(ctx, KeyboardInterrupt()), Done("paid twice"), repeat=Repeat.NEVER)
    with pytest.raises(KeyboardInterrupt):
        advance(job, step)
    lose(job)

    job = advance(job, step)

    assert (step.calls, job.state) == (1, JobState.FAILED)
    assert "unknown whether it took effect" in job.outcome
    assert job.steps.get().saved[UNANSWERED]


def test_a_call_that_was_not_yet_made_is_made_after_a_lost_worker(job: Job) -> None:
    step = Scripted("pay", KeyboardInterrupt(), Done("paid"), repeat=Repeat.NEVER)
    with pytest.raises(KeyboardInterrupt):
        advance(job, step)
    lose(job)

    assert advance(job, step).outcome == "paid"


@pytest.mark.parametrize("error", [TimedOut("no answer"), OutcomeUnknown("session cut")])
def test_a_call_that_is_never_repeated_and_was_not_answered_fails(job: Job, error: AdapterError) -> None:
    step = Scripted("pay", lambda ctx: call(ctx, error), repeat=Repeat.NEVER)

    job = advance(job, step)

    assert (step.calls, job.state) == (1, JobState.FAILED)
    assert job.steps.get().saved[UNANSWERED]


def test_a_call_that_is_never_repeated_but_was_never_delivered_is_made_again(job: Job) -> None:
    step = Scripted("pay", lambda ctx: call(ctx, Unreachable("away")), Done("paid"), repeat=Repeat.NEVER)
    job = advance(job, step)
    assert UNANSWERED not in job.steps.get().saved
    due(job)

    assert advance(job, step).outcome == "paid"


def test_an_answer_forgets_that_one_was_missing(job: Job) -> None:
    def ask(ctx: StepContext) -> Wait:
        ctx.intend(asked=True)
        return Wait(0, "accepted")

    advance(job, Scripted("pay", ask, repeat=Repeat.NEVER))

    assert job.steps.get().saved == {"asked": True}


def test_a_step_that_kills_its_workers_is_not_tried_for_ever(job: Job) -> None:
    step = Scripted("kill", KeyboardInterrupt())
    turns = 0
    while job.is_active:
        turns += 1
        assert turns < 50
        lose(job)
        try:
            job = advance(job, step)
        except KeyboardInterrupt:
            continue

    assert step.calls == LOST_AT_MOST + 1
    assert job.state == JobState.FAILED
    assert "workers in a row were lost" in job.outcome


def test_a_sign_of_life_is_noted_when_the_outside_answered(job: Job) -> None:
    step = Scripted("wait", Wait(0, "our own", sign_of_life=False), Wait(0, "theirs"))

    advance(job, step)
    assert job.steps.get().sign_at is None
    advance(job, step)
    assert job.steps.get().sign_at is not None


def test_a_step_waits_for_its_own_poll_interval(job: Job) -> None:
    job = advance(job, Scripted("slow", Wait(None, "…"), poll=500))

    assert timedelta(seconds=400) < job.due_at - timezone.now() <= timedelta(seconds=500)
