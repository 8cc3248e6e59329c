"""After the database's clock was put back: what then lies further ahead than anybody ever puts it comes back in reach.

Otherwise a lease of a worker that died, or a wait, would last for as long as the clock leapt. In the other direction
nothing needs mending: what ends too early is taken up again, and the tokens fence out whoever had it.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from builders.engine import leases
from builders.engine.writing import LONGEST_WAIT
from lifecycle.models import Farm, Job, Worker

logger = logging.getLogger(__name__)

MARGIN = timedelta(seconds=1)
_INTERVAL = F("sync_every_seconds") * timedelta(seconds=1)


def bring_back() -> int:
    """How many times were brought back. One small statement each; two processes may do it at once."""
    lease = leases.length()
    active = Job.objects.active()
    with transaction.atomic():
        found = (
            _at_most(active, "lease_until", Now() + lease)
            + _at_most(active, "due_at", Now() + LONGEST_WAIT)
            + _at_most(active, "dispatched_at", Now())
            + _at_most(Farm.objects.all(), "sync_lease_until", Now() + lease)
            + _at_most(Farm.objects.all(), "sync_due_at", Now() + _INTERVAL)
            + _at_most(Worker.objects.all(), "seen_at", Now())
        )
    if found:
        logger.warning("the database's clock went back: %s times lay too far ahead and were brought back", found)
    return found


def _at_most(rows: QuerySet[Any], name: str, moment: Any) -> int:
    """A row that somebody writes to at this moment is left for the next look."""
    ahead = rows.filter(**{f"{name}__gt": moment + MARGIN}).order_by()
    free = ahead.select_for_update(skip_locked=True, no_key=True).values("pk")
    return rows.filter(pk__in=free).update(**{name: moment})
