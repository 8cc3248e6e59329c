"""Who may. Small questions on people and objects; each returns why not, or an empty text."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import Max

from lifecycle.models import ChangeRequest, Job, Version
from lifecycle.states import Access, Action

MAKES_CONTENT = (
    Action.NEW_VERSION,
    Action.BOOT_MAINTENANCE,
    Action.REVERT_MAINTENANCE,
    Action.MERGE,
    Action.MERGE_BASE,
)


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
    approved = below.aggregate(newest=Max("number", default=-1))["newest"]
    return (
        Job.objects.filter(
            vdisk=change.vdisk_id,
            version_number__gt=approved,
            version_number__lte=change.version_number,
            kind__in=MAKES_CONTENT,
            requested_by=user,
        )
        .order_by("-version_number")
        .values_list("version_number", flat=True)
        .first()
    )
