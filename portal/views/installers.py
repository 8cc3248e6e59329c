"""The package folder: what lies in it, and how files come into it, in one piece or in many."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import topics
from lifecycle.errors import Incomplete, LifecycleError, NotNow
from lifecycle.installers.facts import Facts
from lifecycle.models import Installer, Package, SourceFile, Upload
from lifecycle.package_kinds import FileState, InstallerKind
from portal import live, receiving
from portal.forms.packages import UploadForm
from portal.http import PortalRequest, needs
from portal.pages import paginated
from portal.views.packages import MANAGES, SEES


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def installers(request: PortalRequest) -> HttpResponse:
    """What lies in the folder; a POST is the plain form, with the whole file."""
    if request.method != "POST":
        return _list(request, UploadForm())
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, form, status=422)
    file = form.cleaned_data["file"]
    try:
        made = receiving.whole(
            file.name, file.size, file.chunks(receiving.PIECE), sha256=form.cleaned_data["sha256"], by=request.user
        )
    except Incomplete as error:
        form.add_error("sha256" if error.field == "sha256" else "file", str(error))
        return _list(request, form, status=422)
    except NotNow as error:
        return _list(request, form, refusal=str(error), status=409)
    live.publish(topics.PACKAGES)
    messages.success(request, f"{made.name} lies in the package folder.")
    return redirect("installer", pk=made.pk)


@require_safe
@needs(SEES)
def installer(request: PortalRequest, pk: int) -> HttpResponse:
    """What one file says of itself, who uses it, and what can be made of it."""
    found = get_object_or_404(Installer.objects.select_related("uploaded_by"), pk=pk)
    facts = Facts.of(found.facts)
    uses = SourceFile.objects.filter(sha256=found.sha256).select_related("revision__package")
    context = {
        "installer": found,
        "facts": facts,
        "kind": InstallerKind(facts.kind).label if facts.kind in InstallerKind.values else facts.kind,
        "uses": uses.order_by("revision__package__key", "-revision__number"),
        "packages": Package.objects.in_use().for_list(),
        "may_manage": request.user.has_perm("lifecycle.manage_package"),
    }
    return render(request, "packages/installer.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def check(request: PortalRequest, pk: int) -> HttpResponse:
    """Read it from its first byte to its last and compare the digest."""
    found = get_object_or_404(Installer, pk=pk)
    if request.method == "POST":
        try:
            state = receiving.check(found, by=request.user)
        except NotNow as error:
            messages.error(request, str(error))
        else:
            live.publish(topics.PACKAGES)
            say = messages.success if state == FileState.IN_PLACE else messages.error
            say(request, f"{found.name}: {state.label}.")
    return redirect("installer", pk=pk)


def _in_json(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refusals as JSON, for the script that sends the pieces: ``words``, ``field``, ``offset`` to go on at."""

    @functools.wraps(view)
    def answered(request: PortalRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except receiving.WrongOffset as error:
            return JsonResponse({"words": str(error), "offset": error.offset}, status=409)
        except Incomplete as error:
            return JsonResponse({"words": str(error), "field": error.field}, status=422)
        except LifecycleError as error:
            return JsonResponse({"words": str(error)}, status=409)

    return answered


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
@_in_json
def upload_start(request: PortalRequest) -> HttpResponse:
    """Begin an upload in pieces, or go on with one: answers where it goes, and where the next piece begins."""
    if request.method != "POST":
        return redirect("installers")
    size = request.POST.get("size", "")
    if not (size.isascii() and size.isdigit() and len(size) <= 18):
        raise Incomplete("size", "Say how large the file is, in bytes.")
    upload = receiving.start(
        name=request.POST.get("name", ""),
        size=int(size),
        sha256=request.POST.get("sha256", ""),
        mark=request.POST.get("mark", ""),
        by=request.user,
    )
    return _state(upload)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
@_in_json
def upload(request: PortalRequest, uid: UUID) -> HttpResponse:
    """GET: how far it is. POST: a piece, which begins at ``Upload-Offset``; ``Upload-SHA256`` is that of the piece.

    The last piece answers with the address of the installer, after the whole was verified.
    """
    found = get_object_or_404(Upload, uid=uid, by=request.user)
    if request.method != "POST":
        return _state(found)
    offset = request.headers.get("Upload-Offset", "")
    if not (offset.isascii() and offset.isdigit() and len(offset) <= 18):
        raise Incomplete("offset", "Say in Upload-Offset where this piece begins.")
    came = receiving.append(
        found, receiving.pieces_of(request), offset=int(offset), sha256=request.headers.get("Upload-SHA256", "")
    )
    if came < found.size:
        return _state(found)
    made = receiving.finish(found, by=request.user)
    live.publish(topics.PACKAGES)
    return JsonResponse({"offset": came, "size": made.size, "done": reverse("installer", args=[made.pk])})


def _state(of: Upload) -> JsonResponse:
    return JsonResponse(
        {"address": reverse("upload", args=[of.uid]), "offset": receiving.received(of), "size": of.size}
    )


def _list(request: PortalRequest, form: UploadForm, *, refusal: str = "", status: int = 200) -> HttpResponse:
    listed = paginated(request, Installer.objects.select_related("uploaded_by").order_by("-uploaded_at", "-id"))
    digests = [each.sha256 for each in listed["page_obj"].object_list]
    uses = SourceFile.objects.filter(sha256__in=digests).order_by().values_list("sha256").annotate(Count("id"))
    context = {
        **listed,
        "form": form,
        "uses": dict(uses),
        "under_way": [(each, receiving.received(each)) for each in Upload.objects.select_related("by")[:20]],
        "limit": settings.PORTAL_PACKAGE_LIMIT_MB,
        "refusal": refusal,
    }
    return render(request, "packages/installers.html", context, status=status)
