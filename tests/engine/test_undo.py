"""Taking back: in reverse, continued where a worker was lost, and honest about what could not be."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from builders.adapters.errors import AdapterError, Busy, NotFound, OutcomeUnknown, Refused, TimedOut, Unreachable
from builders.engine import runner
from builders.engine.context import StepContext
from builders.engine.steps import Done, RetryPolicy, Stays, StepFailed, Wait
from lifecycle import rerunning
from lifecycle.models import Hold, Job
from lifecycle.states import JobState, OnFailure, Repeat, StepState, UndoCause
from tests.engine.conftest import Scripted, advance, cancel, due, lose, texts

pytestmark = pytest.mark.django_db


class Made(Scripted):
    """A step that made something, which it can name and take back in the way that the test says."""

    def __init__(self, key: str, *undos: Any, **attributes: Any) -> None:
        super().__init__(key, undo=self._next, **attributes)
        self.undos = list(undos) or [f"{key} was removed"]
        self.asked = 0

    def _next(self, ctx: StepContext) -> Any:
        self.asked += 1
        answer = self.undos.pop(0) if len(self.undos) > 1 else self.undos[0]
        answer = answer(ctx) if callable(answer) else answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def leaves(self, ctx: StepContext) -> str:
        return f"{self.key} on host A"


SLOW = Wait(60, "…")


def cancelled(job: Job, *steps: Scripted) -> Job:
    """Begun, then cancelled, then driven to its end."""
    advance(job, *steps)
    cancel(job)
    return to_the_end(job, *steps)


def to_the_end(job: Job, *steps: Scripted) -> Job:
    job = Job.objects.get(pk=job.pk)
    for _ in range(50):
        if not job.is_active:
            return job
        due(job)
        job = advance(job, *steps)
    raise AssertionError(f"{job} does not end: {texts(job)[-3:]}")


# --- cancelling, wherever the job is


def test_in_the_queue_it_ends_at_once_and_holds_nothing(make_job: Any) -> None:
    job = make_job(admitted_at=None)
    step = Scripted("first")
    cancel(job)

    job = advance(job, step)

    assert (job.state, step.calls) == (JobState.CANCELLED, 0)


def test_a_resumed_job_in_the_queue_takes_back_what_it_had_done(job: Job) -> None:
    made = Made("VM")
    advance(job, made, Scripted("next", StepFailed("no")))
    from lifecycle.rerunning import resume_job

    resume_job(job, User.objects.create_superuser("root"))
    cancel(job)
    assert Job.objects.get(pk=job.pk).admitted_at is None

    job = advance(job, made, Scripted("next"))

    assert (job.state, made.asked) == (JobState.CANCELLED, 1)


def test_during_a_step_it_is_seen_right_after_it(job: Job) -> None:
    last = Scripted("last")
    made = Made("VM")
    made.answers = [lambda ctx: cancel(ctx.job) or Done()]  # type: ignore[func-returns-value]

    job = advance(job, made, last)

    assert (job.state, last.calls, made.asked) == (JobState.CANCELLED, 0, 1)


def test_during_a_failing_step_it_is_cancelled_and_not_kept(job: Job) -> None:
    made = Made("VM")

    def fail(ctx: StepContext) -> Done:
        cancel(ctx.job)
        raise StepFailed("no space")

    job = advance(job, made, Scripted("next", fail))

    assert (job.state, made.asked, job.kept) == (JobState.CANCELLED, 1, "")


def test_during_a_pause_before_the_next_attempt(job: Job) -> None:
    made, away = Made("VM"), Scripted("ask", Unreachable("away"))

    job = cancelled(job, made, away)

    assert (job.state, made.asked, away.calls) == (JobState.CANCELLED, 1, 1)


def test_a_wait_that_is_written_after_the_cancelling_does_not_put_it_off(job: Job) -> None:
    def wait(ctx: StepContext) -> Wait:
        cancel(ctx.job)
        return Wait(3600, "long")

    job = advance(job, Scripted("slow", wait))

    assert job.due_at <= timezone.now()


def test_during_the_undoing_nothing_is_taken_back_twice(job: Job) -> None:
    job.on_failure = OnFailure.UNDO
    job.save()
    first, second = Made("disk"), Made("VM", Unreachable("away"), "VM was removed")
    advance(job, first, second, Scripted("next", StepFailed("no")))
    cancel(job)

    job = to_the_end(job, first, second, Scripted("next"))

    assert (first.asked, second.asked) == (1, 2)
    assert job.state == JobState.FAILED
    assert not job.kept


# --- failing with undo


def test_a_failure_is_undone_with_the_failed_step_when_the_job_says_so(make_job: Any) -> None:
    job = make_job(on_failure=OnFailure.UNDO)
    order: list[str] = []
    first = Made("disk", lambda _ctx: order.append("disk") or "disk removed")
    second = Made("VM", lambda _ctx: order.append("VM") or "VM removed")
    second.answers = [StepFailed("no space on host A")]

    job = advance(job, first, second, Scripted("third"))

    assert order == ["VM", "disk"]
    assert (job.state, job.undo_cause, job.kept, job.kept_until) == (JobState.FAILED, UndoCause.FAILED, "", None)
    assert job.outcome == "no space on host A. What it had done was taken back."
    assert job.cleaned_up_at
    states = list(job.steps.values_list("state", flat=True))
    assert states == [StepState.UNDONE, StepState.UNDONE, StepState.SKIPPED]


def test_a_fault_of_ours_is_undone_too(make_job: Any) -> None:
    made = Made("VM")

    job = advance(make_job(on_failure=OnFailure.UNDO), made, Scripted("broken", ZeroDivisionError()))

    assert (job.state, made.asked) == (JobState.FAILED, 1)
    assert "reference" in job.outcome


# --- what could not be undone


def test_it_says_what_is_left_where_and_why(job: Job) -> None:
    made = Made("VM", Refused("host A said no", code=5))

    job = cancelled(job, made, Scripted("slow", SLOW))

    assert job.state == JobState.CANCELLED
    assert job.kept == "VM on host A (host A said no)"
    assert job.outcome.endswith("Left in place: VM on host A (host A said no)")
    assert any("Not taken back: VM on host A" in text for text in texts(job))
    assert job.steps.get(key="VM").state == StepState.FAILED


def test_a_fault_in_one_undo_does_not_stop_the_others(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    first, broken = Made("disk"), Made("VM", ZeroDivisionError("secret internals"))

    job = cancelled(job, first, broken, Scripted("slow", SLOW))

    assert (job.state, first.asked) == (JobState.CANCELLED, 1)
    assert "VM on host A (Stopped by a fault of the portal" in job.kept
    assert "secret internals" not in job.kept
    assert "ZeroDivisionError" in caplog.text


class Leaves(Scripted):
    takes_back = False

    def leaves(self, ctx: StepContext) -> str:
        return "a snapshot on host B"


def test_a_step_without_a_way_back_says_what_it_leaves(job: Job) -> None:
    job = cancelled(job, Leaves("snapshot"), Scripted("slow", SLOW))

    assert job.kept == "a snapshot on host B"
    assert job.steps.get(key="snapshot").state == StepState.DONE


# --- errors on the way


@pytest.mark.parametrize("error", [Unreachable("away"), TimedOut("slow"), OutcomeUnknown("cut"), Busy("at it")])
def test_a_transient_error_is_tried_again_and_the_order_is_kept(job: Job, error: AdapterError) -> None:
    first, second = Made("disk"), Made("VM", error, error, "VM was removed")
    advance(job, first, second, Scripted("slow", SLOW))
    cancel(job)

    job = advance(job, first, second, Scripted("slow", SLOW))
    row = job.steps.get(key="VM")
    assert (job.state, row.state, first.asked) == (JobState.UNDOING, StepState.WAITING, 0)
    assert "Attempt 1 of 6 failed" in row.message
    assert job.due_at > timezone.now()

    job = to_the_end(job, first, second, Scripted("slow", SLOW))
    assert (job.state, job.kept, first.asked, second.asked) == (JobState.CANCELLED, "", 1, 3)


def test_it_gives_up_on_a_host_that_stays_away_and_goes_on_with_the_rest(job: Job) -> None:
    first, second = Made("disk"), Made("VM", Unreachable("host A is away"), retry=RetryPolicy(times=2))

    job = cancelled(job, first, second, Scripted("slow", SLOW))

    assert (second.asked, first.asked) == (3, 1)
    assert job.kept == "VM on host A (host A is away Tried 3 times)"


def test_an_undo_may_wait(job: Job) -> None:
    made = Made("VM", Wait(5, "VM is shutting down", 40), "VM was removed")
    advance(job, made, Scripted("slow", SLOW))
    cancel(job)

    job = advance(job, made, Scripted("slow", SLOW))
    assert (job.state, job.steps.get(key="VM").message) == (JobState.UNDOING, "VM is shutting down")

    assert to_the_end(job, made, Scripted("slow", SLOW)).state == JobState.CANCELLED
    assert made.asked == 2


def test_an_undo_that_waits_for_ever_is_given_up(job: Job) -> None:
    made = Made("VM", Wait(0, "VM is shutting down"), limit=timedelta(0))

    job = cancelled(job, made, Scripted("slow", SLOW))

    assert "took too long. Last seen: VM is shutting down" in job.kept


# --- a worker lost in the midst of it


def test_it_is_continued_by_another_worker_which_repeats_nothing(job: Job) -> None:
    order: list[str] = []
    first = Made("disk", lambda _ctx: order.append("disk") or "disk removed")
    second = Made("net", lambda _ctx: order.append("net") or KeyboardInterrupt(), "net removed")
    third = Made("VM", lambda _ctx: order.append("VM") or "VM removed")
    steps = (first, second, third, Scripted("slow", SLOW))
    advance(job, *steps)
    cancel(job)
    with pytest.raises(KeyboardInterrupt):
        advance(job, *steps)
    lose(job)

    job = to_the_end(job, *steps)

    assert order == ["VM", "net", "disk"]
    assert (job.state, job.kept) == (JobState.CANCELLED, "")
    assert any("looks at what is left and goes on" in text for text in texts(job))


def test_what_an_undo_intended_is_known_to_the_one_who_goes_on(job: Job) -> None:
    def crash(ctx: StepContext) -> BaseException:
        ctx.intend(deleting="task-7")
        return KeyboardInterrupt()

    made = Made("VM", crash, lambda ctx: f"{ctx.saved['deleting']} was waited for")
    steps = (made, Scripted("slow", SLOW))
    advance(job, *steps)
    cancel(job)
    with pytest.raises(KeyboardInterrupt):
        advance(job, *steps)
    lose(job)

    to_the_end(job, *steps)

    assert "task-7 was waited for" in texts(job)


def test_an_undo_that_must_not_be_done_twice_is_not(job: Job) -> None:
    made = Made("VM", KeyboardInterrupt(), repeat=Repeat.NEVER)
    steps = (made, Scripted("slow", SLOW))
    advance(job, *steps)
    cancel(job)
    with pytest.raises(KeyboardInterrupt):
        advance(job, *steps)
    lose(job)

    job = to_the_end(job, *steps)

    assert made.asked == 1
    assert "it is unknown how far it came" in job.kept


def test_holds_go_with_the_end_and_not_before(job: Job) -> None:
    Hold.objects.create(resource="vdisk:1", slot=1, job=job)
    made = Made("VM", Unreachable("away"), "VM was removed")
    advance(job, made, Scripted("slow", SLOW))
    cancel(job)

    advance(job, made, Scripted("slow", SLOW))
    assert Hold.objects.exists()

    to_the_end(job, made, Scripted("slow", SLOW))
    assert not Hold.objects.exists()


# --- what stays by design, and what is gone anyway


class Started(Scripted):
    """Nothing of it is to be taken back: somebody may work there now."""

    takes_back = False

    def stays(self, ctx: StepContext) -> str:
        return "T1 was started and goes on"


def test_what_stays_by_design_is_said_and_nobody_has_to_decide(job: Job) -> None:
    promoted = Made("version", Stays("Version 4 is in production"))

    job = cancelled(job, Started("boot"), promoted, Scripted("slow", SLOW))

    assert (job.state, job.kept) == (JobState.CANCELLED, "")
    assert job.outcome == "Cancelled by the portal. Version 4 is in production. T1 was started and goes on."
    assert job.steps.get(key="version").state == StepState.DONE
    assert "Version 4 is in production" in texts(job)


def test_a_failed_job_says_what_goes_on_and_keeps_nothing_for_it(job: Job) -> None:
    job = advance(job, Started("boot"), Scripted("next", StepFailed("no space")))

    assert job.outcome == "no space. T1 was started and goes on."
    assert (job.kept, job.kept_until) == ("", None)


def test_what_stays_is_said_once_however_often_it_is_cleaned_up(job: Job) -> None:
    root = User.objects.create_superuser("root")
    steps = (Started("boot"), Made("VM", Refused("no"), "VM was removed"), Scripted("next", StepFailed("no space")))
    job = advance(job, *steps)
    for _ in range(2):
        rerunning.clean_up(job, root)
        job = to_the_end(job, *steps)

    assert job.kept == ""
    assert job.outcome.count("T1 was started and goes on") == 1


class Pvs:
    """Knows no vDisk, or all; one task that has so many looks to go."""

    def __init__(self, *, has_vdisk: bool = True, looks: int = 0) -> None:
        self.has_vdisk = has_vdisk
        self.looks = looks

    def disk(self, _: object) -> None:
        if not self.has_vdisk:
            raise NotFound("no such vDisk")

    def task(self, task_id: int) -> SimpleNamespace:
        self.looks -= 1
        return SimpleNamespace(is_finished=self.looks < 0, percent=40)


def advance_with(pvs: Pvs, job: Job, *steps: Scripted) -> Job:
    runner.advance(job.pk, owner="worker", plan=lambda _: list(steps), opener=lambda _: pvs)  # type: ignore[arg-type,return-value]
    return Job.objects.get(pk=job.pk)


@pytest.mark.parametrize("has_vdisk", [True, False])
def test_nothing_is_left_of_a_vdisk_that_is_gone(job: Job, has_vdisk: bool) -> None:
    pvs, made = Pvs(has_vdisk=has_vdisk), Made("version", NotFound("no such thing"))
    advance_with(pvs, job, made, Scripted("slow", SLOW))
    cancel(job)

    job = advance_with(pvs, job, made, Scripted("slow", SLOW))

    assert job.state == JobState.CANCELLED
    assert bool(job.kept) == has_vdisk
    assert has_vdisk or "W11 is no longer in PVS, so nothing of this is left" in texts(job)


def test_nothing_is_taken_back_while_pvs_is_still_at_it(job: Job) -> None:
    """Else the undo finds nothing, and what PVS makes a moment later is nobody's."""
    busy = Busy("in process")
    busy.task_id = 7
    pvs, step = Pvs(looks=2), Made("version", "it was deleted")
    step.answers = [busy]
    advance_with(pvs, job, step)
    cancel(job)

    for _ in range(2):
        job = advance_with(pvs, job, step)
        assert (job.state, step.asked) == (JobState.UNDOING, 0)
        assert "task 7" in job.steps.get().message
        due(job)
    job = advance_with(pvs, job, step)

    assert (job.state, step.asked) == (JobState.CANCELLED, 1)


def test_an_undo_that_pvs_is_still_at_is_not_asked_for_again(job: Job) -> None:
    busy = Busy("in process")
    busy.task_id = 7
    pvs, step = Pvs(looks=1), Made("version", busy, "it was deleted")
    advance_with(pvs, job, step, Scripted("slow", SLOW))
    cancel(job)
    for _ in range(2):
        job = advance_with(pvs, job, step, Scripted("slow", SLOW))
        assert step.asked == 1
        due(job)

    job = advance_with(pvs, job, step, Scripted("slow", SLOW))

    assert (job.state, job.kept, step.asked) == (JobState.CANCELLED, "", 2)
