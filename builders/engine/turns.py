"""One call of one step, and what each of its answers means for the job."""

from __future__ import annotations

from datetime import timedelta

from django.db import InterfaceError, OperationalError

from builders.adapters.errors import AdapterError, Busy, NotFound, OutcomeUnknown, Refused, Unreachable
from builders.engine.context import StepContext
from builders.engine.leases import LeaseLost
from builders.engine.recorder import Level, first_line
from builders.engine.steps import Done, Outcome, Step, StepFailed, Wait, check_product
from builders.engine.workbench import LOST_AT_MOST, Workbench, is_transient
from builders.engine.writing import AT, ENDED_AT
from lifecycle.errors import LifecycleError
from lifecycle.models import JobStep
from lifecycle.rerunning import UNANSWERED
from lifecycle.states import JobState, Repeat, StepState

BUSY_POLL_SECONDS = 2.0
BUSY_TASK = "busy_task"
UNKNOWN = "It is unknown whether it took effect; look at the other side before you start again."


class GivenBack(Exception):
    """The step waits: the job is in the database's hands again."""


class Failed(Exception):
    """The step has failed, and its row says so; ``str()`` is why."""

    def __init__(self, words: str, state: JobState = JobState.FAILED) -> None:
        super().__init__(words)
        self.state = state


class Turn:
    """One step's turn. Ends in a step that is done, or raises GivenBack or Failed.

    ``following`` is the row of the next step: when that was never called, it begins in the write that ends this one.
    """

    def __init__(self, bench: Workbench, step: Step, row: JobStep, following: JobStep | None = None) -> None:
        self.bench = bench
        self.recorder = bench.recorder
        self.step = step
        self.row = row
        self.following = following if following and _is_untouched(following) else None

    def take(self) -> None:
        self._begin()
        if self.recorder.cancel_asked:
            return
        ctx = self.bench.context(self.row)
        try:
            outcome = self._call(ctx)
            if isinstance(outcome, Done):
                check_product(self.step, outcome.produces)
        except AdapterError as error:
            self._after_error(error)
        except (StepFailed, LifecycleError) as error:
            self._fail(str(error))
        except (LeaseLost, OperationalError, InterfaceError):
            raise  # not ours any more, or nowhere to write: the lease ends and another worker goes on
        except Exception:
            self._fail(self.bench.fault(), state=JobState.ERRORED)
        else:
            self._after(outcome)

    def _call(self, ctx: StepContext) -> Outcome:
        try:
            return unfinished_task(ctx) or self.step.run(ctx)
        finally:
            self.recorder.be_ready()

    def _begin(self) -> None:
        row = self.row
        if self.recorder.begun is row:  # in the write that ended the step before
            self.recorder.begun = None
            return
        if row.state != StepState.RUNNING:
            line = "" if row.started_at else first_line(row)
            self.recorder.begin_turn(row, line=line, failures=row.failures)
            return
        failures = row.failures + 1
        if row.saved.get(UNANSWERED) and self.step.repeat == Repeat.NEVER:
            self._fail(f"The worker that was at this step was lost. {UNKNOWN}")
        if failures > max(self.step.retry.times, LOST_AT_MOST):
            self._fail(f"{failures} workers in a row were lost at this step, which is not tried any more.")
        lost = "The worker that was at this step was lost; another one goes on with it."
        self.recorder.begin_turn(row, line=lost, level=Level.WARNING, failures=failures)

    def _after(self, outcome: Outcome) -> None:
        self.row.saved.pop(UNANSWERED, None)
        if isinstance(outcome, Done):
            self.recorder.finish_step(self.row, outcome.message, outcome.produces, self.following)
            return
        self._wait(outcome)

    def _wait(self, wait: Wait, *, failures: int = 0) -> None:
        row = self.row
        if row.started_at and self.recorder.now() - row.started_at > self.step.limit:
            self._fail(f"{row.title} took longer than {_words(self.step.limit)}. Last seen: {wait.message}")
        seconds = self.step.poll if wait.seconds is None else wait.seconds
        message = self.recorder.mask.text(wait.message)
        changes = {"sign_at": AT} if wait.sign_of_life else {}
        self.recorder.postpone(
            seconds,
            step=row,
            line=message if message != row.message else "",
            state=StepState.WAITING,
            message=message,
            progress=wait.progress,
            saved=row.saved,
            failures=failures,
            **changes,
        )
        raise GivenBack

    def _after_error(self, error: AdapterError) -> None:
        if isinstance(error, Busy):
            if error.task_id is not None:
                self.row.saved[BUSY_TASK] = error.task_id
            self._wait(Wait(BUSY_POLL_SECONDS, f"PVS is still at it: {self.bench.named(str(error))}"))
        if isinstance(error, Unreachable | Refused):
            self.row.saved.pop(UNANSWERED, None)  # it provably had no effect
        if is_transient(error):
            self._try_again(error)
        self._fail(self.bench.told(error), error)

    def _try_again(self, error: AdapterError) -> None:
        """Host away or session cut: later, a bounded number of times, if the step permits."""
        policy, failures = self.step.retry, self.row.failures + 1
        unknown = isinstance(error, OutcomeUnknown) or bool(self.row.saved.get(UNANSWERED))
        if unknown and self.step.repeat == Repeat.NEVER:
            self.row.saved[UNANSWERED] = True
            self._fail(f"{self.bench.told(error)} {UNKNOWN}", error)
        if failures > policy.times:
            why = f" {UNKNOWN}" if unknown else ""
            self._fail(f"{self.bench.told(error)} Tried {failures} times.{why}", error)
        pause = policy.pause(failures)
        look = " Will look at what is there first." if unknown and self.step.repeat == Repeat.AFTER_LOOK else ""
        tries = f"Attempt {failures} of {policy.times + 1} failed; the next follows in {pause:.0f} s."
        words = f"{self.bench.named(str(error))}{look} {tries}"
        self._wait(Wait(pause, words, sign_of_life=False), failures=failures)

    def _fail(self, words: str, answer: AdapterError | None = None, state: JobState = JobState.FAILED) -> None:
        """``answer`` is what PVS said, kept apart from what the portal makes of it."""
        self.recorder.save_step(
            self.row,
            line=words,
            level=Level.ERROR,
            state=StepState.FAILED,
            message=words,
            progress=None,
            saved=self.row.saved,
            error_code=answer.code if answer else None,
            error_words=answer.words if answer else "",
            ended_at=ENDED_AT,
        )
        raise Failed(words, state)


def _is_untouched(row: JobStep) -> bool:
    return row.state == StepState.PENDING and row.attempts == 0 and row.started_at is None


def unfinished_task(ctx: StepContext) -> Wait | None:
    """The call of an earlier turn that PVS said it was still at; until it ends, asking again would ask twice."""
    task_id = ctx.saved.get(BUSY_TASK)
    if task_id is None:
        return None
    try:
        task = ctx.farm.task(task_id)
    except NotFound:
        task = None  # forgotten by PVS: what is there tells the rest
    if task is not None and not task.is_finished:
        return Wait(BUSY_POLL_SECONDS, f"PVS is still at it (task {task_id})", task.percent)
    del ctx.saved[BUSY_TASK]
    return None


def _words(length: timedelta) -> str:
    minutes = length.total_seconds() / 60
    return f"{minutes:.0f} minutes" if minutes >= 1 else f"{length.total_seconds():.0f} seconds"
