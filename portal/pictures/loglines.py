"""How the lines of a log are written on a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from lifecycle.models import Job, JobLogLine

MOST_MARKED = 200
"""Places of one line; whoever searches for a single letter in a very long line learns no more from the rest."""


@dataclass(frozen=True)
class Line:
    """``moment`` is exact; ``stamp`` is what the page shows of it, with the day when it is not the job's first.

    Numbers are text already: a template would look up for each of them how this language writes numbers.
    """

    number: str
    moment: str
    stamp: str
    step: str
    step_title: str
    level: str
    text: SafeString


def lines(rows: Iterable[JobLogLine], *, job: Job, titles: Mapping[int, str], searched: str) -> list[Line]:
    """With the text that was ``searched`` marked."""
    first_day = timezone.localtime(job.created_at).date()
    return [
        Line(
            number=str(row.number),
            moment=timezone.localtime(row.at).isoformat(sep=" "),
            stamp=_stamp(timezone.localtime(row.at), first_day),
            step="" if row.step_position is None else str(row.step_position),
            step_title=titles.get(row.step_position, "") if row.step_position is not None else "",
            level=row.level,
            text=marked(row.text, searched),
        )
        for row in rows
    ]


def marked(text: str, searched: str) -> SafeString:
    """``text`` as HTML, with the first places where ``searched`` stands, in any case of letters, in a mark."""
    if not searched:
        return conditional_escape(text)
    parts = re.split(f"({re.escape(searched)})", text, maxsplit=MOST_MARKED, flags=re.IGNORECASE)
    return mark_safe("".join(_part(part, is_hit=index % 2 == 1) for index, part in enumerate(parts)))  # noqa: S308


def _part(text: str, *, is_hit: bool) -> SafeString:
    return format_html("<mark>{}</mark>", text) if is_hit else conditional_escape(text)


def _stamp(moment: datetime, first_day: date) -> str:
    """``15:06:07.123``, or ``2026-03-05 00:06:07.123`` on a later day."""
    clock = moment.strftime("%H:%M:%S.%f")[:-3]
    return clock if moment.date() == first_day else f"{moment:%Y-%m-%d} {clock}"
