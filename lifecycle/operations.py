"""What people do, where it crosses several models. Each operation is one transaction with its audit row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from lifecycle import claims, fingerprints, identities, policies, schedules
from lifecycle.errors import Incomplete, NotAllowed, NotNow, StaleState
from lifecycle.facts import ChainFacts
from lifecycle.models import AuditEntry, ChangeRequest, Decision, Job, Schedule, VDisk
from lifecycle.states import LIVE_CHANGE_STATES, Action, ChangeEvent, ChangeState, JobState, UndoCause
from lifecycle.transitions import TRANSITIONS, judge

NEEDS_REASON = frozenset(
    {Action.REVERT_TEST, Action.REVERT_MAINTENANCE, Action.SET_OVERRIDE, Action.CLEAR_OVERRIDE, Action.DELETE_VERSION}
)
HARMLESS = frozenset({Action.BOOT_TEST})
CLEANING_UP = frozenset({UndoCause.ASKED, UndoCause.EXPIRED})
"""These take back what an ended job had left."""
TAKING_BACK = CLEANING_UP | {UndoCause.FAILED}
"""While one of these is under way, cancelling would change nothing: it is being taken back anyway."""
PROMOTED = "promoted"
"""In a job's context: PVS has carried the promotion out."""


def start_job(
    *,
    action: Action,
    vdisk: VDisk,
    version: int | None,
    by: User,
    reason: str = "",
    parameters: dict[str, Any] | None = None,
    queues: bool = False,
    schedule: Schedule | None = None,
) -> Job:
    """A person presses a button. NotNow with all reasons when the rules or a running job forbid it.

    With ``queues`` a running job is no hindrance: this one waits behind it. ``schedule`` starts it in by's name.
    """
    if action == Action.PROMOTE_PRODUCTION:
        raise NotAllowed("A promotion to production needs an approved request.")
    if not TRANSITIONS[action].offered:
        raise NotAllowed("The portal does not do this; what was approved includes the date. Revert and request anew.")
    if not by.has_perm("lifecycle.operate_version"):
        raise NotAllowed("Your role does not change versions.")
    if action in NEEDS_REASON and not reason.strip():
        raise Incomplete("reason", f"Say why: “{action.label}” changes what targets boot, or cannot be undone.")
    possibility = judge(action, _chain_now(vdisk), version)
    if not possibility.allowed:
        raise NotNow(f"{action.label} is not possible now. {possibility.why_not}")
    if not TRANSITIONS[action].starts_from:
        version = None  # it concerns the vDisk; the worker notes the version when there is one
    with transaction.atomic():
        job = _create_job(
            action=action,
            vdisk=vdisk,
            version=version,
            by=by,
            reason=reason.strip(),
            parameters=parameters or {},
            queues=queues,
            schedule=schedule,
        )
        _note_start(job)
    return job


def request_promotion(
    *, vdisk: VDisk, version: int, by: User, reason: str, ticket: str = "", go_live_at: datetime | None = None
) -> ChangeRequest:
    """Ask that a test version goes to production."""
    if not by.has_perm("lifecycle.request_promotion"):
        raise NotAllowed("Your role does not request promotions.")
    if not reason.strip():
        raise Incomplete("reason", "Say why this version should go to production; the approver reads it.")
    if go_live_at and go_live_at <= timezone.now():
        raise Incomplete("go_live_at", "The date has passed; choose one in the future or leave it empty.")
    chain = _chain_now(vdisk)
    possibility = judge(Action.PROMOTE_PRODUCTION, chain, version)
    if not possibility.allowed:
        raise NotNow(f"The promotion cannot be requested now. {possibility.why_not}")
    _check_in_sight(fingerprints.out_of_sight(chain, version))
    found = fingerprints.links(chain, version, identities.known(vdisk, version, chain))
    change = ChangeRequest(
        vdisk=vdisk,
        version_number=version,
        requested_by=by,
        reason=reason.strip(),
        ticket=ticket.strip(),
        go_live_at=go_live_at,
        fingerprint=fingerprints.fingerprint_of(found),
        links=found,
    )
    try:
        with transaction.atomic():
            change.save(force_insert=True)
            detail = {"reason": change.reason, "ticket": change.ticket, "fingerprint": change.fingerprint}
            AuditEntry.objects.record(by=by, action="change.request", on=change, change=change, detail=detail)
    except IntegrityError as error:
        raise NotNow(f"A request for version {version} is open already.") from error
    return change


def approve(*, change: ChangeRequest, by: User, reason: str = "") -> Job:
    """Approve and start the promotion, in one transaction. Lapses the request when the version changed."""
    _check_decider(change, by)
    if lapse_if_changed(change):
        raise NotNow(f"The version changed since the request, so it no longer counts. {change.state_words}")
    if change.state != ChangeState.OPEN:
        raise NotNow(f"Too late to decide: the request is {change.get_state_display()}.")
    if change.go_live_at and change.go_live_at <= timezone.now():
        raise NotNow("The date asked for has passed. Reject it, and let it be requested again.")
    chain = _chain_now(change.vdisk)
    possibility = judge(Action.PROMOTE_PRODUCTION, chain, change.version_number)
    if not possibility.allowed:
        raise NotNow(f"The promotion is not possible now. {possibility.why_not}")
    _check_in_sight(fingerprints.unseen(change.links, fingerprints.links(chain, change.version_number)))
    with transaction.atomic():
        _decide(change, by, Decision.Verdict.APPROVED, reason)
        job = _create_promotion(change, by)
        change.move(ChangeEvent.APPROVE, by=by, words=reason.strip())
        _note_start(job)
    return job


def reject(*, change: ChangeRequest, by: User, reason: str) -> None:
    _check_decider(change, by)
    if not reason.strip():
        raise Incomplete("reason", "Say why you reject it; the requester reads it.")
    with transaction.atomic():
        _decide(change, by, Decision.Verdict.REJECTED, reason)
        change.move(ChangeEvent.REJECT, by=by, words=reason.strip())


def withdraw(*, change: ChangeRequest, by: User, reason: str = "") -> None:
    if why_not := policies.why_not_withdraw(by, change):
        raise NotAllowed(why_not)
    with transaction.atomic():
        change.move(ChangeEvent.WITHDRAW, by=by, words=reason.strip())


def lapse_if_changed(change: ChangeRequest) -> bool:
    """Compare an open request with the mirror; when the version is another one now, the request ends.

    True when it did. An approved one is left alone: its job compares, and brings the version out of test itself.
    """
    if change.state != ChangeState.OPEN:
        return False
    words = _what_changed(change)
    if not words:
        return False
    try:
        change.move(ChangeEvent.LAPSE, by=None, words="; ".join(words))
    except StaleState:  # someone decided in this very moment; what they did stands
        return False
    return True


def why_not_cancel(job: Job) -> str:
    """In words, whoever asks; empty when it can be cancelled. The page asks the same question."""
    if not job.is_active:
        return f"The job is over: it is {job.get_state_display()}."
    if job.cancel_requested_at is not None:
        return "The job is being cancelled already; its cancelling was asked for before."
    if job.undo_cause in CLEANING_UP:
        return "The job only cleans up what it left; there is nothing to cancel."
    if job.undo_cause in TAKING_BACK:
        return "The job has failed and takes back what it did; there is nothing to cancel."
    return ""


def cancel_job(*, job: Job, by: User) -> None:
    """Ask that a job stops; its worker sees it within one poll and undoes what it can."""
    if not by.has_perm("lifecycle.cancel_job"):
        raise NotAllowed("Your role does not cancel jobs.")
    now = timezone.now()
    with transaction.atomic():
        found = Job.objects.select_for_update().get(pk=job.pk)
        if why_not := why_not_cancel(found):
            raise NotNow(why_not)
        Job.objects.filter(pk=job.pk).update(cancel_requested_at=now, cancel_requested_by=by, due_at=Now())
        AuditEntry.objects.record(by=by, action="job.cancel", on=job, job=job)


def job_ended(job: Job) -> None:
    """Called by the engine, in the transaction that ends the job; again when an ended job was cleaned up."""
    if job.undo_cause in CLEANING_UP:
        detail = {"title": job.title, "outcome": job.outcome, "left": job.kept}
        AuditEntry.objects.record(by=None, action="job.cleaned-up", on=job.vdisk or job, job=job, detail=detail)
        return
    schedules.job_ended(job)
    AuditEntry.objects.record(
        by=None,
        action=f"job.{job.state}",
        on=job.vdisk or job,
        job=job,
        change=job.change,
        detail={"title": job.title, "outcome": job.outcome},
    )
    change = job.change
    if change is not None and change.state in LIVE_CHANGE_STATES:
        # a job cancelled or failed after PVS has promoted does not make the promotion undone
        done = job.state == JobState.SUCCEEDED or bool(job.context.get(PROMOTED))
        change.move(ChangeEvent.FINISH if done else ChangeEvent.FAIL, by=None, words=job.outcome)


def _chain_now(vdisk: VDisk) -> ChainFacts:
    """The chain as the mirror has it at this moment, not as the caller read it some time ago."""
    found = VDisk.objects.get(pk=vdisk.pk)
    if found.gone_at:
        raise NotNow(f"{found.name} is no longer in PVS.")
    return found.chain()


def _what_changed(change: ChangeRequest) -> list[str]:
    """In words, how the version differs from the one that was asked about; empty when it does not."""
    number = change.version_number
    chain = VDisk.objects.get(pk=change.vdisk_id).chain()
    found = chain.get(number)
    if found is None:
        return [f"Version {number} no longer exists."]
    if not found.is_test:
        return [f"Version {number} is no longer in test."]
    now = fingerprints.links(chain, number, identities.known(change.vdisk, number, chain))
    return fingerprints.changes(change.links, now)


def _check_in_sight(hidden: list[str]) -> None:
    if hidden:
        raise NotNow(f"No server shows {', '.join(hidden)} up to date now, so nobody can tell what would be approved.")


def _check_decider(change: ChangeRequest, by: User) -> None:
    if why_not := policies.why_not_approve(by, change):
        raise NotAllowed(why_not)


def _decide(change: ChangeRequest, by: User, verdict: Decision.Verdict, reason: str) -> None:
    try:
        with transaction.atomic():
            Decision.objects.create(
                change=change,
                by=by,
                requested_by=change.requested_by,
                verdict=verdict,
                reason=reason.strip(),
                fingerprint=change.fingerprint,
            )
    except IntegrityError as error:
        raise NotNow("You have decided on this request already.") from error


def _create_promotion(change: ChangeRequest, by: User) -> Job:
    parameters = {"fingerprint": change.fingerprint}
    if change.go_live_at:
        parameters["go_live_at"] = change.go_live_at.isoformat()
    try:
        return _create_job(
            action=Action.PROMOTE_PRODUCTION,
            vdisk=change.vdisk,
            version=change.version_number,
            by=by,
            reason=change.reason,
            parameters=parameters,
            change=change,
        )
    except NotNow:
        change.refresh_from_db(fields=["state", "state_words", "ended_at"])
        if change.state != ChangeState.OPEN:  # the job in the way is the one that another approver started
            raise StaleState(f"Someone else was first: the request is {change.get_state_display()}.") from None
        raise


def _create_job(
    *,
    action: Action,
    vdisk: VDisk,
    version: int | None,
    by: User,
    reason: str,
    parameters: dict[str, Any],
    change: ChangeRequest | None = None,
    queues: bool = False,
    schedule: Schedule | None = None,
) -> Job:
    """The row alone; ``_note_start`` follows in the same transaction. NotNow while another job has the vDisk.

    Comes before the audit trail is held: it may have to wait for the end of a job, which writes to the trail.
    """
    job = Job(
        kind=action.value,
        title=f"{action.label}: {_subject(vdisk, version)}"[:200],
        farm=vdisk.farm,
        host=vdisk.farm.name,
        vdisk=vdisk,
        version_number=version,
        change=change,
        requested_by=by,
        reason=reason,
        parameters=parameters,
        writes=action not in HARMLESS,
        queues=queues,
        schedule=schedule,
        needs=claims.needs_of(kind=action.value, farm=vdisk.farm, vdisk=vdisk, writes=action not in HARMLESS),
    )
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError as error:
        running = Job.objects.active().filter(vdisk=vdisk, writes=True, queues=False).first()
        about = f" (“{running.title}”)" if running else ""
        raise NotNow(f"Another job works on {vdisk.name} now{about}. Wait until it has ended.") from error
    return job


def _note_start(job: Job) -> None:
    assert job.vdisk is not None
    AuditEntry.objects.record(
        by=job.requested_by,
        action=f"job.start.{job.kind}",
        on=job.vdisk,
        on_name=_subject(job.vdisk, job.version_number),
        job=job,
        change=job.change,
        detail={
            "reason": job.reason,
            "does": TRANSITIONS[Action(job.kind)].does,
            "schedule": job.schedule.name if job.schedule else "",
        },
    )


def _subject(vdisk: VDisk, version: int | None) -> str:
    return vdisk.name if version is None else f"{vdisk.name} version {version}"
