"""How a job ends, and what it says of that: in one sentence what came of it, and what is left in place, and where."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction

from builders.engine.context import tag
from builders.engine.undoing import Remains
from builders.engine.workbench import Pairs, Workbench, begun
from builders.engine.writing import AT, Sql
from lifecycle.models import AuditEntry, Job
from lifecycle.rerunning import OUTCOME
from lifecycle.states import JobState, UndoCause


class Endings:
    """Each method is a job's last write of this run. CancelAsked when it has to be taken back instead."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.job = bench.job
        self.recorder = bench.recorder

    def succeeded(self, pairs: Pairs) -> None:
        last = pairs[-1][1].message if pairs else ""
        outcome = self.job.context.get(OUTCOME) or last or "Done."
        self.recorder.end(JobState.SUCCEEDED, outcome, line="The job has succeeded.", unless_cancelled=True, kept="")

    def failed(self, state: JobState, words: str, pairs: Pairs) -> None:
        """A step failed, and said why; what was built stays for a while, to look at it or to go on."""
        words = _with(words, [stays for step, row in pairs if (stays := self.bench.stays(step, row))])
        line = f"The job has {_ended(state)}."
        self.recorder.end(state, words, line=line, unless_cancelled=True, **self._kept(pairs))

    def stopped(self, state: JobState, words: str, pairs: Pairs) -> None:
        """It cannot go on for a reason that lies in no step."""
        kept = self._kept(pairs)
        if self.job.undo_cause and self.job.outcome:
            state = self._still(state)
            words = f"{_sentence(self.job.outcome)} It could not take back what it did: {words}"
        elif state == JobState.FAILED and self.recorder.cancel_asked:
            state, remains = JobState.CANCELLED, f" It could not take back what it did: {words}" if kept["kept"] else ""
            words = f"Cancelled by {self._person()}.{remains}"
        self.recorder.end(state, words, **kept)

    def undone(self, remains: Remains) -> None:
        """What was done is taken back, but for what remains."""
        left = remains.left
        cause = UndoCause(self.job.undo_cause or UndoCause.CANCELLED)
        clean = cause != UndoCause.CANCELLED or bool(self.job.outcome)
        with transaction.atomic():
            self.recorder.end(
                JobState.CANCELLED if cause == UndoCause.CANCELLED else JobState.FAILED,
                _with(self._told(cause, left), remains.stays),
                undo_cause=cause,
                kept="; ".join(left),
                kept_until=None,
                cleaned_up_at=AT if clean and not left else None,
            )
            if left and cause == UndoCause.EXPIRED:
                leave_to_a_person(self.job, "; ".join(left))

    def _still(self, state: JobState) -> JobState:
        """What was cancelled stays so, whatever becomes of taking it back."""
        return JobState.CANCELLED if self.job.undo_cause == UndoCause.CANCELLED else state

    def _told(self, cause: UndoCause, left: list[str]) -> str:
        if cause == UndoCause.CANCELLED:
            words = f"Cancelled by {self._person()}."
        else:
            back = "What it had done was taken back" if cause == UndoCause.FAILED else "It was cleaned up"
            when = " when the time to keep it was over" if cause == UndoCause.EXPIRED else ""
            words = f"{_sentence(self.job.outcome)} {back}{when}{', but not all' if left else ''}."
        return f"{words} Left in place: {'; '.join(left)}" if left else words

    def _kept(self, pairs: Pairs) -> dict[str, Any]:
        """``kept`` and until when, for the job's row."""
        words = [left for step, row in pairs if (left := self.bench.leaves(step, row))]
        if not pairs and any(begun(row) for row in self.job.steps.all()):
            words = [self.job.kept or f"what its steps did, where it bears the mark {tag(self.job, '…')}"]
        until = Sql("STATEMENT_TIMESTAMP() + %s * interval '1 hour'", (settings.PORTAL_KEEP_HOURS,))
        return {"kept": "; ".join(words), "kept_until": until if words and not self.job.undo_cause else None}

    def _person(self) -> str:
        asked = Job.objects.values_list("cancel_requested_by__username", flat=True).get(pk=self.job.pk)
        return asked or "the portal"


def leave_to_a_person(job: Job, left: str) -> None:
    """The time to keep it is over, and it is not the portal's to remove."""
    detail = {"kept": left, "why": "the portal does not remove this by itself; a person must decide"}
    AuditEntry.objects.record(by=None, action="job.decide", on=job.vdisk or job, job=job, detail=detail)


def _ended(state: JobState) -> str:
    return "been stopped by a fault of the portal" if state == JobState.ERRORED else state.label


def _with(words: str, sentences: list[str]) -> str:
    """The outcome, and after it what goes on by design, unless it is said already."""
    new = [_sentence(one) for one in sentences if _sentence(one) not in words]
    return " ".join([_sentence(words), *new]).strip() if new else words


def _sentence(words: str) -> str:
    return words if not words or words.rstrip().endswith((".", "!", "?")) else f"{words.rstrip()}."
