"""A job's whole log as text, portion by portion: a million lines take no more memory than a portion.

Each portion is a query of its own, found by line number: a slow reader holds neither a transaction nor a cursor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from asgiref.sync import sync_to_async

from lifecycle.models import Job, JobLogLine

PORTION = 5000
_FIELDS = ("number", "at", "step_position", "level", "text")


async def whole(job: Job) -> AsyncIterator[str]:
    """Title, state, outcome and steps; then each line that there is now, with its time in UTC to the microsecond."""
    yield await sync_to_async(_head)(job)
    after = 0
    while after < job.lines:
        rows = await sync_to_async(_portion)(job, after)
        if not rows:
            return
        yield "".join(_line(*row) for row in rows)
        after = rows[-1][0]


def _head(job: Job) -> str:
    steps = "".join(f"step {step.position}: {step.title}\n" for step in job.steps.order_by("position"))
    said = f"{job.get_state_display()}: {job.outcome}" if job.outcome else job.get_state_display()
    return f"{job.title} (job {job.pk})\n{said}\n{steps}\n"


def _portion(job: Job, after: int) -> list[tuple[int, datetime, int | None, str, str]]:
    lines = JobLogLine.objects.filter(job=job, number__gt=after, number__lte=job.lines).order_by("number")
    return list(lines.values_list(*_FIELDS)[:PORTION])


def _line(number: int, at: datetime, step: int | None, level: str, text: str) -> str:
    """What a line's text breaks is indented, so that no text can look like a line of its own."""
    where = f"step {step}" if step is not None else "job"
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{number:>7} {moment} {where:8} {level:7} {_indented(text)}\n"


def _indented(text: str) -> str:
    return "\n\t".join(text.splitlines()) if "\n" in text or "\r" in text else text
