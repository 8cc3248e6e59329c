"""What people do, where it crosses several models. Each operation is one transaction with its audit row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from lifecycle import fingerprints, policies
from lifecycle.errors import Incomplete, NotAllowed, NotNow
from lifecycle.models import AuditEntry, ChangeRequest, Decision, Job, VDisk
from lifecycle.states import LIVE_CHANGE_STATES, Action, ChangeEvent, JobState
from lifecycle.transitions import TRANSITIONS, judge

NEEDS_REASON = frozenset(
    {Action.REVERT_TEST, Action.REVERT_MAINTENANCE, Action.SET_OVERRIDE, Action.CLEAR_OVERRIDE, Action.DELETE_VERSION}
)
HARMLESS = frozenset({Action.BOOT_TEST})


def start_job(
    *,
    action: Action,
    vdisk: VDisk,
    version: int | None,
    by: User,
    reason: str = "",
    parameters: dict[str, Any] | None = None,
) -> Job:
    """A person presses a button. NotNow with all reasons when the rules or a running job forbid it."""
    if action == Action.PROMOTE_PRODUCTION:
        raise NotAllowed("A promotion to production needs an approved request.")
    if not TRANSITIONS[action].offered:
        raise NotAllowed("The portal does not do this; what was approved includes the date. Revert and request anew.")
    if not by.has_perm("lifecycle.operate_version"):
        raise NotAllowed("Your role does not change versions.")
    if action in NEEDS_REASON and not reason.strip():
        raise Incomplete("reason", f"Say why: “{action.label}” changes what targets boot, or cannot be undone.")
    possibility = judge(action, vdisk.chain(), version)
    if not possibility.allowed:
        raise NotNow(f"{action.label} is not possible now. {possibility.why_not}")
    return _create_job(
        action=action, vdisk=vdisk, version=version, by=by, reason=reason.strip(), parameters=parameters or {}
    )


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
    chain = vdisk.chain()
    possibility = judge(Action.PROMOTE_PRODUCTION, chain, version)
    if not possibility.allowed:
        raise NotNow(f"The promotion cannot be requested now. {possibility.why_not}")
    change = ChangeRequest(
        vdisk=vdisk,
        version_number=version,
        requested_by=by,
        reason=reason.strip(),
        ticket=ticket.strip(),
        go_live_at=go_live_at,
        fingerprint=fingerprints.fingerprint(chain, version),
        links=fingerprints.links(chain, version),
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
    if change.go_live_at and change.go_live_at <= timezone.now():
        raise NotNow("The date asked for has passed. Reject it, and let it be requested again.")
    possibility = judge(Action.PROMOTE_PRODUCTION, change.vdisk.chain(), change.version_number)
    if not possibility.allowed:
        raise NotNow(f"The promotion is not possible now. {possibility.why_not}")
    with transaction.atomic():
        _decide(change, by, Decision.Verdict.APPROVED, reason)
        change.move(ChangeEvent.APPROVE, by=by, words=reason.strip())
        return _create_job(
            action=Action.PROMOTE_PRODUCTION,
            vdisk=change.vdisk,
            version=change.version_number,
            by=by,
            reason=change.reason,
            parameters={"fingerprint": change.fingerprint}
            | ({"go_live_at": change.go_live_at.isoformat()} if change.go_live_at else {}),
            change=change,
        )


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
    """Compare with the mirror; when the version is another one now, the request ends. True when it did."""
    chain = change.vdisk.chain()
    found = chain.get(change.version_number)
    if found is None:
        words = [f"Version {change.version_number} no longer exists."]
    elif not found.is_test:
        words = [f"Version {change.version_number} is no longer in test."]
    elif fingerprints.fingerprint(chain, change.version_number) != change.fingerprint:
        words = fingerprints.difference(change.links, fingerprints.links(chain, change.version_number))
    else:
        return False
    change.move(ChangeEvent.LAPSE, by=None, words="; ".join(words))
    return True


def cancel_job(*, job: Job, by: User) -> None:
    """Ask that a job stops; its worker sees it within one poll and undoes what it can."""
    if not by.has_perm("lifecycle.cancel_job"):
        raise NotAllowed("Your role does not cancel jobs.")
    now = timezone.now()
    with transaction.atomic():
        asked = Job.objects.active().filter(pk=job.pk, cancel_requested_at=None)
        if not asked.update(cancel_requested_at=now, cancel_requested_by=by, due_at=now):
            raise NotNow("The job is over already, or its cancelling was asked for before.")
        AuditEntry.objects.record(by=by, action="job.cancel", on=job, job=job)


def job_ended(job: Job) -> None:
    """Called once, by the engine, in the transaction that ends the job."""
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
        done = job.state == JobState.SUCCEEDED
        change.move(ChangeEvent.FINISH if done else ChangeEvent.FAIL, by=None, words=job.outcome)


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


def _create_job(
    *,
    action: Action,
    vdisk: VDisk,
    version: int | None,
    by: User,
    reason: str,
    parameters: dict[str, Any],
    change: ChangeRequest | None = None,
) -> Job:
    subject = vdisk.name if version is None else f"{vdisk.name} version {version}"
    job = Job(
        kind=action.value,
        title=f"{action.label}: {subject}"[:200],
        farm=vdisk.farm,
        vdisk=vdisk,
        version_number=version,
        change=change,
        requested_by=by,
        reason=reason,
        parameters=parameters,
        writes=action not in HARMLESS,
    )
    try:
        with transaction.atomic():
            job.save(force_insert=True)
            AuditEntry.objects.record(
                by=by,
                action=f"job.start.{action.value}",
                on=vdisk,
                on_name=subject,
                job=job,
                change=change,
                detail={"reason": reason, "does": TRANSITIONS[action].does},
            )
    except IntegrityError as error:
        running = Job.objects.active().filter(vdisk=vdisk, writes=True).first()
        about = f" (“{running.title}”)" if running else ""
        raise NotNow(f"Another job works on {vdisk.name} now{about}. Wait until it has ended.") from error
    return job
