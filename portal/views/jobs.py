"""Jobs: what the workers do, step by step, with a log that grows while one looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import topics
from lifecycle.errors import NotNow
from lifecycle.models import Job, JobLogLine, JobStep
from lifecycle.operations import cancel_job
from lifecycle.states import StepState
from portal import live, waking
from portal.forms.fields import sensible
from portal.forms.jobs import JobFilter
from portal.http import PortalRequest, needs, page
from portal.pages import paginated

LINES_PER_FETCH = 500
REFRESH_SECONDS = 3  # of the page without JavaScript, while the job is active


@dataclass(frozen=True)
class Answer:
    """A return code of PVS and its words."""

    code: int
    words: str


@dataclass(frozen=True)
class StepPart:
    row: JobStep
    message: str
    answer: Answer | None


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
    context = {"form": form, **paginated(request, rows)}
    return page(request, "jobs/jobs.html", context, fragment="jobs/_list.html")


@require_safe
@needs("lifecycle.view_job")
def job(request: PortalRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(
        Job.objects.select_related("vdisk", "requested_by", "change__requested_by", "cancel_requested_by"), pk=pk
    )
    context = {
        "job": found,
        **_progress(found),
        "may_cancel": found.is_active and not found.is_cancelling and request.user.has_perm("lifecycle.cancel_job"),
        "refresh_seconds": REFRESH_SECONDS,
    }
    if not request.htmx:
        context |= _log(found, after=max(0, found.lines - LINES_PER_FETCH))
    return page(request, "jobs/job.html", context, fragment="jobs/_progress.html")


@require_safe
@needs("lifecycle.view_job")
def log(request: PortalRequest, pk: int) -> HttpResponse:
    """The lines after number ``after``, and the element that will ask for those after these."""
    found = get_object_or_404(Job, pk=pk)
    text = request.GET.get("after", "")
    after = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
    return render(request, "jobs/_log.html", {"job": found, **_log(found, after=after)})


@require_safe
@needs("lifecycle.view_job")
def log_download(request: PortalRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Job, pk=pk)
    lines = (
        f"{line.at:%Y-%m-%d %H:%M:%S}Z {line.level:7} {line.text}\n"
        for line in found.log.order_by("number").iterator(chunk_size=2000)
    )
    response = HttpResponse(
        f"{found.title}\n{found.state}: {found.outcome}\n\n", content_type="text/plain; charset=utf-8"
    )
    response.writelines(lines)
    response["Content-Disposition"] = f'attachment; filename="job-{found.pk}.txt"'
    return response


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
    live.publish(topics.job(pk))
    messages.success(
        request, "Cancelling was asked for. The worker stops at the next safe point and undoes what it can."
    )
    return redirect("job", pk=pk)


def _progress(found: Job) -> dict[str, Any]:
    """The steps, and PVS's answer to the one that failed. Once the job is over its outcome stands on top, said once."""
    steps = list(found.steps.order_by("position"))
    failed = next((step for step in steps if step.state == StepState.FAILED), None)
    reached = steps[: steps.index(failed)] if failed else steps
    over = sum(step.state in (StepState.DONE, StepState.SKIPPED) for step in reached)
    outcome = "" if found.is_active else found.outcome
    answer = _answer(failed, outcome) if failed and outcome else None
    return {"steps": [_part(step, outcome, answer) for step in steps], "steps_over": over, "answer": answer}


def _part(step: JobStep, outcome: str, on_top: Answer | None) -> StepPart:
    message = "" if step.message and step.message in outcome else step.message
    answer = _answer(step, f"{outcome} {step.message}")
    is_said = answer and on_top and answer.code == on_top.code
    return StepPart(step, message, None if is_said else answer)


def _answer(step: JobStep, said: str) -> Answer | None:
    """What PVS answered, without words that the page has ``said`` already; None when it did not answer."""
    if step.error_code is None:
        return None
    return Answer(step.error_code, "" if step.error_words in said else step.error_words)


def _log(found: Job, *, after: int) -> dict[str, Any]:
    lines = list(JobLogLine.objects.filter(job=found, number__gt=after).order_by("number")[:LINES_PER_FETCH])
    return {
        "lines": lines,
        "last_line": lines[-1].number if lines else after,
        "has_more_lines": len(lines) == LINES_PER_FETCH,
        "lines_skipped": after if not lines or lines[0].number > 1 else 0,
    }
