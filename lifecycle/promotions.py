"""Whether a promotion that failed may be carried out again under its approval. An approval counts once.

Each question is answered in words, or with an empty text when nothing speaks against it.
"""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from lifecycle.models import ChangeRequest, Job
from lifecycle.operations import PROMOTED
from lifecycle.states import Action, ChangeState

OVERTAKES = (Action.REVERT_TEST, Action.REVERT_MAINTENANCE, Action.PROMOTE_PRODUCTION)


def why_not_again(job: Job) -> str:
    """Whatever the step it is to begin at; empty for jobs of other kinds."""
    return _approval_is_over(job) or overtaken(job)


def why_not_twice(job: Job, position: int) -> str:
    """The step that promotes uses the approval up; only the steps after it can be done again."""
    used = job.context.get(PROMOTED) or (job.change is not None and job.change.state == ChangeState.DONE)
    promotes = job.steps.filter(about__produces__contains=PROMOTED, position__gte=position).exists()
    if not (used and promotes):
        return ""
    return "PVS has carried out what was approved; that approval is used up. Begin after it, or request it anew."


def requested_anew(change: ChangeRequest) -> str:
    """A later request for the same version counts, also one that was rejected: it is the last word on the version."""
    same = ChangeRequest.objects.filter(vdisk=change.vdisk_id, version_number=change.version_number)
    later = same.filter(pk__gt=change.pk).order_by("-pk").first()
    if later is None:
        return ""
    what = f"Version {change.version_number} has been requested anew meanwhile"
    return f"{what}; that request counts, and it is {later.get_state_display()}."


def overtaken(job: Job) -> str:
    """The vDisk was rolled back or promoted by a later job.

    After a roll-back the files may be the very ones that were approved, but a person has decided against them since.
    """
    if job.kind != Action.PROMOTE_PRODUCTION:
        return ""
    since = Q(created_at__gt=job.created_at) | Q(admitted_at__gt=job.created_at)
    others = Job.objects.filter(since, vdisk=job.vdisk_id, kind__in=OVERTAKES).exclude(pk=job.pk)
    other = others.order_by("-created_at", "-pk").first()
    if other is None:
        return ""
    return f"Job {other.pk}, “{other.title}”, came after it; the promotion has to be requested anew."


def _approval_is_over(job: Job) -> str:
    change = job.change
    if change is None or change.state == ChangeState.DONE or job.context.get(PROMOTED):
        return ""
    if change.state != ChangeState.FAILED:
        return f"Its request is {change.get_state_display()}; the promotion has to be requested anew."
    if change.go_live_at and change.go_live_at <= timezone.now():
        return "The date that was approved has passed; the promotion has to be requested anew."
    return requested_anew(change)
