"""Search across images: which versions, and which running targets, contain something in this or that version of it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, QueryDict
from django.views.decorators.http import require_safe

from lifecycle import searching
from lifecycle.contents import LABELS, Category
from lifecycle.models import Watch
from lifecycle.searching import Wanted
from portal.forms.contents import SearchForm
from portal.http import PortalRequest, needs, page
from portal.pages import paginated

NEEDS = ("words", "version", "comparison", "category", "vdisk")


@require_safe
@needs("lifecycle.view_vdisk", "lifecycle.view_content")
def search(request: PortalRequest) -> HttpResponse:
    asked = any(request.GET.get(name) for name in NEEDS)
    form = SearchForm(_given(request) if asked else None)
    shows_targets = request.GET.get("show") == "targets" and request.user.has_perm("lifecycle.view_target")
    context: dict[str, Any] = {"form": form, "tab": "search", "asked": asked, "shows_targets": shows_targets}
    if asked and form.is_valid():
        wanted = form.wanted()
        context |= {
            "wanted": wanted,
            "labels": {str(category): LABELS[category] for category in Category},
            "without_version": searching.without_version(wanted),
            "of_other_kinds": searching.of_other_kinds(wanted),
            "unread": searching.unread(),
            "kept": _kept(request, wanted),
            "queries": _queries(request),
            **_rows(request, wanted, shows_targets),
        }
    return page(request, "contents/search.html", context, fragment="contents/_found.html")


def _given(request: PortalRequest) -> QueryDict:
    """What the address asks for; of programs, where it names no kind."""
    given = request.GET.copy()
    given.setdefault("category", Category.PROGRAMS.value)
    return given


def _rows(request: PortalRequest, wanted: Wanted, shows_targets: bool) -> dict[str, Any]:
    if shows_targets:
        return paginated(request, searching.running_targets(wanted))
    return paginated(request, searching.in_versions(wanted))


def _kept(request: PortalRequest, wanted: Wanted) -> Watch | None:
    """The same search among those this person keeps."""
    return Watch.objects.filter(
        owner=request.user,
        words=" ".join(wanted.words.split()),
        category=wanted.category,
        comparison=wanted.comparison,
        version=wanted.version.strip(),
        vdisk=wanted.vdisk,
    ).first()


def _queries(request: PortalRequest) -> dict[str, str]:
    """The address's search for each of the two lists."""
    kept = request.GET.copy()
    for name in ("page", "show"):
        kept.pop(name, None)
    versions = kept.urlencode()
    kept["category"] = ""
    shown = "&show=targets" if request.GET.get("show") == "targets" else ""
    return {
        "versions": versions,
        "targets": f"{versions}&show=targets",
        "any_kind": f"{kept.urlencode()}{shown}",
    }
