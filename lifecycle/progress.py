"""How what runs now compares with what ran before: on course, slow, or stalled. The words are for the page.

Slow is a matter of history: it takes longer than it usually does, and may well go on. Stalled is a matter of silence:
nothing outside has answered for longer than this step may be without an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone

from lifecycle.estimates import UNKNOWN, Expected
from lifecycle.models import Job, JobStep
from lifecycle.states import JobState, StepState

LATE_AFTER = timedelta(seconds=30)
"""A job that is due for longer than this, with no worker at it, is not merely waiting for a thread to be free."""
_AT_IT = frozenset({StepState.RUNNING, StepState.WAITING})


class Pace(StrEnum):
    IDLE = "idle"  # it does not run
    UNKNOWN = "unknown"  # no history to compare with
    ON_COURSE = "on-course"
    SLOWER_THAN_HALF = "slower-than-half"
    SLOWER_THAN_NINE = "slower-than-nine"  # of ten
    STALLED = "stalled"


@dataclass(frozen=True)
class Judgement:
    """``words`` is a sentence, or empty when nothing need be said."""

    pace: Pace
    words: str = ""


def judge(
    step: JobStep, expected: Expected | None, now: datetime, *, unattended_since: datetime | None = None
) -> Judgement:
    """Of one step. Stalled is said before slow: it is the one that a person must look at."""
    if step.state not in _AT_IT or step.started_at is None:
        return Judgement(Pace.IDLE)
    if silent := _silence(step, now):
        return Judgement(Pace.STALLED, _unattended(unattended_since, now) if unattended_since else silent)
    return _compare((now - step.started_at).total_seconds(), expected or UNKNOWN)


def judge_job(job: Job, total: Expected, now: datetime) -> Judgement:
    """Of the whole job. One that was resumed is not compared: the time until somebody resumed it is no work."""
    if job.state != JobState.RUNNING or job.started_at is None:
        return Judgement(Pace.IDLE)
    if job.runs > 1:
        return Judgement(Pace.UNKNOWN)
    return _compare((now - job.started_at).total_seconds(), total)


def unattended_since(job: Job, now: datetime) -> datetime | None:
    """Since when a worker should have looked at the job and none did; None when one did, or might still in time."""
    if not job.is_active or job.admitted_at is None:
        return None
    if job.lease_until and job.lease_until >= now:
        return None
    since = max(job.due_at, job.admitted_at, job.lease_until or job.due_at)
    return since if now - since > LATE_AFTER else None


def expectation(expected: Expected | None) -> str:
    """``usually about 4 min, 9 of 10 times within 7 min``; empty without history."""
    if expected is None or expected.median is None:
        return ""
    usual = f"usually about {lasting(expected.median)}"
    return usual if expected.p90 is None else f"{usual}, 9 of 10 times within {lasting(expected.p90)}"


def lasting(seconds: float) -> str:
    """``under a second``, ``40 s``, ``5 min``, ``3 h 20 min``: as exact as anybody needs."""
    whole = round(seconds)
    if whole < 1:
        return "under a second"
    if whole < 120:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def _compare(elapsed: float, expected: Expected) -> Judgement:
    """Said as soon as it is true, not when it is over."""
    if expected.median is None:
        return Judgement(Pace.UNKNOWN)
    if expected.p90 is not None and elapsed > expected.p90:
        words = f"Slower than 9 of 10: those took at most {lasting(expected.p90)}."
        return Judgement(Pace.SLOWER_THAN_NINE, words)
    if elapsed > expected.median:
        return Judgement(Pace.SLOWER_THAN_HALF, f"Slower than half: those took at most {lasting(expected.median)}.")
    return Judgement(Pace.ON_COURSE)


def _unattended(since: datetime, now: datetime) -> str:
    """Nobody asked, so whether the outside would answer is not known."""
    local = timezone.localtime(since)
    when = f"{local:%H:%M}" if local.date() == timezone.localtime(now).date() else f"{local:%Y-%m-%d %H:%M}"
    return f"Stalled: no worker has looked since {when}; see Operations."


def _silence(step: JobStep, now: datetime) -> str:
    """In words, when nothing outside has answered for too long; empty otherwise."""
    allowed = step.about.get("silence")
    heard = [moment for moment in (step.sign_at, step.started_at) if moment]
    if not allowed or not heard:
        return ""
    silent = (now - max(heard)).total_seconds()
    if silent <= allowed:
        return ""
    return f"Stalled: no sign of life from outside for {lasting(silent)}; {lasting(allowed)} of silence would be usual."
