"""Promotions that were carried out and still wait for their date: PVS has them, no production target boots them yet."""

from __future__ import annotations

from django.db.models import Case, DateTimeField, Exists, OuterRef, Subquery, When
from django.db.models.functions import Coalesce

from lifecycle.models import ChangeRequest, Version
from lifecycle.models.changes import ChangeQuerySet
from lifecycle.states import ChangeState


def with_schedule(changes: ChangeQuerySet) -> ChangeQuerySet:
    """Each row with ``scheduled_for``: the date its version waits for, None when it waits for none.

    Only the last promotion of a version counts: one that was taken back and requested again has two requests.
    """
    same = {"vdisk": OuterRef("vdisk"), "version_number": OuterRef("version_number")}
    later = ChangeRequest.objects.filter(**same, state=ChangeState.DONE, pk__gt=OuterRef("pk"))
    waiting = Version.objects.filter(
        vdisk=OuterRef("vdisk"), number=OuterRef("version_number"), is_pending=True, gone_at=None
    )
    date = Subquery(waiting.values(date=Coalesce("scheduled_at", OuterRef("go_live_at")))[:1])
    return changes.annotate(
        scheduled_for=Case(
            When(~Exists(later), state=ChangeState.DONE, then=date), default=None, output_field=DateTimeField()
        )
    )
