"""Who may. Small questions on people and objects; each returns why not, or an empty text."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib.auth.models import User
from django.db.models import F, Q

from lifecycle.models import ChangeRequest, Job, Version
from lifecycle.states import Access, Action

MAKES_CONTENT = (
    Action.NEW_VERSION,
    Action.BOOT_MAINTENANCE,
    Action.REVERT_MAINTENANCE,
    Action.MERGE,
    Action.MERGE_BASE,
)
MAKES_VERSION = (Action.NEW_VERSION, Action.MERGE, Action.MERGE_BASE)
EVER = datetime.min.replace(tzinfo=UTC)


def why_not_approve(user: User, change: ChangeRequest) -> str:
    """Four eyes: neither who asked nor who built the version decides. Superusers are no exception."""
    if user.pk == change.requested_by_id:
        return "You requested this change; someone else has to decide on it."
    if not user.has_perm("lifecycle.approve_promotion"):
        return "Your role does not decide on changes."
    if (number := _worked_on(user, change)) is not None:
        return f"You worked on version {number} yourself; someone else has to decide on it."
    return ""


def why_not_withdraw(user: User, change: ChangeRequest) -> str:
    if user.pk == change.requested_by_id or user.has_perm("lifecycle.request_promotion"):
        return ""
    return "Only the requester or a Citrix admin can withdraw a request."


def built(user: User, change: ChangeRequest) -> bool:
    """This person started a job that made or opened the version, or one beneath it that goes to production with it."""
    return _worked_on(user, change) is not None


def _worked_on(user: User, change: ChangeRequest) -> int | None:
    """The highest version of the user's making among those that nobody has approved yet.

    What stands above the newest production version goes there together: a test version beneath, or merged into it.
    """
    below = Version.objects.filter(
        vdisk=change.vdisk_id,
        gone_at=None,
        number__lt=change.version_number,
        access__in=(Access.PRODUCTION, Access.OVERRIDE),
    )
    approved = below.order_by("-number").first()
    newest = approved.number if approved else -1
    theirs = Job.objects.filter(vdisk=change.vdisk_id, kind__in=MAKES_CONTENT, requested_by=user)
    # a job that was cut off after it had asked PVS for a version may not have learned its number
    since = approved.first_seen_at if approved else EVER
    nameless = Q(
        version_number=None, kind__in=MAKES_VERSION, created_at__gte=since, steps__saved__has_key="asked_above"
    )
    named = Q(version_number__gt=newest, version_number__lte=change.version_number)
    found = theirs.filter(named | nameless).order_by(F("version_number").desc(nulls_last=True)).first()
    if found is None:
        return None
    return change.version_number if found.version_number is None else found.version_number
