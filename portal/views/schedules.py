"""Schedules: when they come, what came of each time, and an admin's hand on them. Windows: portal/views/windows.py."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import appointments, schedules, topics
from lifecycle.errors import Incomplete, NotNow
from lifecycle.models import Schedule, ScheduleRun, Window
from lifecycle.schedules import SCHEDULABLE
from lifecycle.states import Action
from portal import live, waking
from portal.forms.fields import sensible
from portal.forms.schedules import PauseForm, PreviewForm, ScheduleForm
from portal.http import PortalRequest, needs, page
from portal.pages import paginated
from portal.pictures import times

_SEEN = Schedule.objects.select_related("vdisk", "window", "owner")
MANAGES = ("lifecycle.view_schedule", "lifecycle.manage_schedule")


@require_safe
@needs("lifecycle.view_schedule")
def schedule_list(request: PortalRequest) -> HttpResponse:
    listed = paginated(request, _SEEN.order_by("name"))
    now = timezone.now()
    context = {
        **listed,
        "rows": times.rows(listed["page_obj"].object_list, now),
        "windows": [(each, *_opens(each)) for each in Window.objects.all()],
        "may_manage": request.user.has_perm("lifecycle.manage_schedule"),
    }
    return page(request, "schedules/schedules.html", context, fragment="schedules/_list.html")


@require_safe
@needs("lifecycle.view_schedule")
def stopped(request: PortalRequest) -> HttpResponse:
    """The notice on the board, which it fetches anew when a schedule stops itself or goes on."""
    return render(request, "schedules/_stopped.html", {"stopped": schedules.stopped()})


@require_safe
@needs("lifecycle.view_schedule")
def schedule(request: PortalRequest, pk: int) -> HttpResponse:
    return _show(request, get_object_or_404(_SEEN, pk=pk))


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def new(request: PortalRequest) -> HttpResponse:
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def edit(request: PortalRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(_SEEN, pk=pk))


@require_safe
@needs(*MANAGES)
def preview(request: PortalRequest) -> HttpResponse:
    """The next times of what stands in the form now."""
    return render(request, "schedules/_preview.html", previewed(sensible(PreviewForm(request.GET))))


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def pause(request: PortalRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_SEEN, pk=pk)
    form = PauseForm(request.POST)
    if request.method == "POST" and not form.is_valid():
        return _show(request, found, pause_form=form, status=422)
    return _deed(
        request,
        found,
        lambda: schedules.pause(found, by=request.user, reason=form.cleaned_data["reason"]),
        "It is paused: no further time is kept until somebody resumes it.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def resume(request: PortalRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_SEEN, pk=pk)
    return _deed(request, found, lambda: schedules.resume(found, by=request.user), "It goes on with its next time.")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES, "lifecycle.operate_version")
def run(request: PortalRequest, pk: int) -> HttpResponse:
    """Start it out of turn, and go to its job."""
    found = get_object_or_404(_SEEN, pk=pk)
    if request.method != "POST":
        return redirect("schedule", pk=pk)
    try:
        job = appointments.run_now(found, by=request.user, now=timezone.now())
    except NotNow as error:
        return _show(request, found, refusal=str(error), status=409)
    waking.wake(job)
    live.publish(topics.SCHEDULES)
    return redirect("job", pk=job.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def remove(request: PortalRequest, pk: int) -> HttpResponse:
    """GET asks whether it is meant; POST does it."""
    found = get_object_or_404(_SEEN, pk=pk)
    if request.method != "POST":
        context = {"schedule": found, "times": times.of_schedule(found), "runs": found.appointments.count()}
        return render(request, "schedules/remove.html", context)
    try:
        schedules.remove(found, by=request.user)
    except NotNow as error:
        messages.info(request, str(error))
    else:
        live.publish(topics.SCHEDULES)
        messages.success(request, f"The schedule “{found.name}” is removed. Its jobs and the audit trail stay.")
    return redirect("schedules")


def previewed(wanted: dict[str, Any]) -> dict[str, Any]:
    """The next times for what was given: those of the window, where one is chosen."""
    window: Window | None = wanted.get("window")
    fields = window.cron if window else wanted.get("cron", "")
    zone = window.time_zone if window else wanted.get("time_zone", "")
    if not fields:
        return {"times": [], "why_none": "", "zone": zone}
    found, why_none = times.preview(fields, zone, timezone.now())
    explained = "" if why_none else times.in_words(fields, zone)
    return {"times": found, "why_none": why_none, "zone": zone, "explained": explained}


def _edit(request: PortalRequest, of: Schedule | None) -> HttpResponse:
    if request.method != "POST":
        return _form(request, of, ScheduleForm(initial=ScheduleForm.values(of) if of else _suggested(request)))
    form = ScheduleForm(request.POST)
    if "preview" in request.POST:
        return _form(request, of, ScheduleForm(initial=request.POST.dict()))
    if not form.is_valid():
        return _form(request, of, form, status=422)
    try:
        if of is None:
            of = schedules.make(form.terms(), by=request.user)
        else:
            schedules.change(of, form.terms(), by=request.user)
    except Incomplete as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _form(request, of, form, status=422)
    live.publish(topics.SCHEDULES)
    messages.success(request, f"The schedule “{form.terms().name.strip()}” is saved.")
    return redirect("schedule", pk=of.pk)


def _suggested(request: PortalRequest) -> dict[str, Any]:
    """What the address says already, as a link from a vDisk's page does."""
    return {name: request.GET[name] for name in ("vdisk", "kind", "window") if name in request.GET}


def _form(request: PortalRequest, of: Schedule | None, form: ScheduleForm, status: int = 200) -> HttpResponse:
    given = form.data if form.is_bound else {**form.initial, "window": _key(form.initial.get("window"))}
    why_not = [(action.label, words) for action, words in SCHEDULABLE.items() if words]
    context = {
        "form": form,
        "schedule": of,
        "is_others": of is not None and of.owner_id != request.user.pk,
        "why_not": why_not,
        **previewed(sensible(PreviewForm(given))),
    }
    return render(request, "schedules/edit.html", context, status=status)


def _key(value: Any) -> Any:
    return value.pk if isinstance(value, Window) else value


def _show(
    request: PortalRequest,
    found: Schedule,
    *,
    pause_form: PauseForm | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    may_manage = request.user.has_perm("lifecycle.manage_schedule")
    context = {
        "schedule": found,
        "does": Action(found.kind).label,
        "times_in_words": times.of_schedule(found),
        "next": times.next_of(found, now),
        **times.following(found, now),
        **paginated(request, ScheduleRun.objects.filter(schedule=found).select_related("job")),
        "may_manage": may_manage,
        "may_run": may_manage and request.user.has_perm("lifecycle.operate_version"),
        "pause_form": pause_form or PauseForm(),
        "refusal": refusal,
    }
    return page(request, "schedules/schedule.html", context, fragment="schedules/_schedule.html", status=status)


def _deed(request: PortalRequest, found: Schedule, deed: Any, done: str) -> HttpResponse:
    """Do it and show the schedule; GET, as after a login in between, leads there too."""
    if request.method == "POST":
        try:
            deed()
        except NotNow as error:
            messages.info(request, str(error))
        else:
            live.publish(topics.SCHEDULES)
            messages.success(request, done)
    return redirect("schedule", pk=found.pk)


def _opens(window: Window) -> tuple[str, times.Appointed | None, int]:
    found, _why_none = times.preview(window.cron, window.time_zone, timezone.now())
    return times.of_window(window), found[0] if found else None, window.minutes
