"""The tick: finds what is due in the database and hands it to Celery. Losing a tick or a message loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from lifecycle.models import Farm, Job

HAND_OUT_AGAIN = timedelta(seconds=10)
"""A job handed out and not begun by then was lost on the way (broker flushed, worker killed)."""
AT_ONCE = 200


def hand_out(send: Callable[[int], object]) -> int:
    """Send each due and free job once; how many. Safe to run anywhere, any number of times at once."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    not_on_its_way = Q(dispatched_at=None) | Q(dispatched_at__lt=Now() - HAND_OUT_AGAIN)
    with transaction.atomic():
        due = list(
            Job.objects.active()
            .filter(free, not_on_its_way, due_at__lte=Now())
            .order_by("due_at")
            .select_for_update(skip_locked=True)
            .values_list("pk", flat=True)[:AT_ONCE]
        )
        Job.objects.filter(pk__in=due).update(dispatched_at=Now())
    for job_id in due:
        send(job_id)
    return len(due)


def farms_due() -> list[int]:
    """Farms whose mirror is to be refreshed and that nobody is reading now."""
    free = Q(sync_lease_until=None) | Q(sync_lease_until__lt=Now())
    return list(Farm.objects.filter(free, sync_due_at__lte=Now()).values_list("pk", flat=True))
