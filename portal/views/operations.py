"""The operations page: whether all that does the work is there, what waits and for what; and the same as metrics."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import topics
from lifecycle.draining import ask_drain, take_up_again
from lifecycle.errors import NotNow
from lifecycle.models import Worker
from portal import live, metrics
from portal.http import PortalRequest, needs, needs_token, page
from portal.pictures.operations import picture

REFRESH_SECONDS = 10
"""Of the page without JavaScript; with it, the page looks every 5 s (templates/operations/_now.html)."""


@require_safe
@needs("lifecycle.view_operations", "lifecycle.view_job")
def operations(request: PortalRequest) -> HttpResponse:
    context = {
        "now": picture(),
        "may_drain": request.user.has_perm("lifecycle.drain_worker"),
        "refresh_seconds": REFRESH_SECONDS,
    }
    return page(request, "operations/operations.html", context, fragment="operations/_now.html")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_operations", "lifecycle.drain_worker")
def drain(request: PortalRequest, pk: int) -> HttpResponse:
    """GET, as after a login in between, leads to the page."""
    done = "It takes no more work and finishes what it has. It can be stopped once it is drained."
    return _order(request, pk, ask_drain, done)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_operations", "lifecycle.drain_worker")
def undrain(request: PortalRequest, pk: int) -> HttpResponse:
    return _order(request, pk, take_up_again, "It takes up work again.")


@require_safe
@needs_token("PORTAL_METRICS_TOKEN", "lifecycle.view_operations")
def metrics_text(request: HttpRequest) -> HttpResponse:
    text, content_type = metrics.render(request.headers.get("Accept", ""))
    return HttpResponse(text, content_type=content_type)


def _order(request: PortalRequest, pk: int, order: Callable[[Worker, User], None], done: str) -> HttpResponse:
    worker = get_object_or_404(Worker, pk=pk)
    if request.method == "POST":
        try:
            order(worker, request.user)
        except NotNow as error:
            messages.info(request, str(error))
        else:
            messages.success(request, f"{worker.name}: {done}")
            live.publish(topics.OPERATIONS)
    return redirect("operations")
