"""What people do with a job that failed: let it go on, begin it again from a step, keep or remove what it built.

Each ``why_not_...`` says in words why it cannot be done, or returns an empty text; the page asks the same question.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from lifecycle import claims, joblines, promotions
from lifecycle.errors import Incomplete, NotAllowed, NotNow
from lifecycle.models import AuditEntry, Job, JobStep
from lifecycle.secret_patterns import mask_patterns
from lifecycle.states import (
    RESUMABLE_JOB_STATES,
    ChangeEvent,
    ChangeState,
    JobState,
    Repeat,
    StepState,
    UndoCause,
)

UNANSWERED = "unanswered"
"""In a step's memory: it made a call that is never repeated, and nobody knows whether that took effect."""
UNDO = "undo"
"""In a step's memory: how far taking it back has come."""
RESUMED = "resumed"
"""In a step's memory: it was begun in an earlier run, so how long it takes now says nothing."""
OUTCOME = "outcome"
LONGEST_HOURS = 30 * 24
PERMISSIONS = ("lifecycle.resume_job", "lifecycle.operate_version")
"""A job that goes on changes versions, as one that is started does."""


def why_not_resume(job: Job) -> str:
    """From the step that failed, with all it remembers."""
    if why_not := _why_not_again(job):
        return why_not
    failed = job.steps.exclude(state=StepState.DONE).order_by("position").first()
    if failed and (why_not := promotions.why_not_twice(job, failed.position)):
        return why_not
    if failed and failed.saved.get(UNANSWERED) and failed.about.get("repeat") == Repeat.NEVER:
        return (
            f"It is unknown whether step {failed.position}, “{failed.title}”, took effect, and it must never be done "
            "twice. Look at the other side, and start a new job."
        )
    return ""


def why_not_restart(job: Job, position: int) -> str:
    """From step ``position``, which forgets what it did; the steps before it are left as they are."""
    if why_not := _why_not_again(job) or promotions.why_not_twice(job, position):
        return why_not
    steps = list(job.steps.order_by("position"))
    if position not in [step.position for step in steps]:
        return f"The job has no step {position}."
    for step in steps:
        if step.position < position and step.state != StepState.DONE:
            return f"Step {step.position}, “{step.title}”, was not done."
        if step.position < position and not step.about.get("stands", False):
            return f"What step {step.position}, “{step.title}”, found may not hold any more; begin there or earlier."
        if step.position >= position and _begun(step) and step.about.get("repeat") == Repeat.NEVER:
            return f"Step {step.position}, “{step.title}”, was begun and must never be done twice."
    return ""


def why_not_keep_longer(job: Job) -> str:
    if job.is_active:
        return f"The job is {job.get_state_display()}."
    if not job.kept:
        return "Nothing of it is left."
    if job.kept_until is None:
        return "It is left until a person removes it; there is no date to put off."
    return ""


def why_not_clean_up(job: Job) -> str:
    """Take back what an ended job left in place; also tried again, where it did not work before."""
    if job.is_active:
        return f"The job is {job.get_state_display()}; cancel it to have it take back what it did."
    return "" if job.kept else "Nothing of it is left."


def resume_job(job: Job, by: User) -> None:
    """Let a failed job go on from the step that failed, as soon as all that it needs is free."""
    _check_role(by)
    with transaction.atomic():
        found = _locked(job)
        _refuse(why_not_resume(found))
        pending = list(found.steps.exclude(state=StepState.DONE).order_by("position"))
        for step in pending:
            _begin_anew(step, saved={name: value for name, value in step.saved.items() if name != UNDO})
        where = f" from step {pending[0].position}, “{pending[0].title}”" if pending else ""
        _queue_again(found, context=_without(found.context, [OUTCOME]))
        joblines.append(found, f"Resumed by {by.get_username()}{where}.")
        _record(found, by, "job.resume", {"step": pending[0].title if pending else "", "failed": found.outcome})
        _move_change(found, by)
    job.refresh_from_db()


def restart_job(job: Job, position: int, by: User, reason: str = "") -> None:
    """Begin a failed job again from step ``position``. What the steps from there on built is found and adopted."""
    _check_role(by)
    reason = mask_patterns(reason.strip())
    with transaction.atomic():
        found = _locked(job)
        _refuse(why_not_restart(found, position))
        again = list(found.steps.filter(position__gte=position).order_by("position"))
        made: list[str] = [OUTCOME]
        for step in again:
            kept = step.about.get("remembers", [])
            made += step.about.get("produces", [])
            _begin_anew(step, saved={name: step.saved[name] for name in kept if name in step.saved})
        _queue_again(found, context=_without(found.context, made))
        why = f" Reason: {reason}" if reason else ""
        joblines.append(found, f"Restarted by {by.get_username()} from step {position}, “{again[0].title}”.{why}")
        detail = {"step": again[0].title, "reason": reason, "failed": found.outcome}
        _record(found, by, "job.restart", detail)
        _move_change(found, by)
    job.refresh_from_db()


def keep_longer(job: Job, by: User, hours: int) -> None:
    """Put off the end of keeping by so many hours; there will be another reminder."""
    _check_role(by)
    if not 1 <= hours <= LONGEST_HOURS:
        raise Incomplete("hours", f"Say for how many more hours it is to be kept: 1 to {LONGEST_HOURS}.")
    with transaction.atomic():
        found = _locked(job)
        _refuse(why_not_keep_longer(found))
        assert found.kept_until is not None
        until = max(found.kept_until, timezone.now()) + timedelta(hours=hours)
        Job.objects.filter(pk=found.pk).update(kept_until=until, reminded_at=None)
        joblines.append(found, f"{by.get_username()} keeps what is left until {until:%Y-%m-%d %H:%M} UTC.")
        _record(found, by, "job.keep", {"hours": hours, "until": f"{until:%Y-%m-%d %H:%M} UTC", "kept": found.kept})
    job.refresh_from_db()


def clean_up(job: Job, by: User) -> None:
    """Have the job take back what it left in place, as soon as all that it needs is free."""
    _check_role(by)
    with transaction.atomic():
        found = _locked(job)
        _refuse(why_not_clean_up(found))
        # what was cancelled stays so: this goes on with the undoing that a person asked for
        cause = UndoCause.CANCELLED if found.state == JobState.CANCELLED else UndoCause.ASKED
        queue_undo(found, cause)
        joblines.append(found, f"{by.get_username()} asked to clean up: {found.kept}")
        _record(found, by, "job.clean-up", {"kept": found.kept})
    job.refresh_from_db()


def queue_undo(job: Job, cause: UndoCause) -> None:
    """Wake an ended job to take back what is left. Steps whose undo did not work before are tried again."""
    for step in job.steps.filter(saved__has_key=UNDO).exclude(state=StepState.UNDONE):
        step.saved = {name: value for name, value in step.saved.items() if name != UNDO}
        step.save(update_fields=["saved"])
    _wake(job, undo_cause=cause)


def _why_not_again(job: Job) -> str:
    if job.state not in RESUMABLE_JOB_STATES:
        return f"Only a job that failed can go on; this one is {job.get_state_display()}."
    if job.undo_cause and job.kept:
        return "Cleaning up was begun, and not all could be taken back; start a new job instead."
    if job.undo_cause:
        return "What it did was taken back; start a new job instead."
    if job.vdisk is not None and job.vdisk.gone_at:
        return f"{job.vdisk.name} is no longer in PVS."
    return promotions.why_not_again(job)


def _begun(step: JobStep) -> bool:
    return step.attempts > 0 or step.started_at is not None


def _begin_anew(step: JobStep, saved: dict[str, Any]) -> None:
    """To do again, with what it remembers; its log lines and attempts stay."""
    step.saved = saved | ({RESUMED: True} if _begun(step) else {})
    step.state = StepState.PENDING
    step.message = step.error_words = ""
    step.progress = step.error_code = step.started_at = step.ended_at = step.sign_at = step.seconds = None
    step.failures = 0
    step.save()


def _queue_again(job: Job, context: dict[str, Any]) -> None:
    """What it left in place stays named until the next ending knows better."""
    _wake(
        job,
        context=context,
        runs=F("runs") + 1,
        outcome="",
        undo_cause="",
        cancel_requested_at=None,
        cancel_requested_by=None,
    )


def _wake(job: Job, **changes: Any) -> None:
    """Into the queue, with what it needs now. The token grows: whoever ended the job can write no more."""
    needs = claims.needs_of(kind=job.kind, farm=job.farm, vdisk=job.vdisk, writes=job.writes, host=job.host)
    try:
        with transaction.atomic():
            Job.objects.filter(pk=job.pk).update(
                state=JobState.WAITING,
                queues=True,
                needs=needs,
                ended_at=None,
                admitted_at=None,
                due_at=Now(),
                dispatched_at=None,
                lease_token=F("lease_token") + 1,
                lease_until=None,
                lease_owner="",
                kept_until=None,
                reminded_at=None,
                **changes,
            )
    except IntegrityError as error:
        raise NotNow("Another job carries out the same request now.") from error


def _move_change(job: Job, by: User) -> None:
    """The approved request is being carried out again; its steps compare with what was approved."""
    change = job.change
    if change is None or change.state != ChangeState.FAILED:
        return
    _refuse(promotions.requested_anew(change))
    try:
        with transaction.atomic():
            change.move(ChangeEvent.RESUME, by=by)
    except IntegrityError as error:
        raise NotNow(f"Version {change.version_number} has been requested anew meanwhile.") from error


def _check_role(by: User) -> None:
    if not by.has_perms(PERMISSIONS):
        raise NotAllowed("Your role does not resume, restart or clean up jobs.")


def _locked(job: Job) -> Job:
    return Job.objects.select_for_update(of=["self"]).select_related("farm", "vdisk", "change").get(pk=job.pk)


def _refuse(why_not: str) -> None:
    if why_not:
        raise NotNow(why_not)


def _without(context: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in context.items() if name not in names}


def _record(job: Job, by: User, action: str, detail: dict[str, Any]) -> None:
    AuditEntry.objects.record(by=by, action=action, on=job.vdisk or job, job=job, change=job.change, detail=detail)
