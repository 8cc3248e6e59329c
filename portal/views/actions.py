"""One action on a vDisk: what it will do to which targets, then the job that does it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from lifecycle.errors import Incomplete, NotNow
from lifecycle.facts import ChainFacts
from lifecycle.models import Job, Target, VDisk
from lifecycle.operations import start_job
from lifecycle.states import Action, TargetType
from lifecycle.transitions import TRANSITIONS, judge
from portal import waking
from portal.forms.actions import ActionForm
from portal.http import PortalRequest, needs
from portal.pictures import outlook

TARGETS_SHOWN = 30
DANGEROUS = frozenset(
    {
        Action.DELETE_VERSION,
        Action.REVERT_MAINTENANCE,
        Action.REVERT_TEST,
        Action.SET_OVERRIDE,
        Action.CLEAR_OVERRIDE,
    }
)
# A promotion has its own road, a request that someone else approves; no worker knows how to set another date yet.
NO_ACTION_PAGE = frozenset({Action.PROMOTE_PRODUCTION, Action.RESCHEDULE})
TOUCHES_TYPE = {Action.BOOT_MAINTENANCE: TargetType.MAINTENANCE, Action.BOOT_TEST: TargetType.TEST}


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_vdisk", "lifecycle.operate_version")
def action(request: PortalRequest, pk: int, name: str) -> HttpResponse:
    """GET shows what will happen; POST starts the job and goes to its page."""
    vdisk = get_object_or_404(VDisk.objects.present().with_chain(), pk=pk)
    wanted = _action(name)
    if request.method != "POST":
        form = ActionForm(action=wanted, initial={"version": request.GET.get("version")})
        return _confirm(request, vdisk, wanted, form, _number(request.GET.get("version")))
    form = ActionForm(request.POST, action=wanted)
    if not form.is_valid():
        return _confirm(request, vdisk, wanted, form, _number(request.POST.get("version")), status=422)
    number: int | None = form.cleaned_data["version"]
    try:
        job, is_new = _start(request, vdisk, wanted, number, form)
    except Incomplete as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _confirm(request, vdisk, wanted, form, number, status=422)
    except NotNow as error:
        return _confirm(request, vdisk, wanted, form, number, status=409, refusal=str(error))
    if not is_new:
        messages.info(request, "This was started already; here is the job that does it.")
    return redirect("job", pk=job.pk)


def _start(
    request: PortalRequest, vdisk: VDisk, wanted: Action, number: int | None, form: ActionForm
) -> tuple[Job, bool]:
    """The job, and whether it is new. The lock makes the second click of a double click find the first one's job."""
    with transaction.atomic():
        VDisk.objects.select_for_update(of=("self",), no_key=True).get(pk=vdisk.pk)
        same = Job.objects.active().filter(vdisk=vdisk, kind=wanted.value, version_number=number).first()
        if same:
            return same, False
        job = start_job(
            action=wanted,
            vdisk=vdisk,
            version=number,
            by=request.user,
            reason=form.cleaned_data["reason"],
        )
        waking.wake(job)
    return job, True


def _confirm(
    request: PortalRequest,
    vdisk: VDisk,
    wanted: Action,
    form: ActionForm,
    number: int | None,
    *,
    status: int = 200,
    refusal: str = "",
) -> HttpResponse:
    chain = vdisk.chain()
    if TRANSITIONS[wanted].starts_from and chain.get(number if number is not None else -1) is None:
        raise Http404
    possibility = judge(wanted, chain, number)
    if status == 200 and not possibility.allowed:
        status = 409
    context = {
        "vdisk": vdisk,
        "action": wanted,
        "number": number,
        "version": chain.get(number) if number is not None else None,
        "form": form,
        "possibility": possibility,
        "refusal": refusal or (possibility.why_not if not possibility.allowed else ""),
        "is_dangerous": wanted in DANGEROUS,
        **_effects(vdisk, chain, wanted, number),
    }
    return render(request, "vdisks/action.html", context, status=status)


def _effects(vdisk: VDisk, chain: ChainFacts, wanted: Action, number: int | None) -> dict[str, Any]:
    """What other version targets would boot, and the targets that are touched at once or run this version now."""
    targets = Target.objects.present().for_list().order_by("name")
    if wanted in TOUCHES_TYPE:
        touched = targets.filter(assignments__vdisk=vdisk, type=TOUCHES_TYPE[wanted])
    elif number is not None:
        touched = targets.filter(booted_vdisk=vdisk, booted_version=number, active=True)
    else:
        touched = targets.none()
    shown = list(touched[: TARGETS_SHOWN + 1])
    return {
        "shifts": outlook.shifts(
            chain, outlook.after(wanted, chain, number), production_targets=vdisk.production_targets
        ),
        "targets": shown[:TARGETS_SHOWN],
        "has_more_targets": len(shown) > TARGETS_SHOWN,
        "boots_targets": wanted in TOUCHES_TYPE,
    }


def _action(name: str) -> Action:
    try:
        wanted = Action(name)
    except ValueError as error:
        raise Http404 from error
    if wanted in NO_ACTION_PAGE:
        raise Http404
    return wanted


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
