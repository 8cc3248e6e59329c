"""Change requests: asking for production, seeing exactly what would change, deciding."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Case, IntegerField, Q, Value, When
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import operations, policies, topics
from lifecycle.errors import Incomplete, LifecycleError, NotAllowed, NotNow
from lifecycle.models import AuditEntry, ChangeRequest, VDisk
from lifecycle.states import LIVE_CHANGE_STATES, Action, ChangeEvent, ChangeState
from lifecycle.transitions import judge
from portal import live, waking
from portal.forms.changes import ChangeFilter, DecisionForm, RequestForm
from portal.forms.fields import sensible
from portal.http import PortalRequest, needs, page
from portal.pages import paginated
from portal.pictures.differences import Compared, between
from portal.pictures.promotion import Promotion, promotion
from portal.pictures.schedule import with_schedule


@require_safe
@needs("lifecycle.view_changerequest")
def changes(request: PortalRequest) -> HttpResponse:
    form = ChangeFilter(request.GET)
    wanted = sensible(form)
    rows = with_schedule(ChangeRequest.objects.for_list())
    if wanted.get("state"):
        rows = rows.filter(state=wanted["state"])
    if "text" in form.errors:
        rows = rows.none()
    elif text := wanted.get("text"):
        rows = rows.filter(
            Q(vdisk__name__icontains=text) | Q(ticket__icontains=text) | Q(requested_by__username__icontains=text)
        )
    open_first = Case(When(state=ChangeState.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())
    context = {"form": form, **paginated(request, rows.order_by(open_first, "-requested_at", "-id"))}
    return page(request, "changes/changes.html", context, fragment="changes/_list.html")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_changerequest", "lifecycle.request_promotion")
def new_change(request: PortalRequest) -> HttpResponse:
    given = request.POST if "vdisk" in request.POST else request.GET
    key, number = _whole(given.get("vdisk")), _whole(given.get("version"))
    if -1 in (key, number):
        words = "A request is made for one version: open its vDisk and press “Request production” there."
        return render(request, "404.html", {"words": words}, status=404)
    vdisk = get_object_or_404(VDisk.objects.present().with_chain(), pk=key)
    form = RequestForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            change = operations.request_promotion(vdisk=vdisk, version=number, by=request.user, **form.cleaned_data)
        except Incomplete as error:
            form.add_error(error.field, str(error))
        except NotNow as error:
            return _already_asked(request, vdisk, number) or _ask(request, vdisk, number, form, refusal=str(error))
        else:
            live.publish(topics.CHANGES, topics.change(change.pk), topics.vdisk(vdisk.pk))
            messages.success(request, "Requested. Someone else has to decide on it.")
            return redirect("change", pk=change.pk)
    return _ask(request, vdisk, number, form)


@require_safe
@needs("lifecycle.view_changerequest")
def change(request: PortalRequest, pk: int) -> HttpResponse:
    return _show(request, _get(pk), DecisionForm())


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_changerequest", "lifecycle.approve_promotion")
def decide(request: PortalRequest, pk: int) -> HttpResponse:
    """Approve or reject, whichever button was pressed. GET, as after a login in between, leads to the request."""
    found = _get(pk)
    if request.method != "POST":
        return redirect("change", pk=pk)
    form = DecisionForm(request.POST)
    if not form.is_valid() or request.POST.get("decision") not in ("approve", "reject"):
        return _show(request, found, form, status=422)
    try:
        if request.POST["decision"] == "approve":
            waking.wake(operations.approve(change=found, by=request.user, reason=form.cleaned_data["reason"]))
            messages.success(request, "Approved.")
        else:
            operations.reject(change=found, by=request.user, reason=form.cleaned_data["reason"])
            messages.success(request, "Rejected. The requester sees your reason here.")
    except Incomplete as error:
        form.add_error(error.field, str(error))
        return _show(request, found, form, status=422)
    except NotAllowed as error:
        return _show(request, found, form, status=403, refusal=str(error))
    except NotNow as error:
        return _too_late(request, found, form, error)
    finally:
        _tell(found)
    return redirect("change", pk=found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_changerequest")
def withdraw(request: PortalRequest, pk: int) -> HttpResponse:
    found = _get(pk)
    if request.method != "POST":
        return redirect("change", pk=pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _show(request, found, form, status=422)
    try:
        operations.withdraw(change=found, by=request.user, reason=form.cleaned_data["reason"])
    except NotNow as error:
        return _too_late(request, found, form, error)
    _tell(found)
    messages.success(request, "Withdrawn.")
    return redirect("change", pk=found.pk)


def _get(pk: int) -> ChangeRequest:
    rows = with_schedule(ChangeRequest.objects.select_related("requested_by", "vdisk__farm"))
    return get_object_or_404(rows, pk=pk)


def _show(
    request: PortalRequest, found: ChangeRequest, form: DecisionForm, *, status: int = 200, refusal: str = ""
) -> HttpResponse:
    """The request's page. An open request is compared with the farm first, so that nobody decides on an old picture."""
    if found.state == ChangeState.OPEN:
        try:
            if operations.lapse_if_changed(found):
                _tell(found)
        except NotNow:  # someone decided in this very moment
            found.refresh_from_db()
    why_not_approve = policies.why_not_approve(request.user, found)
    is_open = found.state == ChangeState.OPEN
    may_withdraw = is_open and not policies.why_not_withdraw(request.user, found)
    if why_not_approve:
        form.fields["reason"].help_text = "Optional: why you withdraw it."
    shift = promotion(found)
    context: dict[str, Any] = {
        "change": found,
        "oob": bool(request.htmx),
        "form": form,
        "refusal": refusal,
        "promotion": shift,
        "inside": _inside(request, found, shift) if is_open else None,
        "decisions": list(found.decisions.select_related("by")),
        "withdrawal": _withdrawal(found),
        "jobs": list(found.jobs.for_list()),
        "is_open": is_open,
        "may_decide": is_open and not why_not_approve,
        "why_not_approve": why_not_approve if is_open else "",
        "may_withdraw": may_withdraw,
        "not_now": _not_now(found) if is_open else "",
    }
    return page(request, "changes/change.html", context, fragment="changes/_change.html", status=status)


def _inside(request: PortalRequest, found: ChangeRequest, shift: Promotion) -> Compared | None:
    """What is different inside: from what production boots now to the version asked about."""
    if shift.before is None or not request.user.has_perm("lifecycle.view_content"):
        return None
    return between(found.vdisk, shift.before.number, found.version_number)


def _withdrawal(found: ChangeRequest) -> AuditEntry | None:
    """Who withdrew it: a withdrawal is no decision, the audit trail alone knows."""
    if found.state != ChangeState.WITHDRAWN:
        return None
    return found.audit_entries.filter(action=f"change.{ChangeEvent.WITHDRAW}").select_related("actor").first()


def _not_now(found: ChangeRequest) -> str:
    """Why the promotion could not be started at this moment, although the request still stands."""
    return judge(Action.PROMOTE_PRODUCTION, found.vdisk.chain(), found.version_number).why_not


def _too_late(request: PortalRequest, found: ChangeRequest, form: DecisionForm, error: LifecycleError) -> HttpResponse:
    """The second click of a double click is no error; anything else is shown with the state as it is now."""
    found.refresh_from_db()
    if found.decisions.filter(by=request.user).exists():
        messages.info(request, "You have decided on this request already.")
        return redirect("change", pk=found.pk)
    return _show(request, found, form, status=409, refusal=str(error))


def _ask(request: PortalRequest, vdisk: VDisk, number: int, form: RequestForm, *, refusal: str = "") -> HttpResponse:
    chain = vdisk.chain()
    possibility = judge(Action.PROMOTE_PRODUCTION, chain, number)
    draft = ChangeRequest(vdisk=vdisk, version_number=number)
    refusal = refusal or ("" if possibility.allowed else possibility.why_not)
    context = {
        "vdisk": vdisk,
        "number": number,
        "form": form,
        "refusal": refusal,
        "promotion": promotion(draft),
        "open_change": ChangeRequest.objects.filter(
            vdisk=vdisk, version_number=number, state__in=sorted(LIVE_CHANGE_STATES)
        ).first(),
    }
    status = 409 if refusal else 422 if form.errors else 200
    return render(request, "changes/new.html", context, status=status)


def _already_asked(request: PortalRequest, vdisk: VDisk, number: int) -> HttpResponse | None:
    mine = ChangeRequest.objects.open().filter(vdisk=vdisk, version_number=number, requested_by=request.user).first()
    if mine is None:
        return None
    messages.info(request, "You have requested this already; here it is.")
    return redirect("change", pk=mine.pk)


def _tell(found: ChangeRequest) -> None:
    live.publish(topics.CHANGES, topics.change(found.pk), topics.vdisk(found.vdisk_id))


def _whole(text: str | None) -> int:
    """A number from an address; -1, which nothing has, for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else -1
