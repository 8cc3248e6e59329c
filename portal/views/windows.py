"""Maintenance windows: when they open, for how long, and which schedules run in them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from lifecycle import topics, windows
from lifecycle.errors import Incomplete, NotNow
from lifecycle.models import Window
from portal import live
from portal.forms.fields import sensible
from portal.forms.schedules import PreviewForm, WindowForm
from portal.http import PortalRequest, needs
from portal.pictures import times
from portal.views.schedules import MANAGES, previewed


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def new(request: PortalRequest) -> HttpResponse:
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def edit(request: PortalRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Window, pk=pk))


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def remove(request: PortalRequest, pk: int) -> HttpResponse:
    """GET asks whether it is meant; POST does it."""
    found = get_object_or_404(Window, pk=pk)
    context = {"window": found, "times": times.of_window(found), "used_by": list(found.schedules.all())}
    if request.method != "POST":
        return render(request, "schedules/remove_window.html", context)
    try:
        windows.remove(found, by=request.user)
    except NotNow as error:
        return render(request, "schedules/remove_window.html", context | {"refusal": str(error)}, status=409)
    live.publish(topics.SCHEDULES)
    messages.success(request, f"The window “{found.name}” is removed.")
    return redirect("schedules")


def _edit(request: PortalRequest, of: Window | None) -> HttpResponse:
    if request.method != "POST":
        return _form(request, of, WindowForm(initial=WindowForm.values(of) if of else {}))
    if "preview" in request.POST:
        return _form(request, of, WindowForm(initial=request.POST.dict()))
    form = WindowForm(request.POST)
    if not form.is_valid():
        return _form(request, of, form, status=422)
    try:
        if of is None:
            of = windows.make(form.opening(), by=request.user)
        else:
            windows.change(of, form.opening(), by=request.user)
    except Incomplete as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _form(request, of, form, status=422)
    live.publish(topics.SCHEDULES)
    messages.success(request, f"The window “{form.opening().name.strip()}” is saved.")
    return redirect("schedules")


def _form(request: PortalRequest, of: Window | None, form: WindowForm, status: int = 200) -> HttpResponse:
    given = form.data if form.is_bound else form.initial
    context = {
        "form": form,
        "window": of,
        "used_by": list(of.schedules.all()) if of else [],
        **previewed(sensible(PreviewForm(given))),
    }
    return render(request, "schedules/edit_window.html", context, status=status)
