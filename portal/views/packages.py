"""The package catalogue: what there is, what is wrong with it, and one package with its revisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import topics
from lifecycle.errors import Incomplete, NotNow
from lifecycle.models import Package, PackageRevision
from lifecycle.models.packages import PackageQuerySet
from lifecycle.package_kinds import LinkKind, PackageState
from lifecycle.packages import catalogue, detection, silence
from lifecycle.packages.findings import Picture
from portal import live
from portal.forms.fields import sensible
from portal.forms.packages import OwnerForm, PackageFilter, RetireForm, TestForm
from portal.http import PortalRequest, needs, page
from portal.pages import PER_PAGE
from portal.pictures import packages as pictures

SEES = "lifecycle.view_package"
MANAGES = (SEES, "lifecycle.manage_package")
_SEEN = Package.objects.select_related("current__created_by", "created_by").filter(current__isnull=False)


@require_safe
@needs(SEES)
def packages(request: PortalRequest) -> HttpResponse:
    """Findings hang together, so they are looked at for the whole catalogue; a page shows a part of what fits."""
    form = PackageFilter(request.GET)
    wanted = sensible(form)
    picture = Picture.taken()
    found = pictures.rows(_filtered(wanted), picture, wanted.get("finding") or "")
    shown = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    context = {
        "form": form,
        "page_obj": shown,
        "query": kept.urlencode(),
        "owners": pictures.owners(),
        "hindered": sum(bool(row.hindering) for row in found),
        "is_empty": not picture.packages,
    }
    return page(request, "packages/packages.html", context, fragment="packages/_list.html")


@require_safe
@needs(SEES)
def package(request: PortalRequest, pk: int) -> HttpResponse:
    return show(request, get_object_or_404(_SEEN, pk=pk))


@require_safe
@needs(SEES)
def compare(request: PortalRequest, pk: int) -> HttpResponse:
    """Two revisions side by side; without numbers the newest and the one before."""
    found = get_object_or_404(_SEEN, pk=pk)
    revisions = {each.number: each for each in found.revisions.select_related("created_by").order_by("number")}
    newest = max(revisions)
    before = _number(request.GET.get("a"), revisions, default=max(newest - 1, 1))
    after = _number(request.GET.get("b"), revisions, default=newest)
    context = {
        "package": found,
        "revisions": list(revisions.values()),
        "before": before,
        "after": after,
        "lines": pictures.side_by_side(before, after),
    }
    return render(request, "packages/compare.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def owner(request: PortalRequest, pk: int) -> HttpResponse:
    found, form = get_object_or_404(_SEEN, pk=pk), OwnerForm(request.POST)
    if request.method == "POST" and not form.is_valid():
        return show(request, found, owner_form=form, status=422)

    def deed() -> None:
        catalogue.give_owner(found, form.cleaned_data["owner"], by=request.user)

    return _deed(request, found, deed, "The owner is saved.", form=form, name="owner_form")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def ready(request: PortalRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_SEEN, pk=pk)
    return _deed(request, found, lambda: catalogue.declare_ready(found, by=request.user), "The package is ready.")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def retire(request: PortalRequest, pk: int) -> HttpResponse:
    """GET asks whether it is meant, and says why it may not be possible."""
    found = get_object_or_404(_SEEN, pk=pk)
    form = RetireForm(request.POST if request.method == "POST" else None)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            catalogue.retire(found, reason=form.cleaned_data["reason"], by=request.user)
        except NotNow as error:
            refusal = str(error)
        else:
            live.publish(topics.PACKAGES)
            messages.success(request, f"{found.key} is retired. Its revisions and files stay.")
            return redirect("package", pk=pk)
    status = 409 if refusal else 422 if form.errors else 200
    context = {"package": found, "form": form, "refusal": refusal, "needed_by": catalogue.needed_by(found)}
    return render(request, "packages/retire.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def reinstate(request: PortalRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_SEEN, pk=pk)
    return _deed(request, found, lambda: catalogue.reinstate(found, by=request.user), "The package is a draft again.")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def tested(request: PortalRequest, pk: int) -> HttpResponse:
    """A person says that the current revision was tried."""
    found, form = get_object_or_404(_SEEN, pk=pk), TestForm(request.POST)
    if request.method == "POST" and not form.is_valid():
        return show(request, found, test_form=form, status=422)

    def deed() -> None:
        assert found.current is not None
        given = form.cleaned_data
        catalogue.confirm_tested(found.current, passed=given["passed"], note=given["note"], by=request.user)

    return _deed(request, found, deed, "The test is noted.", form=form, name="test_form")


def show(request: PortalRequest, found: Package, *, refusal: str = "", status: int = 200, **forms: Any) -> HttpResponse:
    """The page of a package; ``forms`` are those that were refused."""
    picture = Picture.taken()
    revision = picture.revision(found)
    links = list(revision.links.select_related("other__current").order_by("other__key"))
    rule = detection.check(revision.detection_kind, revision.detection)
    context = {
        "package": found,
        "revision": revision,
        "findings": picture.findings(found),
        "files": pictures.files(revision),
        "rule": detection.in_words(rule) if rule else "",
        "needs": [link.other for link in links if link.kind == LinkKind.NEEDS],
        "conflicts": [link.other for link in links if link.kind == LinkKind.CONFLICTS],
        "needed_by": catalogue.needed_by(found),
        "installed_with": pictures.installed_with(found, picture),
        "revisions": PackageRevision.objects.filter(package=found).with_test().select_related("created_by"),
        "tests": revision.tests.select_related("by", "job")[:10],
        "warnings": [
            silence.warning(command, revision.installer)
            for command in (revision.install_command, revision.uninstall_command)
        ],
        "may_manage": request.user.has_perm("lifecycle.manage_package"),
        "owners": pictures.owners(),
        "refusal": refusal,
        "owner_form": OwnerForm(initial={"owner": found.owner}),
        "test_form": TestForm(),
        **forms,
    }
    return page(request, "packages/package.html", context, fragment="packages/_package.html", status=status)


def _filtered(wanted: dict[str, Any]) -> PackageQuerySet:
    found = Package.objects.for_list().filter(current__isnull=False).search(wanted.get("text") or "")
    state = wanted.get("state") or ""
    if not state:
        found = found.exclude(state=PackageState.RETIRED)
    elif state != "all":
        found = found.filter(state=state)
    if wanted.get("phase"):
        found = found.filter(current__phase=wanted["phase"])
    if wanted.get("owner"):
        found = found.filter(owner__icontains=wanted["owner"].strip())
    return found


def _number(text: str | None, revisions: dict[int, PackageRevision], *, default: int) -> PackageRevision:
    if text is None:
        return revisions[default]
    if not (text.isascii() and text.isdigit()) or int(text[:9]) not in revisions:
        raise Http404
    return revisions[int(text[:9])]


def _deed(
    request: PortalRequest, found: Package, deed: Callable[[], None], done: str, *, form: Any = None, name: str = ""
) -> HttpResponse:
    """Do it and show the package; GET, as after a login in between, leads there too."""
    if request.method != "POST":
        return redirect("package", pk=found.pk)
    try:
        deed()
    except Incomplete as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return show(request, found, status=422, **{name: form})
    except NotNow as error:
        found.refresh_from_db()
        return show(request, found, refusal=str(error), status=409)
    live.publish(topics.PACKAGES)
    messages.success(request, done)
    return redirect("package", pk=found.pk)
