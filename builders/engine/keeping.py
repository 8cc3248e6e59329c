"""What failed jobs left in place: a reminder before the time to keep it is over, and what happens then.

Both may be called anywhere, at any time, by several processes at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from builders.engine.announce import announce
from builders.engine.endings import leave_to_a_person
from builders.engine.workbench import begun
from lifecycle import joblines, topics
from lifecycle.models import AuditEntry, Job, JobLogLine
from lifecycle.rerunning import queue_undo
from lifecycle.states import UndoCause

AHEAD = timedelta(days=1)
AT_ONCE = 50
_OVER = Job.objects.filter(ended_at__isnull=False)


def remind_of_what_is_kept() -> int:
    """Say in log and audit trail that keeping ends within a day, or when half of a shorter time is over; how many."""
    return _each(_OVER.filter(reminded_at=None, kept_until__gt=Now(), kept_until__lte=Now() + AHEAD), _remind)


def expire_what_is_kept() -> int:
    """Have jobs whose time is over take back what is the portal's own; the rest is for a person to decide. How many."""
    return _each(_OVER.filter(kept_until__lte=Now()), _expire)


def _each(jobs: QuerySet[Job], do: Callable[[Job, datetime], bool]) -> int:
    """Each job in a transaction of its own, and only by who gets hold of its row first."""
    done = 0
    for pk in list(jobs.order_by("kept_until").values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            found = jobs.annotate(at=Now()).select_for_update(skip_locked=True).filter(pk=pk).first()
            if found and do(found, found.at):
                done += 1
                announce(topics.job(pk), topics.JOBS)
    return done


def _remind(job: Job, now: datetime) -> bool:
    assert job.kept_until is not None
    assert job.ended_at is not None
    if now < job.kept_until - min(AHEAD, (job.kept_until - job.ended_at) / 2):
        return False
    until = f"{job.kept_until:%Y-%m-%d %H:%M} UTC"
    Job.objects.filter(pk=job.pk).update(reminded_at=now)
    joblines.append(job, f"Kept until {until} only: {job.kept}", level=JobLogLine.Level.WARNING)
    detail = {"until": until, "kept": job.kept}
    AuditEntry.objects.record(by=None, action="job.remind", on=job.vdisk or job, job=job, detail=detail)
    return True


def _expire(job: Job, _now: datetime) -> bool:
    """Nothing is started, and no vDisk held, for a job that made nothing which is the portal's own to remove."""
    if any(step.about.get("belongs_to_job") for step in job.steps.all() if begun(step)):
        joblines.append(job, f"The time to keep it is over: {job.kept}")
        queue_undo(job, UndoCause.EXPIRED)
        return True
    Job.objects.filter(pk=job.pk).update(kept_until=None, reminded_at=None)
    joblines.append(
        job, f"The time to keep it is over; a person must decide: {job.kept}", level=JobLogLine.Level.WARNING
    )
    leave_to_a_person(job, job.kept)
    return True
