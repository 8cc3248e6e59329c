"""What is inside the images: a list of all, and the contents of one version."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F, Func, IntegerField, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import contents, readings, topics
from lifecycle.contents import Category
from lifecycle.errors import LifecycleError, NotNow
from lifecycle.models import VDisk, Version
from lifecycle.states import Reading
from portal import exports, live, waking
from portal.forms.contents import ContentFilter, ImagesFilter
from portal.forms.fields import sensible
from portal.http import PortalRequest, needs, page
from portal.pages import paginated
from portal.pictures import contents as pictures
from portal.pictures.differences import Side, compared

PER_PAGE = 100


@require_safe
@needs("lifecycle.view_content")
def images(request: PortalRequest) -> HttpResponse:
    """Every version with what is known of its contents."""
    form = ImagesFilter(request.GET)
    wanted = sensible(form)
    rows = _filtered(Version.objects.filter(gone_at=None, vdisk__gone_at=None), wanted)
    context = {
        "form": form,
        "tab": "images",
        **paginated(request, _with_summary(rows).order_by("vdisk__name", "vdisk_id", "-number")),
    }
    return page(request, "contents/images.html", context, fragment="contents/_images.html")


def _filtered(rows: QuerySet[Version], wanted: dict[str, Any]) -> QuerySet[Version]:
    rows = rows.filter(vdisk__name__icontains=wanted.get("text") or "")
    state = wanted.get("state")
    if state == "read":
        return rows.exclude(Q(image=None) | Q(image__content=None))
    if state == "unread":
        return rows.filter(Q(image=None) | Q(image__content=None))
    if state == "partial":
        return rows.filter(image__content__partial=True)
    return rows


def _of_system(name: str) -> KeyTextTransform:
    return KeyTextTransform(name, KeyTransform("os", "image__content__report"))


def _with_summary(rows: QuerySet[Version]) -> QuerySet[Any, Any]:
    """A few values of each report; the reports themselves stay in the database."""
    signs = Func(
        F("image__content__report"),
        template="jsonb_array_length(jsonb_path_query_array(%(expressions)s, '$.signs[*].sign'))",
        output_field=IntegerField(),
    )
    return rows.annotate(
        vdisk_name=F("vdisk__name"),
        store_name=F("vdisk__store__name"),
        content=F("image__content"),
        partial=F("image__content__partial"),
        taken_at=F("image__content__taken_at"),
        problem=F("image__problem"),
        os_name=_of_system("name"),
        os_release=_of_system("display_version"),
        os_build=_of_system("full_build"),
        signs=signs,
    ).values(
        "vdisk_id",
        "number",
        "description",
        "device_count",
        "vdisk_name",
        "store_name",
        "content",
        "partial",
        "taken_at",
        "problem",
        "os_name",
        "os_release",
        "os_build",
        "signs",
    )


@require_safe
@needs("lifecycle.view_vdisk", "lifecycle.view_content")
def version_contents(request: PortalRequest, pk: int, number: int) -> HttpResponse:
    vdisk, version = get_version(pk, number)
    state = pictures.reading_state(vdisk, version)
    form = ContentFilter(request.GET)
    wanted = sensible(form)
    text, category = wanted.get("text") or "", wanted.get("category") or ""
    context: dict[str, Any] = {
        "vdisk": vdisk,
        "version": version,
        "state": state,
        "form": form,
        "text": text,
        "category": category,
        "may_read": request.user.has_perm("lifecycle.inspect_image"),
        "other_versions": _others(vdisk, number),
    }
    if state.content is not None:
        context |= {"overview": pictures.overview(state.content), **_lists(request, state.report, text, category)}
        earlier = [row for row in vdisk.present_versions if row.number < number]
        if earlier and not (text or category):
            context["against"] = compared(Side.of(vdisk, earlier[-1]), Side(vdisk, version, state.image))
    return page(request, "contents/version.html", context, fragment="contents/_version.html")


def _others(vdisk: VDisk, number: int) -> list[Version]:
    """To compare with; the one below comes first."""
    rows = [row for row in vdisk.present_versions if row.number != number]
    return sorted(rows, key=lambda row: (row.number > number, abs(row.number - number)))


def _lists(request: PortalRequest, report: contents.Report, text: str, category: str) -> dict[str, Any]:
    """All categories folded, or one of them page by page."""
    if not category:
        return {"sections": pictures.sections(report, text=text)}
    chosen = Category(category)
    found = pictures.filtered(contents.items(report, chosen), text)
    numbered = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    return {
        "chosen": chosen,
        "chosen_label": contents.LABELS[chosen],
        "columns": pictures.columns(chosen),
        "page_obj": numbered,
        "query": kept.urlencode(),
    }


@require_safe
@needs("lifecycle.view_vdisk", "lifecycle.view_content")
def version_export(request: PortalRequest, pk: int, number: int, form: str) -> HttpResponse:
    vdisk, version = get_version(pk, number)
    image = pictures.image_of(version)
    if image is None or image.content is None:
        raise NotNow(f"The contents of {vdisk.name} version {number} are not known, so there is nothing to export.")
    return exports.of_contents(form, exports.Subject.of(vdisk, version, image.content))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_vdisk", "lifecycle.view_content", "lifecycle.inspect_image")
def read_now(request: PortalRequest, pk: int, number: int) -> HttpResponse:
    """Have a worker read it. GET, as after a login in between, leads to the page."""
    vdisk, version = get_version(pk, number)
    if request.method != "POST":
        return redirect("version-contents", pk=pk, number=number)
    try:
        job = readings.start_reading(kind=Reading.INSPECT, vdisk=vdisk, number=version.number, by=request.user)
    except LifecycleError as error:
        messages.error(request, str(error))
    else:
        waking.wake(job)
        live.publish(topics.JOBS, topics.vdisk(vdisk.pk))
        messages.success(request, f"Job {job.pk} reads the contents.")
    return redirect("version-contents", pk=pk, number=number)


def get_version(pk: int, number: int) -> tuple[VDisk, Version]:
    """The vDisk with its chain, and a version that PVS has now."""
    vdisk = get_object_or_404(VDisk.objects.with_chain(), pk=pk)
    version = next((row for row in vdisk.present_versions if row.number == number), None)
    if version is None:
        raise Http404(f"{vdisk.name} has no version {number}.")
    return vdisk, version
