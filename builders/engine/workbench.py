"""What a turn has in its hands, whether it goes on with a job or takes it back."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence

from builders.adapters.errors import AdapterError, Busy, OutcomeUnknown, TimedOut, Unreachable
from builders.engine.context import Opener, StepContext
from builders.engine.recorder import Recorder
from builders.engine.steps import Step
from lifecycle.models import Job, JobStep

logger = logging.getLogger(__name__)

Pairs = Sequence[tuple[Step, JobStep]]
LOST_AT_MOST = 10
"""So many workers in a row may be lost at one step before the step is taken for the cause."""


class Workbench:
    """One job, the pen for it, and the way to its outside systems."""

    def __init__(self, job: Job, recorder: Recorder, opener: Opener) -> None:
        self.job = job
        self.recorder = recorder
        self.opener = opener

    def context(self, row: JobStep) -> StepContext:
        return StepContext(job=self.job, step=row, recorder=self.recorder, opener=self.opener)

    def named(self, words: str) -> str:
        """An adapter knows vDisks by id only; people know them by name."""
        vdisk = self.job.vdisk
        return words.replace(str(vdisk.guid), vdisk.name) if vdisk else words

    def told(self, error: AdapterError) -> str:
        return self.named(f"{error} {error.remedy}".strip())

    def fault(self) -> str:
        """Log the exception that is being handled, for us; the words for the operator."""
        reference = uuid.uuid4().hex[:8]
        logger.exception("job %s stopped by a fault of the portal, reference %s", self.job.pk, reference)
        return f"Stopped by a fault of the portal; see its log, reference {reference}."

    def leaves(self, step: Step, row: JobStep) -> str:
        """What of a step is in place now; a fault in telling it does not stop whoever asks."""
        return self._told_by(step.leaves, row)

    def stays(self, step: Step, row: JobStep) -> str:
        """What of a step goes on by design; see ``leaves``."""
        return self._told_by(step.stays, row)

    def _told_by(self, tell: Callable[[StepContext], str], row: JobStep) -> str:
        if not begun(row):
            return ""
        try:
            return tell(self.context(row))
        except Exception:
            return f"what “{row.title}” did ({self.fault()})"


def begun(row: JobStep) -> bool:
    """It was called at least once, in this run or an earlier one."""
    return row.attempts > 0 or row.started_at is not None


def is_transient(error: AdapterError) -> bool:
    """The same may succeed later without anybody changing something."""
    return isinstance(error, Unreachable | TimedOut | OutcomeUnknown | Busy) and not error.permanent
