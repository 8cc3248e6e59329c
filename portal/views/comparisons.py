"""Two versions side by side, of one vDisk or of two: what differs in their contents, and in their files."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import readings, topics
from lifecycle.errors import LifecycleError, NotNow
from lifecycle.models import Version
from portal import exports, live, waking
from portal.forms.contents import CompareForm
from portal.http import PortalRequest, needs, page
from portal.pictures import files as file_pictures
from portal.pictures.differences import Compared, Side, compared
from portal.views.contents import get_version


@require_safe
@needs("lifecycle.view_vdisk", "lifecycle.view_content")
def compare(request: PortalRequest) -> HttpResponse:
    """``?a=12-3&b=12-4``: the vDisk's key and the number of each. Without them, a form to choose."""
    asked = bool(request.GET.get("a") or request.GET.get("b"))
    form = CompareForm(request.GET if asked else None, choices=_choices())
    context: dict[str, Any] = {"form": form, "tab": "compare"}
    if asked and form.is_valid():
        found = _found(form.cleaned_data)
        context |= {"found": found, "files": file_pictures.files_of(found), "query": _query(found)}
        context |= {"may_compare": request.user.has_perm("lifecycle.inspect_image"), "who": readings.WHO_COMPARES}
        return page(request, "contents/compare.html", context, fragment="contents/_compare.html")
    return page(request, "contents/compare.html", context, status=422 if asked else 200)


@require_safe
@needs("lifecycle.view_vdisk", "lifecycle.view_content")
def compare_export(request: PortalRequest, form: str) -> HttpResponse:
    found = _asked(request)
    if found.difference is None:
        names = " and of ".join(side.name for side, _ in found.missing)
        raise NotNow(f"The contents of {names} are not known, so there is nothing to export.")
    return exports.of_difference(form, found)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_vdisk", "lifecycle.view_content", "lifecycle.inspect_image")
def compare_files(request: PortalRequest) -> HttpResponse:
    """Have a worker compare the files. GET, as after a login in between, leads to the comparison."""
    found = _asked(request)
    if request.method == "POST":
        try:
            job = readings.start_comparison(before=found.a.version, after=found.b.version, by=request.user)
        except LifecycleError as error:
            messages.error(request, str(error))
        else:
            waking.wake(job)
            live.publish(topics.JOBS)
            messages.success(request, f"Job {job.pk} compares the files. The result comes to this page.")
    return redirect(f"{reverse('content-compare')}?{_query(found)}#files")


def _asked(request: PortalRequest) -> Compared:
    given = request.POST if request.method == "POST" else request.GET
    form = CompareForm(given, choices=_choices())
    if not form.is_valid():
        raise Http404("Choose two versions that are there.")
    return _found(form.cleaned_data)


def _found(chosen: dict[str, str]) -> Compared:
    sides = []
    for name in ("a", "b"):
        pk, _, number = chosen[name].partition("-")
        sides.append(Side.of(*get_version(int(pk), int(number))))
    return compared(*sides)


def _query(found: Compared) -> str:
    return urlencode({"a": found.a.key, "b": found.b.key})


def _choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every version of now, by vDisk, in one query."""
    rows = Version.objects.filter(gone_at=None, vdisk__gone_at=None).order_by("vdisk__name", "vdisk_id", "-number")
    groups: dict[str, list[tuple[str, str]]] = {}
    for pk, name, number, description in rows.values_list("vdisk_id", "vdisk__name", "number", "description"):
        words = f"{name} version {number}" + (f": {description[:60]}" if description else "")
        groups.setdefault(name, []).append((f"{pk}-{number}", words))
    return list(groups.items())
