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
from django.db import DatabaseError, connection
from django.db.models import F, Q
from django.db.models.functions import Now

from lifecycle.models import Job

logger = logging.getLogger(__name__)


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
        self.write(lease_until=Now() + length())


def claim(job_id: int, owner: str) -> Lease | None:
    """Take the job if it is due and free; None when somebody else has it or there is nothing to do."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    taken = (
        Job.objects.active()
        .filter(free, pk=job_id, due_at__lte=Now())
        .update(lease_token=F("lease_token") + 1, lease_owner=owner, lease_until=Now() + length())
    )
    if not taken:
        return None
    token = Job.objects.values_list("lease_token", flat=True).get(pk=job_id, lease_owner=owner)
    return Lease(job_id, token)


class Heartbeat:
    """Keeps a lease alive while an outside answer is waited for. Touches nothing when that is quick."""

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
        try:
            while not self._stop.wait(length().total_seconds() / 3):
                try:
                    self.lease.renew()
                except LeaseLost:
                    logger.warning("%s: lease lost while an answer was waited for", self.lease)
                    return
                except DatabaseError:
                    logger.warning("%s: lease not renewed, database away", self.lease)
                    connection.close()
        finally:
            connection.close()
