"""A job's log, a window at a time. Found by line number alone, so a million lines cost a page no more than ten.

Nothing here counts lines or skips them by an offset: ``Job.lines`` is the number of the last one, and numbers leave no
gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet
from psycopg.errors import QueryCanceled

from lifecycle.models import Job, JobLogLine

PER_WINDOW = 500
CATCH_UP = 2000
"""So many lines a page that follows the log fetches for what it missed; of more it shows the newest alone."""
SEARCH_SECONDS = 5.0

Level = JobLogLine.Level
_AT_LEAST = {Level.WARNING: [Level.WARNING, Level.ERROR], Level.ERROR: [Level.ERROR]}


class TooSlow(Exception):
    """The database was stopped before it had looked at all lines."""


@dataclass(frozen=True)
class Sieve:
    """Which lines are wanted: at least this grave, of this step, with this text in any case of letters."""

    level: str = ""
    step: int | None = None
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.level or self.step is not None or self.text)

    def of(self, job: Job) -> QuerySet[JobLogLine]:
        """Of the lines that ``job`` has, as it was read: what is written meanwhile belongs to the next window."""
        lines = JobLogLine.objects.filter(job=job, number__lte=job.lines)
        if self.level in _AT_LEAST:
            lines = lines.filter(level__in=_AT_LEAST[Level(self.level)])
        if self.step is not None:
            lines = lines.filter(step_position=self.step)
        if self.text:
            lines = lines.filter(text__icontains=self.text)
        return lines


@dataclass(frozen=True)
class Window:
    """Lines in their order. ``first`` to ``last`` are the numbers looked at; ``skipped`` lines before it left out."""

    lines: list[JobLogLine]
    first: int
    last: int
    has_earlier: bool
    has_later: bool
    skipped: int = 0


def newest(job: Job, sieve: Sieve) -> Window:
    return earlier(job, sieve, before=job.lines + 1)


def earlier(job: Job, sieve: Sieve, *, before: int) -> Window:
    """The last lines with a smaller number than ``before``."""
    found = _take(sieve, sieve.of(job).filter(number__lt=before).order_by("-number"))
    has_earlier, lines = len(found) > PER_WINDOW, found[:PER_WINDOW][::-1]
    first = lines[0].number if has_earlier else 1
    last = min(before - 1, job.lines)
    return Window(lines, first, last, has_earlier, has_later=last < job.lines)


def later(job: Job, sieve: Sieve, *, after: int) -> Window:
    """The first lines with a greater number than ``after``."""
    after = min(after, job.lines)
    found = _take(sieve, sieve.of(job).filter(number__gt=after).order_by("number"))
    has_later, lines = len(found) > PER_WINDOW, found[:PER_WINDOW]
    last = lines[-1].number if has_later else job.lines
    return Window(lines, after + 1, last, has_earlier=after > 0, has_later=has_later)


def around(job: Job, sieve: Sieve, *, line: int) -> Window:
    """Half a window before ``line`` and half a window from it on."""
    line = max(1, min(line, job.lines))
    start = later(job, sieve, after=line - 1)
    rest = start.lines[: PER_WINDOW // 2]
    has_later = start.has_later or len(rest) < len(start.lines)
    before = earlier(job, sieve, before=line)
    head = before.lines[-(PER_WINDOW // 2) :]
    has_earlier = before.has_earlier or len(head) < len(before.lines)
    first = head[0].number if has_earlier and head else 1
    last = rest[-1].number if has_later and rest else job.lines
    return Window(head + rest, first, last, has_earlier, has_later)


def since(job: Job, sieve: Sieve, *, after: int) -> Window:
    """What came after ``after``, for a page that follows. After a long absence the newest lines alone."""
    missed = job.lines - after
    if sieve or missed <= CATCH_UP:
        return later(job, sieve, after=after)
    found = newest(job, sieve)
    return Window(found.lines, after + 1, found.last, True, False, skipped=found.first - after - 1)


def _take(sieve: Sieve, lines: QuerySet[JobLogLine]) -> list[JobLogLine]:
    """One more than a window holds. Only a sieve can make it slow: rare lines are looked for among all."""
    wanted = lines[: PER_WINDOW + 1]
    if not sieve:
        return list(wanted)
    with _time_limit(SEARCH_SECONDS):
        return list(wanted)


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """What is asked inside is stopped by the database itself after ``seconds``; raises TooSlow then."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            (before,) = cursor.fetchone()
            _set_timeout(f"{round(seconds * 1000)}ms")
            yield
            _set_timeout(before)
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlow from error
        raise


def _set_timeout(value: str) -> None:
    """For the rest of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [value])
