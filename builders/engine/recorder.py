"""Writes a job's progress down, under its lease: step rows, log lines, the end. Every write is fenced and masked."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from builders.engine.announce import announce
from builders.engine.leases import Lease
from builders.engine.masking import Mask
from builders.engine.reconnecting import make_usable
from builders.engine.writing import AT, ENDED_AT, Following, Lines, Sql, due_in, insert_steps, write
from lifecycle import operations, topics
from lifecycle.models import Hold, Job, JobLogLine, JobStep
from lifecycle.rerunning import RESUMED
from lifecycle.states import JobState, StepState

logger = logging.getLogger(__name__)

Level = JobLogLine.Level
LONG_SILENCE = 1.0
"""Seconds without a statement; the database may have been restarted meanwhile."""
AT_ONCE = 1000
"""Log lines in one statement."""
_SECONDS = Sql("EXTRACT(EPOCH FROM GREATEST(started_at, STATEMENT_TIMESTAMP()) - started_at)")
_WORDS = frozenset({"message", "error_words", "outcome", "title", "reason"})
_WHOLE_WORDS = frozenset({"kept"})
"""Masked but never cut: where the last of what is left in place is to be found, nobody could tell any more."""


class CancelAsked(Exception):
    """In the moment in which the job was to end, somebody had asked to cancel it; it has not ended."""


class Recorder:
    """One worker's pen for one job. Raises LeaseLost when another worker has the job."""

    def __init__(self, lease: Lease, job: Job) -> None:
        self.lease = lease
        self.job = job
        self.mask = Mask()
        self.cancel_asked = job.cancel_requested_at is not None
        self.begun: JobStep | None = None
        self._seen_at: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """The database's time: as it said last, and what has passed here since."""
        if self._seen_at is None:
            self.write()
        assert self._seen_at is not None
        at, mark = self._seen_at
        return at + timedelta(seconds=time.monotonic() - mark)

    def be_ready(self) -> None:
        """After a long silence, such as a call of the outside: have a connection that works."""
        if self._seen_at is not None and time.monotonic() - self._seen_at[1] > LONG_SILENCE:
            make_usable()

    def log(self, text: str, *, step: JobStep | None = None, level: str = Level.INFO) -> None:
        """Append one line; its number follows the last one, whoever wrote that."""
        self.write(step=step, line=text, level=level)

    def log_lines(self, texts: Sequence[str], *, step: JobStep | None = None, level: str = Level.INFO) -> None:
        """Append many lines, such as the output of a program, in few statements."""
        self.be_ready()
        position = step.position if step else None
        masked = self.mask.lines(texts) if texts else []
        for start in range(0, len(masked), AT_ONCE):
            self._write(lines=Lines(masked[start : start + AT_ONCE], level, position))

    def save_step(self, step: JobStep, *, line: str = "", level: str = Level.INFO, **changes: Any) -> None:
        """Change a step's row and say so in the log, together or not at all."""
        self.write(step=step, line=line, level=level, **changes)

    def begin_turn(self, step: JobStep, *, line: str = "", level: str = Level.INFO, failures: int = 0) -> None:
        """The step is called: for the first time, or again. ``line`` says so where people are to know."""
        self.save_step(step, line=line, level=level, **_begun(step, failures))

    def finish_step(
        self, step: JobStep, message: str, produces: Mapping[str, Any], following: JobStep | None = None
    ) -> None:
        """The step is done; its row, its line and what it produced, in one write.

        The one that follows is begun in the same write, unless cancelling was asked for; then it is ``begun``.
        """
        context = self.job.context | dict(produces)
        self.write(
            step=step,
            following=following,
            line=message or f"{step.title}: done",
            job={"context": context} if produces else {},
            state=StepState.DONE,
            message=message,
            progress=None,
            failures=0,
            saved=step.saved,
            sign_at=AT,
            ended_at=ENDED_AT,
            seconds=None if step.saved.get(RESUMED) else _SECONDS,
        )
        self.job.context = context
        self.begun = None if self.cancel_asked else following

    def postpone(self, seconds: float, *, step: JobStep | None = None, line: str = "", **changes: Any) -> None:
        """Give the job back until ``seconds`` from now, and say why."""
        back = {"due_at": due_in(seconds), "dispatched_at": None, "lease_until": None, "lease_owner": ""}
        self.write(step=step, line=line, job=back, **changes)

    def set_version(self, number: int) -> None:
        """The version this job is about became known."""
        self.write(job={"version_number": number})
        self.job.version_number = number

    def set_state(self, state: JobState, *, line: str = "", **changes: Any) -> None:
        self.write(job={"state": state, **changes}, line=line)
        self.job.state = state
        announce(topics.JOBS)

    def start(self, steps: Sequence[JobStep]) -> None:
        """The first turn: the job runs, and its table of contents is written."""
        with transaction.atomic():
            self.set_state(JobState.RUNNING, started_at=Sql("COALESCE(started_at, STATEMENT_TIMESTAMP())"))
            if steps:
                insert_steps(steps)

    def end(
        self, state: JobState, outcome: str, *, line: str = "", unless_cancelled: bool = False, **changes: Any
    ) -> None:
        """The last write of a job, with what hangs on it: its holds, its change request and the audit row.

        ``line`` is the last one of the log; without it, the outcome. With ``unless_cancelled``, CancelAsked instead
        when cancelling was asked for: who was told that the job is being cancelled is not told that it succeeded.
        """
        level = Level.INFO if state in (JobState.SUCCEEDED, JobState.CANCELLED) else Level.ERROR
        over = {
            "state": state,
            "outcome": outcome,
            "ended_at": AT,
            "lease_until": None,
            "lease_owner": "",
            "dispatched_at": None,
        }
        with transaction.atomic():
            self.write(job=over | changes, line=line or outcome, level=level)
            if unless_cancelled and self.cancel_asked:
                raise CancelAsked
            self.job.steps.filter(state=StepState.PENDING).update(state=StepState.SKIPPED)
            Hold.objects.filter(job=self.job).delete()
            self.job.refresh_from_db()
            operations.job_ended(self.job)
            self._announce_end()

    def write(
        self,
        *,
        step: JobStep | None = None,
        line: str = "",
        level: str = Level.INFO,
        job: Mapping[str, Any] | None = None,
        following: JobStep | None = None,
        **changes: Any,
    ) -> None:
        """Everything else is made of this: masked, in one statement, and told to open pages."""
        self.be_ready()
        lines = Lines([self.mask.text(line)], level, step.position if step else None) if line else None
        job = {name: self._safe(name, value) for name, value in (job or {}).items()}
        changes = {name: self._safe(name, value) for name, value in changes.items()}
        beginning = _begun(following, following.failures) if following else {}
        self._write(
            job=job,
            step=(step.pk, changes) if step else None,
            lines=lines,
            following=self._following(following, beginning) if following else None,
        )
        if step:
            self._reflect(step, changes)
        if following and not self.cancel_asked:
            self._reflect(following, beginning)

    def _following(self, row: JobStep, beginning: Mapping[str, Any]) -> Following:
        return Following(row.pk, row.position, beginning, self.mask.text(first_line(row)))

    def _write(self, **parts: Any) -> None:
        written = write(self.lease, **parts)
        self.cancel_asked = written.cancel_asked
        self._seen_at = written.at, time.monotonic()
        announce(topics.job(self.job.pk))

    def _safe(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            if name in _WHOLE_WORDS:
                return self.mask.whole(value)
            return self.mask.text(value) if name in _WORDS else value
        if not isinstance(value, dict):
            return value
        safe = self.mask.value(value)
        if safe != value:
            logger.warning("job %s: a secret was kept out of what a step wanted saved (%s)", self.job.pk, name)
        return safe

    def _reflect(self, step: JobStep, changes: Mapping[str, Any]) -> None:
        """The row in hand says what the database says now; times as exactly as it matters here."""
        assert self._seen_at is not None
        for name, value in changes.items():
            if name == "saved":
                continue  # the step's own dictionary, which it may have in its hands
            if not isinstance(value, Sql):
                setattr(step, name, value)
            elif name == "started_at":
                step.started_at = step.started_at or self._seen_at[0]
            elif name != "seconds":
                setattr(step, name, self._seen_at[0])

    def _announce_end(self) -> None:
        names = [topics.job(self.job.pk), topics.JOBS]
        if self.job.vdisk_id:
            names.append(topics.vdisk(self.job.vdisk_id))
        if self.job.change_id:
            names += [topics.change(self.job.change_id), topics.CHANGES]
        announce(*names)


def first_line(step: JobStep) -> str:
    """What the log says when a step is called for the first time."""
    return f"{step.title} …"


def _begun(step: JobStep, failures: int) -> dict[str, Any]:
    return {
        "state": StepState.RUNNING,
        "attempts": step.attempts + 1,
        "failures": failures,
        "started_at": Sql("COALESCE(started_at, STATEMENT_TIMESTAMP())"),
    }
