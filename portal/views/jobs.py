"""Jobs: what the workers do, step by step, with a log that grows while one looks at it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import claims, rerunning
from lifecycle.errors import NotNow
from lifecycle.models import Job
from lifecycle.operations import cancel_job, why_not_cancel
from lifecycle.states import RESUMABLE_JOB_STATES
from portal import waking
from portal.forms.fields import sensible
from portal.forms.jobs import JobFilter
from portal.http import PortalRequest, needs, page
from portal.pages import paginated
from portal.pictures.jobpage import job_progress
from portal.pictures.keeping import ends_soon
from portal.views.joblogs import log_context

REFRESH_SECONDS = 3  # of the page without JavaScript, while the job is active
LOOK_SECONDS = 10  # slow and stalled are seen by the clock alone: no event says so
KEEP_CHOICES = ((24, "1 day"), (72, "3 days"), (168, "1 week"))


@require_safe
@needs("lifecycle.view_job")
def jobs(request: PortalRequest) -> HttpResponse:
    form = JobFilter(request.GET)
    wanted = sensible(form)
    rows = Job.objects.for_list()
    if wanted.get("state") == "active":
        rows = rows.active()
    elif wanted.get("state"):
        rows = rows.filter(state=wanted["state"])
    if "text" in form.errors:
        rows = rows.none()
    elif text := wanted.get("text"):
        rows = rows.filter(Q(title__icontains=text) | Q(requested_by__username__icontains=text))
    context = {"form": form, "ends_soon": ends_soon(request.user), **paginated(request, rows)}
    return page(request, "jobs/jobs.html", context, fragment="jobs/_list.html")


@require_safe
@needs("lifecycle.view_job")
def job(request: PortalRequest, pk: int) -> HttpResponse:
    related = ("farm", "vdisk", "requested_by", "change__requested_by", "cancel_requested_by", "schedule")
    found = get_object_or_404(Job.objects.select_related(*related), pk=pk)
    context = {
        "job": found,
        "progress": job_progress(found),
        "waits_for": claims.waits_for(found),
        "needs": sorted(claims.names_of(found.needs).values()),
        "is_live": found.is_active or found.state in RESUMABLE_JOB_STATES or found.kept,
        "takes_back": found.is_active and bool(found.undo_cause),
        "may_cancel": request.user.has_perm("lifecycle.cancel_job") and not why_not_cancel(found),
        **_ways_on(request, found),
        "refresh_seconds": REFRESH_SECONDS,
        "look_seconds": LOOK_SECONDS,
    }
    if not request.htmx:
        context |= log_context(found, QueryDict())
    return page(request, "jobs/job.html", context, fragment="jobs/_progress.html")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_job", "lifecycle.cancel_job")
def cancel(request: PortalRequest, pk: int) -> HttpResponse:
    """GET, as after a login in between, leads to the job."""
    found = get_object_or_404(Job, pk=pk)
    if request.method != "POST":
        return redirect("job", pk=pk)
    try:
        cancel_job(job=found, by=request.user)
    except NotNow as error:
        messages.info(request, str(error))
        return redirect("job", pk=pk)
    waking.wake(found)
    messages.success(
        request, "Cancelling was asked for. The worker stops at the next safe point and undoes what it can."
    )
    return redirect("job", pk=pk)


def _ways_on(request: PortalRequest, found: Job) -> dict[str, Any]:
    """What this person can do with a job that is over, or why not."""
    if found.is_active or not request.user.has_perms(rerunning.PERMISSIONS):
        return {}
    has_failed = found.state in RESUMABLE_JOB_STATES
    return {
        "may_rerun": has_failed or bool(found.kept),
        "has_failed": has_failed,
        "why_not_resume": rerunning.why_not_resume(found) if has_failed else "",
        "why_not_keep_longer": rerunning.why_not_keep_longer(found),
        "why_not_clean_up": rerunning.why_not_clean_up(found),
        "keep_choices": KEEP_CHOICES,
    }
