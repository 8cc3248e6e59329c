"""Lets jobs in, and hands out what is due. The database decides; a message that is lost or doubled changes nothing.

Everything here may run anywhere, any number of times at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from builders.engine.announce import announce
from lifecycle import claims, queue, topics
from lifecycle.models import Hold, Job
from lifecycle.queue import Waiting

HAND_OUT_AGAIN = timedelta(seconds=5)
"""A job handed out so long ago and not begun, though younger messages were taken, was lost on the way."""
AT_ONCE = 200
ONE_AT_A_TIME = 0x7644_6973_6B51  # any constant: one process at a time lets jobs in
LONGEST_STOP = "10s"  # a process that is frozen while it lets jobs in is cut off, so that others can

Send = Callable[[int, datetime], object]
ACTIVE = "('waiting', 'running', 'undoing')"
ENDS_WITHOUT_HOLDS = "(cancel_requested_at IS NOT NULL AND started_at IS NULL)"
"""Cancelled before anything was begun: there is nothing to take back, so nothing is needed for it."""


# --- letting in


def admit() -> int:
    """Let in, in fair order, every job whose needs are free; how many. Cheap when nobody can be let in."""
    if not _decide(queue.candidates()):
        return 0
    with transaction.atomic():
        _be_the_only_one()
        places = _decide(queue.candidates())
        admitted = _mark(list(places))
        Hold.objects.bulk_create(
            [
                Hold(resource=resource, slot=slot, job_id=job_id, since=Now())
                for job_id in admitted
                for resource, slot in places[job_id].items()
            ]
        )
        if admitted:
            announce(topics.JOBS, topics.OPERATIONS)
    return len(admitted)


def is_in_line(job_id: int) -> bool:
    return Job.objects.active().filter(pk=job_id, admitted_at=None).exists()


def _decide(line: list[Waiting]) -> Mapping[int, Mapping[str, int]]:
    if not line:
        return {}
    limits = claims.counted({need for job in line for need in job.needs})
    taken = defaultdict(set)
    for resource, slot in Hold.objects.filter(resource__in=list(limits)).values_list("resource", "slot"):
        taken[resource].add(slot)
    return queue.let_in(line, limits=limits, taken=taken)


def _be_the_only_one() -> None:
    """Until the transaction ends. What others did before is seen by the statements that follow."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, true), set_config('lock_timeout', %s, true), "
            "pg_advisory_xact_lock(%s)",
            [LONGEST_STOP, LONGEST_STOP, ONE_AT_A_TIME],
        )


def _mark(job_ids: list[int]) -> list[int]:
    """Those that are let in: not who ended meanwhile, or is just being written to by somebody else."""
    query = f"""
        UPDATE lifecycle_job SET admitted_at = statement_timestamp() WHERE id IN (
            SELECT id FROM lifecycle_job WHERE id = ANY(%s) AND admitted_at IS NULL AND state IN {ACTIVE}
            FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING id
    """  # noqa: S608  constants
    with connection.cursor() as cursor:
        cursor.execute(query, [job_ids])
        return [row[0] for row in cursor.fetchall()]


# --- handing out


def hand_out(send: Send, *, lost_before: datetime | None = None, take_over: bool = True) -> int:
    """Send each due and free job once, the longest due first; how many.

    ``send`` gets the job's id and the time of this moment. What was handed out before ``lost_before`` and is free still
    is sent again. ``take_over`` says whether a job whose lease has ended counts as free. When sending fails, what was
    not sent counts as never handed out, and the error is raised.
    """
    due = _take_due(lost_before, take_over)
    for position, (job_id, at) in enumerate(due):
        try:
            send(job_id, at)
        except BaseException:
            not_sent = [job_id for job_id, _ in due[position:]]
            Job.objects.filter(pk__in=not_sent, dispatched_at=at).update(dispatched_at=None)
            raise
    return len(due)


def give_back(job_id: int) -> None:
    """The message for a free job was taken by somebody who does not want it: let it be sent again at once."""
    Job.objects.filter(_free(), pk=job_id).update(dispatched_at=None)


def lost_before(oldest_message: datetime | None) -> datetime:
    """Messages are taken in their order: what was handed out before the oldest one that still waits is lost.

    ``oldest_message`` is when that one was sent, by the database's clock, None when none waits. It is only lost after a
    while: it may be on its way to a thread.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp() - make_interval(secs => %s)", [HAND_OUT_AGAIN.total_seconds()])
        moment: datetime = cursor.fetchone()[0]
    return min(moment, oldest_message) if oldest_message else moment


def seconds_to_next() -> float | None:
    """Until the next job falls due; None when none will."""
    query = f"""
        SELECT extract(epoch FROM min(due_at) - statement_timestamp())::float8
        FROM lifecycle_job WHERE state IN {ACTIVE} AND due_at > statement_timestamp()
    """  # noqa: S608  constants
    with connection.cursor() as cursor:
        cursor.execute(query)
        left: float | None = cursor.fetchone()[0]
    return left


def farms_due() -> tuple[list[int], datetime]:
    """Farms whose mirror is to be refreshed and that nobody is reading now; and what time it is."""
    query = """
        SELECT now.at, array_agg(farm.id) FILTER (WHERE farm.id IS NOT NULL)
        FROM (SELECT statement_timestamp() AS at) AS now LEFT JOIN lifecycle_farm farm
            ON farm.sync_due_at <= now.at AND (farm.sync_lease_until IS NULL OR farm.sync_lease_until < now.at)
        GROUP BY now.at
    """
    with connection.cursor() as cursor:
        cursor.execute(query)
        at, farms = cursor.fetchone()
    return farms or [], at


def _take_due(lost_before: datetime | None, take_over: bool) -> list[tuple[int, datetime]]:
    """The choice is made once and before the update: as a plain subquery, PostgreSQL may run it anew for each row."""
    query = f"""
        WITH due AS MATERIALIZED (
            SELECT id FROM lifecycle_job
            WHERE state IN {ACTIVE} AND due_at <= statement_timestamp()
              AND (lease_until IS NULL OR %s AND lease_until < statement_timestamp())
              AND (admitted_at IS NOT NULL OR {ENDS_WITHOUT_HOLDS})
              AND (dispatched_at IS NULL OR dispatched_at < %s)
            ORDER BY due_at, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE lifecycle_job job SET dispatched_at = statement_timestamp() FROM due WHERE job.id = due.id
        RETURNING job.id, job.dispatched_at, job.due_at
    """  # noqa: S608  constants
    with connection.cursor() as cursor:
        cursor.execute(query, [take_over, lost_before, AT_ONCE])
        rows = sorted(cursor.fetchall(), key=lambda row: (row[2], row[0]))
    return [(job_id, at) for job_id, at, _ in rows]


def _free() -> Any:
    return Q(lease_until=None) | Q(lease_until__lt=Now())
