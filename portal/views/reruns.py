"""What people do with a job that failed: resume it, restart it from a step, keep or clean up what it left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from lifecycle import rerunning
from lifecycle.errors import Incomplete, NotNow
from lifecycle.models import Job, JobStep
from portal import waking
from portal.forms.jobs import KeepForm, RestartForm
from portal.http import PortalRequest, needs
from portal.pictures.words import exact

_methods = require_http_methods(["GET", "HEAD", "POST"])
_may = needs("lifecycle.view_job", *rerunning.PERMISSIONS)


@dataclass(frozen=True)
class Choice:
    """A step to restart from, or why not."""

    step: JobStep
    why_not: str


@_methods
@_may
def resume(request: PortalRequest, pk: int) -> HttpResponse:
    """GET, as after a login in between, leads to the job."""
    found = _job(pk)
    if request.method != "POST":
        return redirect("job", pk=pk)
    return _done_or_told(
        request, found, lambda: rerunning.resume_job(found, request.user), "Resumed: it goes on where it failed."
    )


@_methods
@_may
def restart(request: PortalRequest, pk: int) -> HttpResponse:
    """GET shows from which steps; POST restarts and goes to the job's page."""
    found = _job(pk)
    choices = [
        Choice(step, rerunning.why_not_restart(found, step.position)) for step in found.steps.order_by("position")
    ]
    if request.method != "POST":
        return _restart_page(request, found, choices, RestartForm(initial=_first(choices, request.GET.get("step"))))
    form = RestartForm(request.POST)
    if not form.is_valid():
        return _restart_page(request, found, choices, form, status=422)
    try:
        rerunning.restart_job(found, form.cleaned_data["step"], request.user, form.cleaned_data["reason"])
    except NotNow as error:
        return _restart_page(request, found, choices, form, status=409, refusal=str(error))
    waking.wake(found)
    messages.success(request, "Restarted: it begins again from the step you chose.")
    return redirect("job", pk=pk)


@_methods
@_may
def keep(request: PortalRequest, pk: int) -> HttpResponse:
    """Keep longer what a failed job left in place."""
    found = _job(pk)
    if request.method != "POST":
        return redirect("job", pk=pk)
    form = KeepForm(request.POST)
    if not form.is_valid():
        words = " ".join(f"{form[name].label}: {error}" for name, errors in form.errors.items() for error in errors)
        raise Incomplete("hours", words)
    return _done_or_told(
        request,
        found,
        lambda: rerunning.keep_longer(found, request.user, form.cleaned_data["hours"]),
        lambda: f"Kept until {exact(found.kept_until)}." if found.kept_until else "Kept.",
    )


@_methods
@_may
def clean_up(request: PortalRequest, pk: int) -> HttpResponse:
    """GET says what will be removed; POST has the job take it back."""
    found = _job(pk)
    if request.method != "POST":
        why_not = rerunning.why_not_clean_up(found)
        context = {"job": found, "refusal": why_not}
        return render(request, "jobs/clean_up.html", context, status=409 if why_not else 200)
    return _done_or_told(
        request,
        found,
        lambda: rerunning.clean_up(found, request.user),
        "Cleaning up was asked for. The job takes back what it did, step by step.",
    )


def _job(pk: int) -> Job:
    return get_object_or_404(Job.objects.select_related("vdisk", "change"), pk=pk)


def _done_or_told(
    request: PortalRequest, found: Job, deed: Callable[[], None], said: str | Callable[[], str]
) -> HttpResponse:
    """Back to the job, whose page shows what came of it; the second of two clicks is told how things stand now."""
    try:
        deed()
    except NotNow as error:
        messages.info(request, str(error))
    else:
        waking.wake(found)
        messages.success(request, said if isinstance(said, str) else said())
    return redirect("job", pk=found.pk)


def _first(choices: list[Choice], asked: str | None) -> dict[str, int]:
    """The step that was asked for, else the latest that is possible: what is done need not be done again."""
    possible = [choice.step.position for choice in choices if not choice.why_not]
    if (number := _number(asked)) in possible:
        return {"step": number}
    return {"step": possible[-1]} if possible else {}


def _number(typed: object) -> int | None:
    """The position of a step, as it came from a form or an address; None for anything else."""
    text = str(typed)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _restart_page(
    request: PortalRequest,
    found: Job,
    choices: list[Choice],
    form: RestartForm,
    *,
    status: int = 200,
    refusal: str = "",
) -> HttpResponse:
    is_possible = any(not choice.why_not for choice in choices)
    if not is_possible and not refusal:
        status, refusal = 409, _refusal(found, choices)
    context = {
        "job": found,
        "choices": choices,
        "form": form,
        "refusal": refusal,
        "is_possible": is_possible,
        "chosen": _number(form["step"].value()),
    }
    return render(request, "jobs/restart.html", context, status=status)


def _refusal(found: Job, choices: list[Choice]) -> str:
    reasons = {choice.why_not for choice in choices}
    if len(reasons) == 1:
        return reasons.pop()
    return "It can be restarted from none of its steps." if choices else rerunning.why_not_resume(found)
