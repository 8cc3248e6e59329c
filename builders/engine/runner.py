"""Advances one job: claim, run its steps until one waits or all are done, write down what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from django.db import InterfaceError, OperationalError

from builders.engine import leases, masking
from builders.engine.context import Opener
from builders.engine.endings import Endings
from builders.engine.leases import Heartbeat, LeaseLost
from builders.engine.reading import read_job, read_steps
from builders.engine.recorder import CancelAsked, Recorder
from builders.engine.steps import Step, StepFailed, check_plan
from builders.engine.turns import Failed, GivenBack, Turn
from builders.engine.undoing import Remains, take_back
from builders.engine.workbench import Pairs, Workbench, begun
from lifecycle import appointments
from lifecycle.estimates import profile
from lifecycle.models import Job, JobStep
from lifecycle.states import JobState, OnFailure, StepState, UndoCause

logger = logging.getLogger(__name__)

Planner = Callable[[Job], Sequence[Step]]


def advance(job_id: int, *, owner: str, plan: Planner, opener: Opener) -> None:
    """Do what is due of a job. Quietly does nothing when another worker has it or it is not due."""
    lease = leases.claim(job_id, owner)
    if lease is None:
        return
    try:
        with Heartbeat(lease):
            masking.read_known()
            job = read_job(job_id)
            Run(Workbench(job, Recorder(lease, job), opener), plan).go()
    except LeaseLost as lost:
        logger.warning("%s; leaving it to the other worker", lost)


class Run:
    """One worker's turn at one job."""

    def __init__(self, bench: Workbench, plan: Planner) -> None:
        self.bench = bench
        self.job = bench.job
        self.recorder = bench.recorder
        self.plan = plan
        self.endings = Endings(bench)

    def go(self) -> None:
        pairs: Pairs = ()
        try:
            pairs = self._pairs()
            self._go_unless_cancelled(pairs)
        except GivenBack:
            pass
        except (LeaseLost, OperationalError, InterfaceError):
            raise  # not ours any more, or nowhere to write: the lease ends and another worker goes on
        except StepFailed as error:
            self.endings.stopped(JobState.FAILED, str(error), pairs)
        except Exception:
            self.endings.stopped(JobState.ERRORED, self.bench.fault(), pairs)

    def _pairs(self) -> Pairs:
        """The steps with their rows, which are made at the first turn."""
        steps = list(self.plan(self.job))
        rows = read_steps(self.job)
        if not rows:
            check_plan(steps, _known(self.job))
            rows = [self._row(position, step) for position, step in enumerate(steps, 1)]
        elif [row.key for row in rows] != [step.key for step in steps]:
            raise StepFailed("The steps of this kind of job changed since it was started; start it anew.")
        return list(zip(steps, rows, strict=True))

    def _row(self, position: int, step: Step) -> JobStep:
        return JobStep(
            job=self.job,
            position=position,
            key=step.key,
            title=self.recorder.mask.text(step.title)[:200],
            about=self.recorder.mask.value(step.about()),
            profile=profile(self.job, step.key),
        )

    def _go_unless_cancelled(self, pairs: Pairs) -> None:
        try:
            self._go(pairs)
        except CancelAsked:
            self._undo(pairs)

    def _go(self, pairs: Pairs) -> None:
        while True:
            if self._is_to_undo():
                self._undo(pairs)
                return
            if why_not := self._too_late():
                self.recorder.end(JobState.CANCELLED, why_not)
                return
            self._start(pairs)
            left = [pair for pair in pairs if pair[1].state != StepState.DONE]
            if not left:
                self.endings.succeeded(pairs)
                return
            step, row = left[0]
            try:
                if row.state == StepState.FAILED:  # the worker was lost between the step's end and the job's
                    raise Failed(row.message)
                Turn(self.bench, step, row, left[1][1] if len(left) > 1 else None).take()
            except Failed as failed:
                if self.recorder.cancel_asked:
                    continue
                if self.job.on_failure == OnFailure.KEEP:
                    self.endings.failed(failed.state, str(failed), pairs)
                    return
                line = "The job is to take back what it did when it fails."
                cause = UndoCause.FAILED
                self.recorder.set_state(JobState.UNDOING, line=line, undo_cause=cause, outcome=str(failed))
                self.job.undo_cause, self.job.outcome = cause, str(failed)

    def _too_late(self) -> str:
        """Why a job of a schedule must not begin any more; empty for any other."""
        if self.job.state != JobState.WAITING or self.job.schedule_id is None:
            return ""
        return appointments.why_not_begin(self.job, self.recorder.now())

    def _start(self, pairs: Pairs) -> None:
        if self.job.state == JobState.WAITING:
            self.recorder.start([row for _, row in pairs if row.pk is None])

    def _is_to_undo(self) -> bool:
        return self.recorder.cancel_asked or self.job.state == JobState.UNDOING or bool(self.job.undo_cause)

    def _undo(self, pairs: Pairs) -> None:
        if not any(begun(row) for _, row in pairs):
            self.endings.undone(Remains([], []))
            return
        if self.job.state != JobState.UNDOING:
            cause = self.job.undo_cause or UndoCause.CANCELLED
            asked = "Cancelling was asked for; taking back what was done."
            line = asked if cause == UndoCause.CANCELLED else f"Taking back what was done: {UndoCause(cause).label}."
            self.recorder.set_state(JobState.UNDOING, line=line, undo_cause=cause)
            self.job.undo_cause = cause
        self.endings.undone(take_back(self.bench, pairs))


def _known(job: Job) -> set[str]:
    """What a job knows from its start: steps may need it without any step before them."""
    facts = {"vdisk": job.vdisk_id, "version": job.version_number, "change": job.change_id}
    return {name for name, value in facts.items() if value is not None} | {*job.parameters, *job.context}
