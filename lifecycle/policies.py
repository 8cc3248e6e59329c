"""Who may. Small questions on people and objects; each returns why not, or an empty text."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib.auth.models import User
from django.db.models import Exists, F, OuterRef, Q

from lifecycle.models import AuditEntry, ChangeRequest, Job, Version
from lifecycle.states import Access, Action

MAKES_CONTENT = (
    Action.NEW_VERSION,
    Action.BOOT_MAINTENANCE,
    Action.REVERT_MAINTENANCE,
    Action.MERGE,
    Action.MERGE_BASE,
)
MAKES_VERSION = (Action.NEW_VERSION, Action.MERGE, Action.MERGE_BASE)
CARRIED_ON = ("job.resume", "job.restart")
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
    """This person worked on the version, or on one beneath it that goes to production with it.

    That is who started a job that made or opened it, who let such a job go on after a failure, and in whose name a
    schedule started one. Not who changed that schedule's maintenance window: it says when, and nothing of what is made.
    """
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
    carried_on = AuditEntry.objects.filter(job=OuterRef("pk"), actor=user, action__in=CARRIED_ON)
    jobs = Job.objects.filter(vdisk=change.vdisk_id, kind__in=MAKES_CONTENT)
    theirs = jobs.filter(Q(requested_by=user) | Exists(carried_on))
    # a job that was cut off after it had asked PVS for a version may not have learned its number
    since = approved.first_seen_at if approved else EVER
    worked = Q(created_at__gte=since) | Q(admitted_at__gte=since)  # it may have waited, or gone on later
    nameless = worked & Q(version_number=None, kind__in=MAKES_VERSION, steps__saved__has_key="asked_above")
    named = Q(version_number__gt=newest, version_number__lte=change.version_number)
    found = theirs.filter(named | nameless).order_by(F("version_number").desc(nulls_last=True)).first()
    if found is None:
        return None
    return change.version_number if found.version_number is None else found.version_number
