"""A new package, and a new revision of one: the same form, which begins with what is known."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from lifecycle import topics
from lifecycle.errors import Incomplete, NotNow, StaleState
from lifecycle.installers.facts import Facts
from lifecycle.models import Installer, Package
from lifecycle.packages import catalogue, names, proposals, terms
from lifecycle.packages.terms import Terms
from portal import live
from portal.forms.packages import RevisionForm
from portal.http import PortalRequest, needs
from portal.pictures import packages as pictures
from portal.views.packages import MANAGES


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def new(request: PortalRequest) -> HttpResponse:
    """Empty, or filled with an installer's facts (``?installer=<SHA-256>``)."""
    known = _known(request, Terms(name=""))
    first = RevisionForm.values(known) | {"key": proposals.key_for(known), "owner": request.GET.get("owner", "")}
    form = RevisionForm(_sent(request), package=None, initial=first)
    if request.method != "POST":
        return _show(request, None, form)
    if not form.is_valid():
        return _show(request, None, form, status=422)
    given = form.cleaned_data
    try:
        made = catalogue.make(
            given["key"].strip() or names.suggested_key(given["name"]),
            form.terms(),
            owner=given["owner"],
            reason=given["reason"],
            by=request.user,
        )
    except Incomplete as error:
        form.refuse(error.field, str(error))
        return _show(request, None, form, status=422)
    live.publish(topics.PACKAGES)
    messages.success(request, f"The package {made.key} is saved, as a draft.")
    return redirect("package", pk=made.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def revise(request: PortalRequest, pk: int) -> HttpResponse:
    """Begins with the last revision; with ``?installer=<SHA-256>`` the new installer's facts are in it already."""
    found = get_object_or_404(Package.objects.select_related("current").filter(current__isnull=False), pk=pk)
    last = found.current
    assert last is not None
    known = terms.of(last)
    first = RevisionForm.values(_known(request, known)) | {"based_on": last.number}
    form = RevisionForm(_sent(request), package=found, files=known.files, initial=first)
    if request.method != "POST":
        return _show(request, found, form)
    if not form.is_valid():
        return _show(request, found, form, status=422)
    given = form.cleaned_data
    try:
        made = catalogue.revise(
            found, form.terms(), based_on=given["based_on"] or 0, reason=given["reason"], by=request.user
        )
    except Incomplete as error:
        form.refuse(error.field, str(error))
        return _show(request, found, form, status=422)
    except StaleState as error:
        return _overtaken(request, found, form, str(error))
    except NotNow as error:
        return _show(request, found, form, refusal=str(error), status=409)
    live.publish(topics.PACKAGES)
    messages.success(request, f"Revision {made.number} is saved.")
    return redirect("package", pk=pk)


def _overtaken(request: PortalRequest, found: Package, form: RevisionForm, words: str) -> HttpResponse:
    """Somebody saved meanwhile: what was typed stays, what differs is shown, and saving again goes on top of it."""
    found.refresh_from_db()
    newest = found.current
    assert newest is not None
    others = terms.differences(form.terms(), terms.of(newest))
    again = request.POST.copy()
    again["based_on"] = str(newest.number)
    form = RevisionForm(again, package=found, files=terms.of(newest).files)
    form.is_valid()
    return _show(request, found, form, refusal=words, status=409, differences=others)


def _sent(request: PortalRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _known(request: PortalRequest, base: Terms) -> Terms:
    digest = request.GET.get("installer", "")
    installer = Installer.objects.filter(sha256=digest).first() if digest else None
    return base if installer is None else proposals.from_installer(installer, base)


def _show(
    request: PortalRequest, found: Package | None, form: RevisionForm, status: int = 200, **more: Any
) -> HttpResponse:
    digest = request.GET.get("installer", "")
    installer = Installer.objects.filter(sha256=digest).first() if digest else None
    context = {
        "form": form,
        "package": found,
        "installer": installer,
        "facts": Facts.of(installer.facts) if installer else None,
        "owners": pictures.owners(),
        "wrong": [(form[name], errors) for name, errors in form.errors.items() if name != "__all__"],
        **more,
    }
    return render(request, "packages/edit.html", context, status=status)
