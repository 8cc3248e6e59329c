"""Who may write to a job or read a farm. A lease ends by itself; its token fences out whoever comes back too late.

All times are the database's, so that the clocks of the workers do not matter.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Protocol, Self

from django.conf import settings
from django.db import Error as DatabaseGone
from django.db import connection
from django.db.models.functions import Now

from builders.engine import dispatch
from lifecycle.models import Job

logger = logging.getLogger(__name__)

TRIES_A_BEAT = 8
"""How much more often a lease is renewed while the database does not answer."""


class LeaseLost(Exception):
    """Another worker has it now; this one must not touch anything of it any more."""


def length() -> timedelta:
    return timedelta(seconds=settings.PORTAL_LEASE_SECONDS)


class Renewable(Protocol):
    """``renew`` raises LeaseLost; ``str()`` names it for the log."""

    def renew(self) -> None: ...


@dataclass(frozen=True)
class Lease:
    job_id: int
    token: int

    def __str__(self) -> str:
        return f"job {self.job_id}"

    def held(self) -> Any:
        """The job's row as a QuerySet that is empty when the lease is lost."""
        return Job.objects.filter(pk=self.job_id, lease_token=self.token)

    def write(self, **changes: Any) -> None:
        """Change the job's row, or raise LeaseLost. Inside a transaction this also guards what follows."""
        if not self.held().update(**changes):
            raise LeaseLost(f"job {self.job_id}: lease {self.token} was lost")

    def renew(self) -> None:
        """LeaseLost also when it was given back: a late beat must not take it again."""
        if not self.held().filter(lease_until__isnull=False).update(lease_until=Now() + length()):
            raise LeaseLost(f"job {self.job_id}: lease {self.token} was lost or given back")


_CLAIM = f"""
    UPDATE lifecycle_job
    SET lease_token = lease_token + 1, lease_owner = %s, lease_until = statement_timestamp() + make_interval(secs => %s)
    WHERE id = %s AND state IN {dispatch.ACTIVE} AND due_at <= statement_timestamp()
      AND (lease_until IS NULL OR lease_until < statement_timestamp())
      AND (admitted_at IS NOT NULL OR {dispatch.ENDS_WITHOUT_HOLDS})
    RETURNING lease_token
"""  # noqa: S608  constants


def claim(job_id: int, owner: str) -> Lease | None:
    """Take the job if it is due, free and let in; None when somebody else has it or there is nothing to do.

    A job that still stands in the queue is let in at once, if it is its turn and all that it needs is free.
    """
    lease = _take(job_id, owner)
    if lease is None and dispatch.is_in_line(job_id) and dispatch.admit():
        lease = _take(job_id, owner)
    return lease


def _take(job_id: int, owner: str) -> Lease | None:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [owner, length().total_seconds(), job_id])
        taken = cursor.fetchone()
    return Lease(job_id, taken[0]) if taken else None


class Heartbeat:
    """Keeps a lease alive while an outside answer is waited for. Touches nothing when that is quick.

    While the database is away it goes on trying: when that is back before anybody else has looked, nothing is lost.
    """

    def __init__(self, lease: Renewable) -> None:
        self.lease = lease
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease of {lease}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        usual = length().total_seconds() / 3
        pause = usual
        try:
            while not self._stop.wait(pause):
                pause = usual if self._renew(first_try=pause == usual) else usual / TRIES_A_BEAT
        except LeaseLost:
            if not self._stop.is_set():
                logger.warning("%s: lease lost while an answer was waited for", self.lease)
        finally:
            connection.close()

    def _renew(self, *, first_try: bool) -> bool:
        try:
            self.lease.renew()
        except DatabaseGone as error:
            connection.close()
            if first_try:
                logger.warning("%s: lease not renewed, the database is away: %s", self.lease, error)
            return False
        if not first_try:
            logger.info("%s: lease renewed, the database is back", self.lease)
        return True
