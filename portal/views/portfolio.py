"""The application portfolio: what all images hold, which packages cover it, and what a person decides about it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from lifecycle.errors import Incomplete, LifecycleError
from lifecycle.models import ContentItem, ProgramRule, Target, VersionImage
from lifecycle.portfolio import decisions, drafts, overview, shelf
from lifecycle.portfolio.matching import Cover
from lifecycle.portfolio.overview import Line
from portal.forms.fields import sensible
from portal.forms.portfolio import DecisionForm, KeyForm, PortfolioFilter
from portal.http import PortalRequest, needs, page
from portal.pages import PER_PAGE

SEES = ("lifecycle.view_package", "lifecycle.view_content", "lifecycle.view_vdisk")


@require_safe
@needs(*SEES)
def portfolio(request: PortalRequest) -> HttpResponse:
    form = PortfolioFilter(request.GET)
    wanted = sensible(form)
    everything = overview.lines(shelf.catalogue())
    named = [line for line in everything if _has_words(line, wanted.get("text") or "")]
    chosen = wanted.get("cover") or ""
    found = [line for line in named if not chosen or line.match.cover == chosen]
    if form.errors:
        found = []
    kept = request.GET.copy()
    kept.pop("page", None)
    context = {
        "form": form,
        "covers": _covers(request, named, chosen),
        "covered": _covered(everything),
        "page_obj": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "query": kept.urlencode(),
    }
    return page(request, "portfolio/portfolio.html", context, fragment="portfolio/_list.html")


@require_safe
@needs(*SEES)
def program(request: PortalRequest) -> HttpResponse:
    form = KeyForm(request.GET)
    if not form.is_valid():
        raise Http404("No program was named.")
    return _program_page(request, form.cleaned_data["key"])


@require_POST
@needs(*SEES, "lifecycle.manage_package")
def decide(request: PortalRequest) -> HttpResponse:
    form = DecisionForm(request.POST)
    key = request.POST.get("key", "")
    if form.is_valid():
        line = _line(key)
        wanted = {"package": form.cleaned_data["package"], "needs_none": form.cleaned_data["needs_none"]}
        try:
            decisions.decide(key=key, name=line.name, publisher=line.publisher, by=request.user, **wanted)
        except Incomplete as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(request, f"Decided: {line.name}.")
            return redirect(_address(key))
    return _program_page(request, key, form, status=400)


@require_POST
@needs(*SEES, "lifecycle.manage_package")
def withdraw(request: PortalRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(ProgramRule.objects.select_related("package"), pk=pk)
    decisions.withdraw(rule, by=request.user)
    messages.success(request, f"Nothing is decided about {rule.name} any more.")
    return redirect(_address(rule.key))


@require_POST
@needs(*SEES, "lifecycle.manage_package")
def draft(request: PortalRequest) -> HttpResponse:
    """One click: a package with what the image knows, and the decision that it installs the program."""
    key = request.POST.get("key", "")
    line = _line(key)
    seen = drafts.sighting(key)
    if seen is None:
        messages.error(request, f"No image that is in the farm now holds {line.name}; nothing was made.")
        return redirect(_address(key))
    if line.match.cover not in (Cover.UNCOVERED, Cover.UNSURE):
        messages.error(request, f"{line.name} is decided already: {line.match.words}.")
        return redirect(_address(key))
    try:
        package = drafts.draft(seen, key, by=request.user)
    except LifecycleError as refusal:
        messages.error(request, str(refusal))
        return redirect(_address(key))
    messages.success(request, f"A draft was made from {seen.vdisk} version {seen.number}; it needs the installer now.")
    return redirect("package", package.pk)


def _program_page(
    request: PortalRequest, key: str, form: DecisionForm | None = None, *, status: int = 200
) -> HttpResponse:
    line = _line(key)
    rule = ProgramRule.objects.select_related("package__current", "decided_by").filter(key=key).first()
    context = {
        "line": line,
        "rule": rule,
        "form": form or DecisionForm(initial={"key": key, "package": rule.package_id if rule else None}),
        "places": _places(key),
        "is_open": line.match.cover in (Cover.UNCOVERED, Cover.UNSURE),
    }
    return page(request, "portfolio/program.html", context, status=status)


def _line(key: str) -> Line:
    found = overview.lines(shelf.catalogue(), key) if key else []
    if not found:
        raise Http404("No image that was read holds this program.")
    return found[0]


def _places(key: str) -> list[dict[str, Any]]:
    """Versions that hold it, each with the program's version there and how many targets run it."""
    held: QuerySet[ContentItem] = ContentItem.objects.filter(key=key)
    versions: dict[int, set[str]] = {}
    for content, version in held.values_list("content", "version"):
        versions.setdefault(content, set()).add(version)
    images = (
        VersionImage.objects.filter(content__in=versions, version__gone_at=None, version__vdisk__gone_at=None)
        .select_related("version__vdisk")
        .order_by("version__vdisk__name", "-version__number")
    )
    running: dict[tuple[int | None, int | None], int] = {}
    for place in Target.objects.present().filter(active=True).values_list("booted_vdisk", "booted_version"):
        running[place] = running.get(place, 0) + 1
    return [
        {
            "version": image.version,
            "held": ", ".join(sorted(versions[image.content_id or 0])),
            "targets": running.get((image.version.vdisk_id, image.version.number), 0),
        }
        for image in images
    ]


def _has_words(line: Line, words: str) -> bool:
    shown = f"{line.name} {line.publisher}".casefold()
    return all(word in shown for word in words.casefold().split())


def _covers(request: PortalRequest, found: list[Line], chosen: str) -> list[dict[str, Any]]:
    """A link per state with its count."""
    links = []
    for cover, count in overview.counts(found).items():
        address = request.GET.copy()
        address.pop("page", None)
        address["cover"] = "" if cover == chosen else cover.value
        links.append({"cover": cover, "count": count, "query": address.urlencode(), "is_chosen": cover == chosen})
    return links


def _covered(found: list[Line]) -> dict[str, int]:
    ready = sum(line.match.cover in (Cover.READY, Cover.NEEDS_NONE) for line in found)
    return {"ready": ready, "all": len(found), "percent": ready * 100 // len(found) if found else 0}


def _address(key: str) -> str:
    return f"{reverse('portfolio-program')}?{urlencode({'key': key})}"
