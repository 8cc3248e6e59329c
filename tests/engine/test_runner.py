"""What a turn does with each answer a step can give."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from builders.adapters.errors import Busy, CertificateProblem, NotAuthenticated, OutcomeUnknown, Refused, Unreachable
from builders.engine import leases
from builders.engine.context import StepContext
from builders.engine.leases import LeaseLost
from builders.engine.recorder import Recorder
from builders.engine.steps import Done, RetryPolicy, StepFailed, Wait
from lifecycle.models import AuditEntry, Job
from lifecycle.states import JobState, Repeat, StepState
from tests.engine.conftest import Scripted, advance, cancel, due, texts

pytestmark = pytest.mark.django_db


def test_it_runs_all_steps_in_one_turn_when_none_waits(job: Job) -> None:
    first, second = (
        Scripted("first", Done("made it", {"id": 7}), produces={"id": int}),
        Scripted("second", lambda ctx: Done(f"got {ctx.need('id', int)}"), needs=("id",)),
    )

    job = advance(job, first, second)

    assert job.state == JobState.SUCCEEDED
    assert job.outcome == "got 7"
    assert [step.state for step in job.steps.all()] == [StepState.DONE, StepState.DONE]
    assert job.lease_until is None


def test_it_gives_the_job_back_while_a_step_waits(job: Job) -> None:
    step = Scripted("slow", Wait(30, "half way", 50), Done("there"))

    job = advance(job, step)

    assert job.state == JobState.RUNNING
    assert job.lease_until is None
    assert job.due_at > timezone.now() + timedelta(seconds=20)
    assert job.steps.get().progress == 50
    advance(job, step)  # not due yet
    assert step.calls == 1
    due(job)
    assert advance(job, step).state == JobState.SUCCEEDED


def test_it_logs_a_waiting_message_once(job: Job) -> None:
    step = Scripted("slow", Wait(0, "still copying"))

    for _ in range(3):
        due(job)
        advance(job, step)

    assert texts(job).count("still copying") == 1


def test_it_numbers_log_lines_without_gaps(job: Job) -> None:
    advance(job, Scripted("one", lambda ctx: ctx.log("hello") or Done("ok")))  # type: ignore[func-returns-value]

    numbers = list(job.log.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_refusal_fails_the_job_with_the_code_and_words_of_pvs(job: Job) -> None:
    refusal = Refused("PVS01 was asked to promote, answered 163", code=163, remedy="Make a version first.")

    job = advance(job, Scripted("promote", refusal), Scripted("later"))

    step = job.steps.first()
    assert job.state == JobState.FAILED
    assert step is not None
    assert (step.error_code, step.state) == (163, StepState.FAILED)
    assert "Make a version first." in job.outcome
    assert job.steps.get(key="later").state == StepState.SKIPPED


@pytest.mark.parametrize("error", [NotAuthenticated("wrong password"), CertificateProblem("another certificate")])
def test_what_no_waiting_mends_is_not_tried_again(job: Job, error: Exception) -> None:
    step = Scripted("ask", error)

    assert advance(job, step).state == JobState.FAILED
    assert step.calls == 1


def test_busy_means_wait_however_often(job: Job) -> None:
    step = Scripted("merge", Busy("in process", code=177), retry=RetryPolicy(times=1))

    for _ in range(5):
        due(job)
        job = advance(job, step)

    assert job.state == JobState.RUNNING


def test_a_host_that_is_away_is_asked_again_a_bounded_number_of_times(job: Job) -> None:
    step = Scripted("ask", Unreachable("PVS01 does not answer"), retry=RetryPolicy(times=2))

    for _ in range(3):
        due(job)
        job = advance(job, step)

    assert step.calls == 3
    assert job.state == JobState.FAILED


def test_a_good_answer_forgets_the_failures_before(job: Job) -> None:
    step = Scripted("ask", Unreachable("away"), Wait(0, "ok"), Unreachable("away"), Done(), retry=RetryPolicy(times=1))

    for _ in range(4):
        due(job)
        job = advance(job, step)

    assert job.state == JobState.SUCCEEDED


def test_an_unknown_outcome_is_looked_at_again(job: Job) -> None:
    step = Scripted("create", OutcomeUnknown("session lost"), Done("found it"))

    advance(job, step)
    due(job)

    assert advance(job, step).outcome == "found it"


def test_an_unknown_outcome_of_a_step_that_must_not_repeat_fails(job: Job) -> None:
    step = Scripted("pay", OutcomeUnknown("session lost"), repeat=Repeat.NEVER)

    job = advance(job, step)

    assert job.state == JobState.FAILED
    assert "unknown whether it took effect" in job.outcome


def test_an_intention_survives_the_worker(job: Job) -> None:
    def crash(ctx: StepContext) -> Done:
        ctx.intend(asked_above=4)
        raise KeyboardInterrupt

    step = Scripted("create", crash, lambda ctx: Done(f"asked above {ctx.saved['asked_above']}"))

    with pytest.raises(KeyboardInterrupt):
        advance(job, step)
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    assert advance(job, step).outcome == "asked above 4"


def test_the_log_says_when_another_worker_takes_over(job: Job) -> None:
    step = Scripted("create", KeyboardInterrupt(), Done("made"))
    with pytest.raises(KeyboardInterrupt):
        advance(job, step)
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    advance(job, step)

    assert any("was lost; another one goes on" in text for text in texts(job))


def test_a_refusal_keeps_what_pvs_said_apart_from_what_we_say(job: Job) -> None:
    refusal = Refused("PVS01 was asked to promote, and answered so", code=163, words="no version", remedy="Make one.")

    job = advance(job, Scripted("promote", refusal))

    step = job.steps.get()
    assert (step.error_code, step.error_words) == (163, "no version")
    assert step.message == "PVS01 was asked to promote, and answered so Make one."


def test_a_fault_of_ours_ends_the_job_with_a_reference_and_no_internals(
    job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    job = advance(job, Scripted("broken", ZeroDivisionError("secret internals")))

    assert job.state == JobState.ERRORED
    assert "reference" in job.outcome
    assert "secret internals" not in job.outcome
    assert "ZeroDivisionError" in caplog.text


def test_a_step_that_takes_too_long_fails(job: Job) -> None:
    step = Scripted("slow", Wait(0, "copying"), limit=timedelta(minutes=5))
    advance(job, step)
    job.steps.update(started_at=timezone.now() - timedelta(minutes=6))
    due(job)

    job = advance(job, step)

    assert job.state == JobState.FAILED
    assert "longer than 5 minutes" in job.outcome
    assert "copying" in job.outcome


def test_a_cancelled_job_undoes_its_steps_in_reverse(job: Job) -> None:
    order: list[str] = []
    first = Scripted("first", Done(), undo=lambda _ctx: order.append("first") or "took first back")
    second = Scripted("second", Wait(60, "…"), undo=lambda _ctx: order.append("second") or "")
    advance(job, first, second, Scripted("third"))
    cancel(job)

    job = advance(job, first, second, Scripted("third"))

    assert job.state == JobState.CANCELLED
    assert order == ["second", "first"]
    assert [step.state for step in job.steps.all()] == [StepState.UNDONE, StepState.STOPPED, StepState.SKIPPED]
    assert "took first back" in texts(job)


def test_cancelling_names_the_person_and_leaves_checks_done(job: Job, operator: User) -> None:
    advance(job, Scripted("check"), Scripted("slow", Wait(60, "…")))
    cancel(job)
    Job.objects.filter(pk=job.pk).update(cancel_requested_by=operator)

    job = advance(job, Scripted("check"), Scripted("slow", Wait(60, "…")))

    assert job.outcome == "Cancelled by operator."
    assert job.steps.get(key="check").state == StepState.DONE


def test_cancelling_says_what_could_not_be_undone(job: Job) -> None:
    first = Scripted("first", Done(), undo=StepFailed("Version 5 is in test."))
    second = Scripted("second", Wait(60, "…"))
    advance(job, first, second)
    cancel(job)

    job = advance(job, first, second)

    assert job.state == JobState.CANCELLED
    assert "Version 5 is in test." in job.outcome


def test_a_job_cancelled_before_its_first_step_does_nothing(job: Job) -> None:
    step = Scripted("first")
    cancel(job)

    assert advance(job, step).state == JobState.CANCELLED
    assert step.calls == 0


def test_an_unknown_kind_of_job_fails_in_words(job: Job) -> None:
    from builders.engine import runner
    from builders.jobs import plan

    runner.advance(job.pk, owner="w", plan=plan, opener=lambda _job: None)  # type: ignore[arg-type,return-value]

    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "scripted" in job.outcome


def test_a_job_that_is_over_is_left_alone(job: Job) -> None:
    step = Scripted("only")
    advance(job, step)
    due(job)

    advance(job, step)

    assert step.calls == 1


def test_the_end_is_audited_once(job: Job) -> None:
    advance(job, Scripted("only"))

    assert AuditEntry.objects.filter(job=job, action="job.succeeded").count() == 1


def test_a_claimed_job_is_nobody_elses(job: Job) -> None:
    assert leases.claim(job.pk, "one") is not None
    assert leases.claim(job.pk, "two") is None


def test_a_lease_that_ended_goes_to_the_next_and_fences_out_the_first(job: Job) -> None:
    first = leases.claim(job.pk, "one")
    assert first is not None
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    second = leases.claim(job.pk, "two")
    assert second is not None
    assert second.token > first.token

    for forbidden in (
        lambda: Recorder(first, job).log("from the grave"),
        lambda: Recorder(first, job).end(JobState.SUCCEEDED, "done"),
        lambda: Recorder(first, job).postpone(1),
        first.renew,
    ):
        with pytest.raises(LeaseLost):
            forbidden()
    assert not job.log.exists()
    second.renew()


def test_a_worker_that_lost_its_lease_in_mid_step_writes_nothing_more(job: Job) -> None:
    def robbed(ctx: StepContext) -> Done:
        Job.objects.filter(pk=ctx.job.pk).update(lease_token=99, lease_owner="two")
        return Done("I did it")

    job = advance(job, Scripted("slow", robbed))

    assert job.state == JobState.RUNNING
    assert "I did it" not in texts(job)


def test_steps_that_changed_since_the_start_are_refused_in_words(job: Job, make_job: Callable[..., Job]) -> None:
    advance(job, Scripted("old", Wait(0, "…")))
    due(job)

    job = advance(job, Scripted("new"))

    assert job.state == JobState.FAILED
    assert "start it anew" in job.outcome
