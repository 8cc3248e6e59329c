"""A long reading in the background of a worker, while its job's step polls.

A step must return within a minute, and reading an image can take longer: so the step starts a thread, which has a child
process do the work, and looks in from time to time; no lease and no thread of the worker's pool is held meanwhile. The
thread renews the row of its reading (ImageReading) about once a second. What is safe after a crash:

- With a worker, its threads and their children die (the child is told by the kernel, and its socket closes). The row is
  not renewed any more; once it is silent for STALE, the step's next call, in whatever worker, takes the row with a new
  token and starts again. Nothing of the image was changed, so starting again does no harm.
- A thread that was only thought dead, because its machine or the database was away, finds another token in the row: it
  stops, and what it saves is refused in the transaction that would store it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import Error as DatabaseGone
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from builders.contents.looking import NotRead
from builders.engine import masking
from builders.inspection.sandbox import Progress
from lifecycle.models import ImageReading, Job
from lifecycle.states import ACTIVE_JOB_STATES

logger = logging.getLogger(__name__)

STALE = timedelta(seconds=60)
BEAT_SECONDS = 1.0
NAME = "reading of job"
STARTS_AT_MOST = 5
"""So many readers in a row may be lost with their workers before the image is taken for the cause."""


class GivenUp(Exception):
    """Nobody waits for this reading any more, or another one has taken its place."""


@dataclass(frozen=True)
class Pen:
    """One thread's right to a reading's row."""

    job_id: int
    token: int

    def row(self) -> Any:
        """Empty when it was taken over, or when its job is over."""
        return ImageReading.objects.filter(
            pk__in=ImageReading.objects.filter(
                job_id=self.job_id, token=self.token, ended_at=None, job__state__in=sorted(ACTIVE_JOB_STATES)
            )
        )

    def hold(self) -> None:
        """In a transaction that stores what was read: GivenUp when somebody else reads by now."""
        locked = ImageReading.objects.select_for_update().filter(job_id=self.job_id, token=self.token, ended_at=None)
        if not locked.exists():
            raise GivenUp


Work = Callable[["Teller"], dict[str, Any]]
"""Reads, stores, and gives what the step is to know. NotRead when nothing could be read."""


class Teller:
    """Given to the work: renews the row, tells how far it is, and stops what nobody waits for."""

    def __init__(self, pen: Pen) -> None:
        self.pen = pen
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        """For the child's keeper, which calls it about once a second. GivenUp ends the child."""
        percent = min(100 * progress.done // progress.total, 100) if progress.total > 0 else None
        self.tell(progress.words, percent)

    def tell(self, words: str, percent: int | None = None) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + BEAT_SECONDS
        try:
            held = self.pen.row().filter(stop_asked=False)
            if not held.update(beat_at=Now(), words=masking.masked(words), progress=percent):
                raise GivenUp
        except DatabaseGone as error:
            connection.close()
            logger.warning("reading of job %s: the database is away: %s", self.pen.job_id, error)


def take(job: Job, *, first: bool) -> Pen | None:
    """The right to read for a job; None while another reader is alive. ``first``: in this run of the job."""
    with transaction.atomic():
        ImageReading.objects.get_or_create(job=job)
        silent = Q(ended_at__isnull=False) | Q(beat_at=None) | Q(beat_at__lt=Now() - STALE)
        taken = ImageReading.objects.filter(silent, job=job).update(
            token=F("token") + 1,
            starts=1 if first else F("starts") + 1,
            owner=f"{socket.gethostname()}:{os.getpid()}",
            beat_at=Now(),
            progress=None,
            words="",
            stop_asked=False,
            result={},
            ended_at=None,
        )
        return Pen(job.pk, ImageReading.objects.get(job=job).token) if taken else None


def begin(pen: Pen, work: Work) -> None:
    """In a thread of this process."""
    threading.Thread(target=_run, args=(pen, work), name=f"{NAME} {pen.job_id}", daemon=True).start()


def alive() -> int:
    """Readers of this process at this moment."""
    return sum(1 for thread in threading.enumerate() if thread.name.startswith(NAME))


def stop(job: Job) -> bool:
    """Ask that a reading ends; whether there was one under way."""
    return bool(ImageReading.objects.filter(job=job, ended_at=None).update(stop_asked=True))


def _run(pen: Pen, work: Work) -> None:
    try:
        _end(pen, _result(pen, work))
    except GivenUp:
        logger.info("reading of job %s: given up, nobody waits for it", pen.job_id)
        ImageReading.objects.filter(job_id=pen.job_id, token=pen.token, ended_at=None).update(ended_at=Now())
    except DatabaseGone as error:
        logger.warning("reading of job %s: the database is away, it is begun anew: %s", pen.job_id, error)
    finally:
        connection.close()


def _result(pen: Pen, work: Work) -> dict[str, Any]:
    try:
        return work(Teller(pen))
    except NotRead as error:
        return {"problem": masking.masked(str(error)), "passing": error.passing}
    except (GivenUp, DatabaseGone):
        raise
    except Exception:
        reference = uuid.uuid4().hex[:8]
        logger.exception("reading of job %s stopped by a fault of the portal, reference %s", pen.job_id, reference)
        words = f"Stopped by a fault of the portal; see its log, reference {reference}."
        return {"problem": words, "passing": False, "fault": True}


def _end(pen: Pen, result: dict[str, Any]) -> None:
    pen.row().update(result=result, ended_at=Now(), beat_at=Now(), progress=None)
