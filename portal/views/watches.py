"""Kept searches and what they found: each person sees their own."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import watching
from lifecycle.errors import Incomplete, NotNow
from lifecycle.models import Notice, Watch
from portal.forms.contents import KeepForm
from portal.http import PortalRequest, needs, page
from portal.pages import paginated


@require_safe
@needs("lifecycle.view_content", "lifecycle.manage_watch")
def watches(request: PortalRequest) -> HttpResponse:
    """The searches this person keeps, and what they found, the newest first."""
    kept = Watch.objects.filter(owner=request.user).select_related("vdisk")
    notices = Notice.objects.of(request.user).select_related("watch", "watch__vdisk", "version__vdisk")
    context = {
        "tab": "watches",
        "watches": [
            (watch, search_address(watch))
            for watch in kept.annotate(unseen=Count("notices", filter=Q(notices__seen_at=None)))
        ],
        **paginated(request, notices),
        "unseen": Notice.objects.of(request.user).unseen().count(),
    }
    return page(request, "watches/watches.html", context, fragment="watches/_notices.html")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_content", "lifecycle.manage_watch")
def keep(request: PortalRequest) -> HttpResponse:
    """Keep a search; the fields are those of the search page."""
    form = KeepForm(request.POST if request.method == "POST" else request.GET)
    if request.method == "POST" and form.is_valid():
        try:
            watch = watching.keep(form.wanted(), by=request.user, by_mail=form.cleaned_data.get("by_mail", False))
        except Incomplete as error:
            form.add_error(error.field, str(error))
        except NotNow as error:
            messages.info(request, str(error))
            return redirect("watches")
        else:
            messages.success(request, f"Kept. You are told when new contents hold {watch}.")
            return redirect("watches")
    status = 422 if request.method == "POST" else 200
    return render(request, "watches/keep.html", {"form": form, "tab": "watches"}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_content", "lifecycle.manage_watch")
def drop(request: PortalRequest, pk: int) -> HttpResponse:
    """Another person's is not there."""
    if request.method == "POST":
        watch = Watch.objects.filter(owner=request.user, pk=pk).first()
        if watch is not None:
            watching.drop(watch, by=request.user)
            messages.success(request, "No longer kept.")
        return redirect("watches")
    get_object_or_404(Watch, owner=request.user, pk=pk)
    return redirect("watches")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_content", "lifecycle.manage_watch")
def seen(request: PortalRequest) -> HttpResponse:
    """Nothing that was found up to now is new any more."""
    if request.method == "POST":
        watching.mark_seen(request.user)
    return redirect("watches")


def search_address(watch: Watch) -> str:
    values = {
        "words": watch.words,
        "comparison": watch.comparison,
        "version": watch.version,
        "category": watch.category,
        "vdisk": watch.vdisk_id or "",
    }
    told = {name: value for name, value in values.items() if value or name == "category"}
    return f"{reverse('content-search')}?{urlencode(told)}"
