"""The queue: in which order jobs are let in, and who is let in now. Fair to people, and nobody waits for ever.

The order is a round of the requesters: first the oldest job of each, then the second oldest of each. Among the first
ones it counts since when a job is its requester's first: since it was made, or since the one before it was let in.
A place in the round is thus never lost to people who come later, nor to further jobs of the same person.

A job that cannot be let in keeps what it waits for from those behind it. It stands in one line at a time, in the order
of LINES: it keeps places of a host from others only when its vDisk is free for it. So a hundred jobs for one vDisk
do not keep a host idle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

LINES = ("vdisk", "kind", "store", "reading", "host")
"""Held for long first, plentiful last."""
AT_ONCE = 200

_LINE = """
    WITH line AS (
        SELECT id, requested_by_id, created_at, needs,
               row_number() OVER (PARTITION BY requested_by_id ORDER BY created_at, id) AS turn
        FROM lifecycle_job
        WHERE state IN ('waiting', 'running', 'undoing') AND admitted_at IS NULL
          AND due_at <= statement_timestamp() AND NOT (cancel_requested_at IS NOT NULL AND started_at IS NULL)
    ), placed AS (
        SELECT id, needs, row_number() OVER (ORDER BY turn, GREATEST(created_at, CASE WHEN turn = 1 THEN (
            SELECT past.admitted_at FROM lifecycle_job past
            WHERE past.requested_by_id = line.requested_by_id AND past.admitted_at IS NOT NULL
              AND (past.created_at, past.id) < (line.created_at, line.id)
            ORDER BY past.admitted_at DESC LIMIT 1) END), created_at, id) AS place
        FROM line
    )
"""
# Of jobs that need the same, those behind the first cannot be let in before it where a vDisk is among the needs.
_CANDIDATES = f"""
    {_LINE}
    SELECT id, needs FROM (
        SELECT id, needs, place, row_number() OVER (PARTITION BY needs ORDER BY place) AS nth FROM placed
    ) AS numbered
    WHERE nth <= CASE WHEN needs[1] LIKE 'vdisk:%%' THEN 1 ELSE %s END
    ORDER BY place
"""  # noqa: S608  constants
_AHEAD = f"""
    {_LINE}
    SELECT need, count(*) FROM placed, unnest(needs) AS need
    WHERE place < (SELECT place FROM placed WHERE id = %s) AND need = ANY(%s)
    GROUP BY need
"""  # noqa: S608  constants


@dataclass(frozen=True)
class Waiting:
    job_id: int
    needs: tuple[str, ...]


def candidates() -> list[Waiting]:
    """The jobs that are due and not let in, in fair order, without those that cannot be let in at this time anyway."""
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, [AT_ONCE])
        return [Waiting(job_id, tuple(needs)) for job_id, needs in cursor.fetchall()]


def ahead_of(job_id: int, needs: Sequence[str]) -> dict[str, int]:
    """For each of the needs, how many waiting jobs that come before this one need it too."""
    with connection.cursor() as cursor:
        cursor.execute(_AHEAD, [job_id, list(needs)])
        return dict(cursor.fetchall())


def let_in(
    line: Sequence[Waiting], *, limits: Mapping[str, int], taken: Mapping[str, Collection[int]]
) -> dict[int, dict[str, int]]:
    """Who of the line is let in now: for each job, the place it gets of each resource that is counted.

    ``limits`` says how many places there are, ``taken`` which of them (from 1) are held.
    """
    held = {resource: set(taken.get(resource, ())) for resource in limits}
    kept: Counter[str] = Counter()
    admitted: dict[int, dict[str, int]] = {}
    for job in line:
        counted = sorted((need for need in job.needs if need in limits), key=_line)
        free = _free_for(counted, limits, held, kept)
        if len(free) < len(counted):
            kept.update(free)
            continue
        admitted[job.job_id] = {need: _first_free(held[need]) for need in counted}
        for need, place in admitted[job.job_id].items():
            held[need].add(place)
    return admitted


def _free_for(
    needs: Sequence[str], limits: Mapping[str, int], held: Mapping[str, set[int]], kept: Counter[str]
) -> list[str]:
    """The needs up to the first one that is not free."""
    free = []
    for need in needs:
        if len(held[need]) + kept[need] >= limits[need]:
            break
        free.append(need)
    return free


def _first_free(places: set[int]) -> int:
    place = 1
    while place in places:
        place += 1
    return place


def _line(resource: str) -> int:
    what = resource.partition(":")[0]
    return LINES.index(what) if what in LINES else len(LINES)
