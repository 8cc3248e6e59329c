"""Looks at the clock for the schedules. Called each second; with nothing due it costs three small queries."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now

from builders.engine import leases
from builders.engine.announce import announce
from builders.engine.recorder import Recorder
from lifecycle import appointments, topics
from lifecycle.models import Job, ScheduleRun
from lifecycle.states import JobState

logger = logging.getLogger(__name__)

OWNER = "schedules"
"""Holds the lease of a job that is ended because its window closed."""


def run_due() -> int:
    """Keep what is due; end what no window is open for any more. How many times were kept.

    Safe to run anywhere, any number of times at once: a time becomes one job.
    """
    now = _database_time()
    kept = [run for schedule_id in appointments.due(now) if (run := _keep(schedule_id, now))]
    for job_id, why in appointments.too_late(now):
        _turn_away(job_id, why)
    return len(kept)


def _keep(schedule_id: int, now: datetime) -> ScheduleRun | None:
    """One schedule's fault is not the others': it is told, counted as a failure, and stops the schedule in the end."""
    try:
        with transaction.atomic():
            run = appointments.keep(schedule_id, now)
            if run:
                _tell(run)
    except (InterfaceError, OperationalError):
        raise  # the database is away, or two processes were in each other's way: the next look finds the same time
    except Exception:
        logger.exception("schedule %s: its time could not be kept", schedule_id)
        appointments.give_up(schedule_id, now)
        return None
    return run


def _turn_away(job_id: int, why: str) -> None:
    """End a job that waits in the queue, unless a worker has begun it in this moment."""
    with transaction.atomic():
        waiting = Job.objects.filter(pk=job_id, state=JobState.WAITING, started_at=None)
        if not waiting.update(cancel_requested_at=Now(), due_at=Now()):
            return
        lease = leases.claim(job_id, OWNER)
        if lease is None:
            transaction.set_rollback(True)
            return
        Recorder(lease, Job.objects.get(pk=job_id)).end(JobState.CANCELLED, why)
        announce(topics.SCHEDULES)


def _tell(run: ScheduleRun) -> None:
    announce(topics.SCHEDULES)
    if run.job:
        announce(topics.JOBS, topics.vdisk(run.schedule.vdisk_id))
    logger.info("schedule “%s” at %s: %s %s", run.schedule.name, run.due_at, run.get_outcome_display(), run.words)


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
