"""Who may. Small questions on people and objects; each returns why not, or an empty text."""

from __future__ import annotations

from django.contrib.auth.models import User

from lifecycle.models import ChangeRequest, Job
from lifecycle.states import Action

MAKES_CONTENT = (Action.NEW_VERSION, Action.BOOT_MAINTENANCE, Action.REVERT_MAINTENANCE)


def why_not_approve(user: User, change: ChangeRequest) -> str:
    """Four eyes: neither who asked nor who built the version decides. Superusers are no exception."""
    if user.pk == change.requested_by_id:
        return "You requested this change; someone else has to decide on it."
    if not user.has_perm("lifecycle.approve_promotion"):
        return "Your role does not decide on changes."
    if built(user, change):
        return f"You worked on version {change.version_number} yourself; someone else has to decide on it."
    return ""


def why_not_withdraw(user: User, change: ChangeRequest) -> str:
    if user.pk == change.requested_by_id or user.has_perm("lifecycle.request_promotion"):
        return ""
    return "Only the requester or a Citrix admin can withdraw a request."


def built(user: User, change: ChangeRequest) -> bool:
    """This person started a job that made or opened the version."""
    return Job.objects.filter(
        vdisk=change.vdisk_id, version_number=change.version_number, kind__in=MAKES_CONTENT, requested_by=user
    ).exists()
