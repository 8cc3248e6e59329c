"""What failed jobs left in place, and when that ends."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle.models import Job

SOON = timedelta(days=1)
SHOWN = 5


def ends_soon(user: User) -> list[Job]:
    """Ended jobs whose keeping ends within a day, the next one first; a few. Nothing for who may not see jobs."""
    if not user.has_perm("lifecycle.view_job"):
        return []
    soon = Job.objects.filter(kept_until__lte=timezone.now() + SOON, ended_at__isnull=False).exclude(kept="")
    return list(soon.order_by("kept_until", "id")[:SHOWN])
