"""How ready a vDisk is to be rebuilt, which way to take for a change, and the book that tells all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from lifecycle.models import VDisk
from lifecycle.portfolio import shelf
from lifecycle.portfolio.advice import advise
from lifecycle.portfolio.book import Book
from lifecycle.portfolio.book import write as write_book
from lifecycle.portfolio.matching import Cover
from lifecycle.portfolio.readiness import readiness as judge
from lifecycle.portfolio.situation import Wanted
from lifecycle.portfolio.surveying import survey
from portal.books import markdown, pdf
from portal.forms.fields import sensible
from portal.forms.portfolio import AdviceForm
from portal.http import PortalRequest, needs, page

SEES = ("lifecycle.view_package", "lifecycle.view_content", "lifecycle.view_vdisk")
OPEN = (Cover.UNCOVERED, Cover.UNSURE, Cover.LACKING)


@require_safe
@needs(*SEES)
def readiness(request: PortalRequest, pk: int) -> HttpResponse:
    vdisk = get_object_or_404(VDisk.objects.select_related("store"), pk=pk)
    image = shelf.newest_image(vdisk)
    judged = judge(image.content.report, shelf.catalogue()) if image and image.content else None
    context = {
        "vdisk": vdisk,
        "image": image,
        "judged": judged,
        "open": judged.of(*OPEN) if judged else [],
        "settled": judged.of(Cover.READY, Cover.NEEDS_NONE) if judged else [],
    }
    return page(request, "portfolio/readiness.html", context)


@require_safe
@needs(*SEES)
def advice(request: PortalRequest, pk: int) -> HttpResponse:
    vdisk = get_object_or_404(VDisk.objects.with_chain(), pk=pk)
    form = AdviceForm(request.GET if "wanted" in request.GET else None)
    wanted = sensible(form) if form.is_bound else {}
    image = shelf.newest_image(vdisk)
    context: dict[str, Any] = {"vdisk": vdisk, "form": form, "image": image}
    if form.is_bound and not form.errors:
        situation = survey(
            vdisk,
            image.content if image else None,
            shelf.catalogue(),
            hypervisor=wanted["hypervisor"],
            days_left=wanted["days_left"],
        )
        context |= {"advice": advise(Wanted(wanted["wanted"]), situation), "situation": situation}
    return page(request, "portfolio/advice.html", context)


@require_safe
@needs(*SEES)
def book(request: PortalRequest, pk: int) -> HttpResponse:
    """The build book as a page, or with ``?as=md`` or ``?as=pdf`` as a file."""
    vdisk = get_object_or_404(VDisk.objects.with_chain().select_related("farm", "site", "store"), pk=pk)
    form = request.GET.get("as", "")
    if form not in ("", *_FILES):
        raise Http404("The build book is there as a page, as Markdown (md) and as PDF (pdf).")
    written = write_book(
        vdisk,
        with_changes=request.user.has_perm("lifecycle.view_changerequest"),
        with_jobs=request.user.has_perm("lifecycle.view_job"),
    )
    if not form:
        return page(request, "portfolio/book.html", {"vdisk": vdisk, "book": written})
    content_type, make = _FILES[form]
    name = slugify(vdisk.name) or f"vdisk-{vdisk.pk}"
    headers = {"Content-Disposition": f'attachment; filename="build-book-{name}.{form}"'}
    return HttpResponse(make(written), content_type=content_type, headers=headers)


_FILES: dict[str, tuple[str, Callable[[Book], str | bytes]]] = {
    "md": ("text/markdown; charset=utf-8", markdown.write),
    "pdf": ("application/pdf", pdf.write),
}
