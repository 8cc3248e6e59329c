"""The catalogue as YAML: taken out whole or by package, and brought in after a look at what it would change."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import topics
from lifecycle.errors import Incomplete, StaleState
from lifecycle.models import Package
from lifecycle.packages import documents, importing
from lifecycle.packages.importing import Plan
from lifecycle.packages.yamltree import MOST_BYTES
from portal import live
from portal.forms.packages import ImportForm
from portal.http import PortalRequest, needs
from portal.views.packages import MANAGES, SEES


@require_safe
@needs(SEES)
def export_all(request: PortalRequest) -> HttpResponse:
    """Drafts and ready ones."""
    return _file(documents.write(Package.objects.in_use().select_related("current").order_by("key")), "packages")


@require_safe
@needs(SEES)
def export_one(request: PortalRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Package.objects.select_related("current").filter(current__isnull=False), pk=pk)
    return _file(documents.write([found]), found.key)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(*MANAGES)
def bring_in(request: PortalRequest) -> HttpResponse:
    """A POST shows what would be saved; one with the digest of what was shown saves it."""
    if request.method != "POST":
        return _show(request, ImportForm())
    form = ImportForm(request.POST, request.FILES)
    text = _text(form) if form.is_valid() else None
    if text is None:
        return _show(request, form, status=422)
    form = ImportForm(initial={"text": text})
    if digest := request.POST.get("digest", ""):
        return _save(request, form, text, digest)
    plan = importing.plan(text)
    return _show(request, form, text=text, plan=plan, status=422 if plan.problems else 200)


def _save(request: PortalRequest, form: ImportForm, text: str, digest: str) -> HttpResponse:
    try:
        done = importing.carry_out(text, digest=digest, by=request.user)
    except (StaleState, Incomplete) as error:
        return _show(request, form, text=text, plan=importing.plan(text), refusal=str(error), status=409)
    live.publish(topics.PACKAGES)
    new, revised = done.count("new"), done.count("revise")
    messages.success(request, f"Saved: {new} new, {revised} revised, {done.count('owner')} with another owner.")
    return redirect("packages")


def _text(form: ImportForm) -> str | None:
    """What was sent, with one kind of line end; None after noting on the form what is wrong."""
    file = form.cleaned_data["file"]
    if file is None:
        if not form.cleaned_data["text"].strip():
            form.add_error("file", "Choose a file, or paste the document below.")
            return None
        return str(form.cleaned_data["text"]).replace("\r\n", "\n")
    if file.size > MOST_BYTES:
        form.add_error("file", f"The document is larger than {MOST_BYTES // 1024} KiB.")
        return None
    try:
        return bytes(file.read()).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        form.add_error("file", f"This is no text in UTF-8: the first wrong byte is number {error.start + 1}.")
        return None


def _show(
    request: PortalRequest,
    form: ImportForm,
    *,
    text: str = "",
    plan: Plan | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {"form": form, "text": text, "plan": plan, "refusal": refusal, "kib": MOST_BYTES // 1024}
    return render(request, "packages/import.html", context, status=status)


def _file(text: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}.yaml"'}
    return HttpResponse(text, content_type="application/yaml; charset=utf-8", headers=headers)
