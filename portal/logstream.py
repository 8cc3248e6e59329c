"""A job's whole log as text, portion by portion: a million lines take no more memory than a portion.

Each portion is a query of its own, found by line number: a slow reader holds neither a transaction nor a cursor.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from asgiref.sync import sync_to_async

from lifecycle.models import Job, JobLogLine

PORTION = 5000
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_LINE_END = re.compile("\r\n|\r|\n")
_SHOWN = (
    {code: 0x2400 + code for code in range(0x20) if chr(code) != "\t"}  # the picture of each: ␛ for an escape
    | {0x7F: "\N{SYMBOL FOR DELETE}"}
    | dict.fromkeys([*range(0x80, 0xA0), 0x2028, 0x2029], "\N{REPLACEMENT CHARACTER}")
)
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
    steps = "".join(f"step {step.position}: {_indented(step.title)}\n" for step in job.steps.order_by("position"))
    said = f"{job.get_state_display()}: {_indented(job.outcome)}" if job.outcome else job.get_state_display()
    return f"{_indented(job.title)} (job {job.pk})\n{said}\n{steps}\n"


def _portion(job: Job, after: int) -> list[tuple[int, datetime, int | None, str, str]]:
    lines = JobLogLine.objects.filter(job=job, number__gt=after, number__lte=job.lines).order_by("number")
    return list(lines.values_list(*_FIELDS)[:PORTION])


def _line(number: int, at: datetime, step: int | None, level: str, text: str) -> str:
    """A text of several lines is indented, so that none of it can look like a line of the log."""
    where = f"step {step}" if step is not None else "job"
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{number:>7} {moment} {where:8} {level:7} {_indented(text)}\n"


def _indented(text: str) -> str:
    """Broken at ends of lines alone. Other breaks and what would command a terminal are shown by a sign instead."""
    if not _CONTROL.search(text):
        return text
    return "\n\t".join(line.translate(_SHOWN) for line in _LINE_END.split(text))
