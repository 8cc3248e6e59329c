"""What a job's page says of it: the steps, how they compare with what they usually take, and what can be done now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from lifecycle import estimates, progress
from lifecycle.estimates import Expected
from lifecycle.models import Job, JobStep
from lifecycle.progress import Judgement, Pace
from lifecycle.states import JobState, OnFailure, Repeat, StepState
from portal.pictures.words import counted

NAMED = {
    "vdisk": "the vDisk",
    "version": "the version",
    "change": "the approved request",
    "created": "when the version was made",
    "promoted": "that the version was promoted",
    "fingerprint": "the mark of the files' contents",
    "known": "whether these contents are known already",
    "before": "the version to compare with",
    "after": "the version that is compared",
}
"""What steps need and produce, in words."""
OVER = frozenset({StepState.DONE, StepState.SKIPPED})
_TRIED = frozenset({StepState.RUNNING, StepState.WAITING, StepState.FAILED})


@dataclass(frozen=True)
class Answer:
    """A return code of PVS and its words."""

    code: int
    words: str


@dataclass(frozen=True)
class Statement:
    """One thing that a step says of itself."""

    name: str
    words: str


@dataclass(frozen=True)
class StepPart:
    """``next_try_at`` is there while it waits after a failure that may pass."""

    row: JobStep
    message: str
    answer: Answer | None
    expectation: str
    judgement: Judgement
    next_try_at: datetime | None
    statements: list[Statement]

    @property
    def tries(self) -> int:
        """How often it was tried since it last went well; 0 when nothing went wrong. Looking again is no try."""
        if not self.row.failures or self.row.state not in _TRIED:
            return 0
        return self.row.failures if self.row.state == StepState.WAITING else self.row.failures + 1

    @property
    def is_stalled(self) -> bool:
        return self.judgement.pace == Pace.STALLED

    @property
    def is_late(self) -> bool:
        return self.judgement.pace == Pace.SLOWER_THAN_NINE


@dataclass(frozen=True)
class Course:
    """The whole job beside those before it. ``usual_end`` and ``late_end`` are moments still to come, or None."""

    expectation: str
    judgement: Judgement
    usual_end: datetime | None
    late_end: datetime | None

    @property
    def is_late(self) -> bool:
        return self.judgement.pace == Pace.SLOWER_THAN_NINE


@dataclass(frozen=True)
class Progress:
    """``over`` of the steps are done: a count, never a guess. ``answer`` is PVS's to the step that failed.

    ``removes_own``: when the time to keep what it left is over, the portal itself removes something of it.
    """

    steps: list[StepPart]
    over: int
    answer: Answer | None
    course: Course
    removes_own: bool
    if_it_fails: str


def job_progress(job: Job) -> Progress:
    """Once the job is over its outcome stands on top of the page, so it is said once."""
    rows = list(job.steps.order_by("position"))
    failed = next((row for row in rows if row.state == StepState.FAILED), None)
    reached = rows[: rows.index(failed)] if failed else rows
    outcome = "" if job.is_active else job.outcome
    answer = _answer(failed, outcome) if failed and outcome else None
    expected = estimates.expected_for(job) if job.is_active else {}
    now = timezone.now()
    parts = [
        _step(job, row, outcome=outcome, on_top=answer, expected=expected.get(row.position), now=now) for row in rows
    ]
    return Progress(
        steps=parts,
        over=sum(row.state in OVER for row in reached),
        answer=answer,
        course=_course(job, now),
        removes_own=any(_is_own(row) for row in rows if row.attempts or row.started_at),
        if_it_fails=_if_it_fails(job, rows),
    )


def _is_own(row: JobStep) -> bool:
    """What the step makes is the portal's alone, so that nobody has to be asked before it is removed."""
    return bool(row.about.get("belongs_to_job"))


def _if_it_fails(job: Job, rows: Sequence[JobStep]) -> str:
    words = OnFailure(job.on_failure).label
    if job.on_failure != OnFailure.KEEP or not rows:
        return words
    if not any(_is_own(row) for row in rows):
        return f"{words}; the portal removes nothing of it by itself"
    hours = counted(settings.PORTAL_KEEP_HOURS, "hour")
    return f"{words}; after {hours} the portal removes what it alone made and uses"


def _step(
    job: Job, row: JobStep, *, outcome: str, on_top: Answer | None, expected: Expected | None, now: datetime
) -> StepPart:
    answer = _answer(row, f"{outcome} {row.message}")
    is_said = answer and on_top and answer.code == on_top.code
    return StepPart(
        row=row,
        message="" if row.message and row.message in outcome else row.message,
        answer=None if is_said else answer,
        expectation=progress.expectation(expected) if row.state not in OVER else "",
        judgement=progress.judge(row, expected, now, unattended_since=progress.unattended_since(job, now)),
        next_try_at=job.due_at if job.is_active and row.state == StepState.WAITING and row.failures else None,
        statements=list(_statements(row)),
    )


def _answer(step: JobStep, said: str) -> Answer | None:
    """What PVS answered, without words that the page has ``said`` already; None when it did not answer."""
    if step.error_code is None:
        return None
    return Answer(step.error_code, "" if step.error_words in said else step.error_words)


def _course(job: Job, now: datetime) -> Course:
    if not job.is_active:
        return Course("", Judgement(Pace.IDLE), None, None)
    total = estimates.expected_total(job)
    judgement = progress.judge_job(job, total, now)
    can_tell = job.state == JobState.RUNNING and job.started_at is not None and job.runs == 1
    ends = [_end(job, seconds, now) if can_tell else None for seconds in (total.median, total.p90)]
    return Course(progress.expectation(total), judgement, *ends)


def _end(job: Job, seconds: float | None, now: datetime) -> datetime | None:
    if seconds is None or job.started_at is None:
        return None
    moment = job.started_at + timedelta(seconds=seconds)
    return moment if moment > now else None


def _statements(row: JobStep) -> Iterable[Statement]:
    """From what the step wrote of itself when the job began; a step of before that has nothing to say."""
    about = row.about
    if limit := about.get("limit"):
        yield Statement("May take", f"at most {progress.lasting(limit)}, then it has failed")
    if poll := about.get("poll"):
        yield Statement("While it waits", f"looks every {progress.lasting(poll)}")
    if silence := about.get("silence"):
        yield Statement("Counts as stalled", f"after {progress.lasting(silence)} without a sign of life from outside")
    if (retries := about.get("retries")) is not None:
        yield Statement("Tries again", _retries(retries))
    if (repeat := about.get("repeat")) in Repeat.values:
        yield Statement("If its effect is unknown", f"it {Repeat(repeat).label}")
    if needs := about.get("needs"):
        yield Statement("Needs", _named(needs))
    if produces := about.get("produces"):
        yield Statement("Produces", _named(produces))
    if about:
        yield Statement("Taking it back", about.get("undo") or "nothing is taken back")
        stands = "still holds" if about.get("stands") else "has to be looked at again"
        yield Statement("When a later step is begun anew", f"its result {stands}")


def _named(names: Sequence[str]) -> str:
    return ", ".join(NAMED.get(name, name.replace("_", " ")) for name in names)


def _retries(times: int) -> str:
    if not times:
        return "never by itself"
    return f"up to {counted(times, 'time')} in a row, when the other side is away or busy, at growing intervals"
