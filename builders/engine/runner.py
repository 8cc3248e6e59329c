"""Advances one job: claim, run its steps until one waits or all are done, write down what came of it."""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from builders.adapters.errors import AdapterError, Busy, NotFound, OutcomeUnknown, TimedOut, Unreachable
from builders.engine import leases
from builders.engine.context import Opener, StepContext
from builders.engine.leases import Heartbeat, Lease, LeaseLost
from builders.engine.recorder import Level, Recorder
from builders.engine.steps import Done, Step, StepFailed, Wait
from lifecycle.errors import LifecycleError
from lifecycle.models import Job, JobStep
from lifecycle.states import JobState, Repeat, StepState, UndoCause

logger = logging.getLogger(__name__)

Planner = Callable[[Job], Sequence[Step]]
BUSY_POLL_SECONDS = 2.0
BUSY_TASK = "busy_task"
LONGEST_BACKOFF_SECONDS = 60.0


def advance(job_id: int, *, owner: str, plan: Planner, opener: Opener) -> None:
    """Do what is due of a job. Quietly does nothing when another worker has it or it is not due."""
    lease = leases.claim(job_id, owner)
    if lease is None:
        return
    job = Job.objects.select_related("farm", "vdisk", "change", "requested_by").get(pk=job_id)
    try:
        with Heartbeat(lease):
            Run(lease, job, plan, opener).go()
    except LeaseLost as lost:
        logger.warning("%s; leaving it to the other worker", lost)


class Run:
    """One worker's turn at one job."""

    def __init__(self, lease: Lease, job: Job, plan: Planner, opener: Opener) -> None:
        self.job = job
        self.lease = lease
        self.recorder = Recorder(lease, job)
        self.plan = plan
        self.opener = opener

    def go(self) -> None:
        try:
            self._go()
        except (LeaseLost, OperationalError, InterfaceError):
            raise  # not ours any more, or nowhere to write: the lease ends and another worker goes on
        except StepFailed as error:
            self.recorder.end(JobState.FAILED, str(error))
        except Exception:
            reference = uuid.uuid4().hex[:8]
            logger.exception("job %s stopped by a fault of the portal, reference %s", self.job.pk, reference)
            self.recorder.end(
                JobState.ERRORED, f"Stopped by a fault of the portal; see its log, reference {reference}."
            )

    def _go(self) -> None:
        steps = list(self.plan(self.job))
        rows = self._rows(steps)
        if self.job.state == JobState.WAITING:
            self.recorder.set_state(JobState.RUNNING, started_at=self.job.started_at or timezone.now())
        while True:
            if self._cancel_asked() or self.job.state == JobState.UNDOING:
                self._undo(steps, rows)
                return
            following = next((pair for pair in zip(steps, rows, strict=True) if pair[1].state != StepState.DONE), None)
            if following is None:
                last = rows[-1].message if rows else ""
                self.recorder.end(JobState.SUCCEEDED, self.job.context.get("outcome") or last or "Done.")
                return
            if not self._take(*following):
                return

    def _rows(self, steps: Sequence[Step]) -> list[JobStep]:
        """The step rows, made at the first turn."""
        rows = list(self.job.steps.order_by("position"))
        if not rows:
            JobStep.objects.bulk_create(
                [JobStep(job=self.job, position=n, key=step.key, title=step.title) for n, step in enumerate(steps, 1)]
            )
            rows = list(self.job.steps.order_by("position"))
        if [row.key for row in rows] != [step.key for step in steps]:
            raise StepFailed("The steps of this kind of job changed since it was started; start it anew.")
        return rows

    def _cancel_asked(self) -> bool:
        return bool(self.lease.held().filter(cancel_requested_at__isnull=False).exists())

    def _take(self, step: Step, row: JobStep) -> bool:  # noqa: PLR0911  one return for each way a step can end
        """Call one step. True when the job can go on at once, False when it waits or is over."""
        now = timezone.now()
        if row.started_at is None:
            self.recorder.save_step(row, line=f"{row.title} …", state=StepState.RUNNING, started_at=now)
        elif row.state == StepState.RUNNING:
            lost = "The worker that was at this step was lost; another one goes on with it."
            self.recorder.log(lost, step=row, level=Level.WARNING)
        elif now - row.started_at > step.limit:
            self._fail(row, f"{row.title} took longer than {_words(step.limit)}. Last seen: {row.message or 'nothing'}")
            return False
        self.recorder.save_step(row, attempts=row.attempts + 1)
        try:
            ctx = self._context(row)
            outcome = _unfinished_task(ctx) or step.run(ctx)
        except Busy as busy:
            if busy.task_id is not None:
                row.saved[BUSY_TASK] = busy.task_id
            return self._wait(row, Wait(BUSY_POLL_SECONDS, f"PVS is still at it: {self._named(str(busy))}"))
        except (Unreachable, TimedOut, OutcomeUnknown) as error:
            return self._after_transient(step, row, error)
        except AdapterError as error:
            self._fail(row, self._told(error), error)
            return False
        except (StepFailed, LifecycleError) as error:
            self._fail(row, str(error))
            return False
        if isinstance(outcome, Wait):
            return self._wait(row, outcome)
        self._finish(row, outcome)
        return True

    def _context(self, row: JobStep) -> StepContext:
        return StepContext(job=self.job, step=row, recorder=self.recorder, opener=self.opener)

    def _finish(self, row: JobStep, outcome: Done) -> None:
        self.recorder.finish_step(row, outcome.message, outcome.produces)

    def _wait(self, row: JobStep, wait: Wait, *, failures: int = 0) -> bool:
        line = wait.message if wait.message != row.message else ""
        self.recorder.save_step(
            row,
            line=line,
            state=StepState.WAITING,
            message=wait.message,
            progress=wait.progress,
            saved=row.saved,
            failures=failures,
        )
        self.recorder.postpone(wait.seconds)
        return False

    def _after_transient(self, step: Step, row: JobStep, error: AdapterError) -> bool:
        """Host away or session cut: try again later, a bounded number of times, if the step permits."""
        unknown = isinstance(error, OutcomeUnknown)
        failures = row.failures + 1
        if error.permanent or failures > step.patience or (unknown and step.repeat == Repeat.NEVER):
            why = " It is unknown whether it took effect; look at PVS before you start again." if unknown else ""
            self._fail(row, self._told(error) + why, error)
            return False
        seconds = min(2.0**failures, LONGEST_BACKOFF_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311  jitter
        look = " Will look at what is there first." if unknown else ""
        message = f"{self._named(str(error))}{look} Attempt {failures} of {step.patience + 1}; next in {seconds:.0f} s."
        return self._wait(row, Wait(seconds, message), failures=failures)

    def _told(self, error: AdapterError) -> str:
        return self._named(f"{error} {error.remedy}".strip())

    def _named(self, words: str) -> str:
        """An adapter knows vDisks by id only; people know them by name."""
        vdisk = self.job.vdisk
        return words.replace(str(vdisk.guid), vdisk.name) if vdisk else words

    def _fail(self, row: JobStep, words: str, answer: AdapterError | None = None) -> None:
        """End the job here. ``answer`` is what PVS said, kept apart from what the portal makes of it."""
        self.recorder.save_step(
            row,
            line=words,
            level=Level.ERROR,
            state=StepState.FAILED,
            message=words,
            progress=None,
            error_code=answer.code if answer else None,
            error_words=answer.words if answer else "",
            ended_at=timezone.now(),
        )
        self.recorder.end(JobState.FAILED, words)

    def _undo(self, steps: Sequence[Step], rows: Sequence[JobStep]) -> None:
        """A person cancelled: take back, in reverse, what was begun; say what could not be."""
        if self.job.state != JobState.UNDOING:
            self.recorder.set_state(JobState.UNDOING, undo_cause=UndoCause.CANCELLED)
            self.recorder.log("Cancelling was asked for; taking back what was done.")
        left = [words for pair in reversed(list(zip(steps, rows, strict=True))) if (words := self._undo_step(*pair))]
        person = Job.objects.values_list("cancel_requested_by__username", flat=True).get(pk=self.job.pk)
        remains = f" Left as it is: {'; '.join(left)}" if left else ""
        self.recorder.end(JobState.CANCELLED, f"Cancelled by {person or 'the portal'}.{remains}")

    def _undo_step(self, step: Step, row: JobStep) -> str:
        """What is left of it, in words; empty when nothing is."""
        if row.started_at is None or row.state in (StepState.UNDONE, StepState.FAILED, StepState.STOPPED):
            return ""
        try:
            words = step.undo(self._context(row))
        except (AdapterError, StepFailed) as error:
            reason = self._named(str(error))
            self.recorder.save_step(row, line=f"Not undone: {reason}", level=Level.WARNING, state=StepState.FAILED)
            return reason
        if words:
            now = timezone.now()
            self.recorder.save_step(row, line=words, state=StepState.UNDONE, message=words, progress=None, ended_at=now)
        elif row.state != StepState.DONE:
            self.recorder.save_step(row, state=StepState.STOPPED, progress=None, ended_at=timezone.now())
        return ""


def _unfinished_task(ctx: StepContext) -> Wait | None:
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
