"""Resume, restart, keep longer, clean up: when they may be done, by whom, and what they leave in the rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from lifecycle import claims, joblines, operations, promotions, rerunning
from lifecycle.errors import Incomplete, LifecycleError, NotAllowed, NotNow
from lifecycle.models import AuditEntry, ChangeRequest, Job, JobStep, VDisk
from lifecycle.operations import PROMOTED
from lifecycle.rerunning import UNANSWERED, UNDO
from lifecycle.states import (
    ACTIVE_JOB_STATES,
    RESUMABLE_JOB_STATES,
    Action,
    ChangeState,
    JobState,
    Repeat,
    StepState,
    UndoCause,
)
from tests import factories
from tests.lifecycle.ground import IN_TEST, end, make_vdisk, person, ready, request, trail

ABOUT = {"repeat": "after-look", "stands": True, "produces": [], "remembers": [], "belongs_to_job": False}
DEEDS: dict[str, Callable[[Job, User], None]] = {
    "resume": rerunning.resume_job,
    "restart": lambda job, by: rerunning.restart_job(job, 1, by, "again"),
    "keep": lambda job, by: rerunning.keep_longer(job, by, 24),
    "clean up": rerunning.clean_up,
}


@pytest.fixture
def job(vdisk: VDisk, admin: User) -> Job:
    """Failed at the third of four steps; it keeps a VM."""
    now = timezone.now()
    job = Job.objects.create(
        kind="new-version",
        title="A job",
        farm=vdisk.farm,
        vdisk=vdisk,
        requested_by=admin,
        state=JobState.FAILED,
        outcome="no space",
        context={"vm": "vm-1", "ip": "10.0.0.1", "outcome": "half done"},
        started_at=now,
        ended_at=now,
        admitted_at=now,
        kept="VM on host A",
        kept_until=now + timedelta(hours=72),
    )
    states = [StepState.DONE, StepState.DONE, StepState.FAILED, StepState.SKIPPED]
    produces = [[], ["vm"], ["ip"], []]
    for position, (state, names) in enumerate(zip(states, produces, strict=True), 1):
        begun = state != StepState.SKIPPED
        JobStep.objects.create(
            job=job,
            position=position,
            key=f"step-{position}",
            title=f"Step {position}",
            state=state,
            about=ABOUT | {"produces": names, "remembers": ["asked"]},
            saved={"asked": position, "polled": 9} if begun else {},
            attempts=2 if begun else 0,
            started_at=now if begun else None,
            ended_at=now if begun else None,
            message="as it was" if begun else "",
            error_code=5 if state == StepState.FAILED else None,
            error_words="no space" if state == StepState.FAILED else "",
            failures=3 if state == StepState.FAILED else 0,
        )
    return job


def step(job: Job, position: int) -> JobStep:
    return job.steps.get(position=position)


def about(job: Job, position: int, **values: Any) -> None:
    row = step(job, position)
    row.about |= values
    row.save()


def facts(job: Job) -> list[Any]:
    steps = list(job.steps.order_by("position").values())
    return [list(Job.objects.filter(pk=job.pk).values()), steps, list(job.log.values()), trail()]


# --- resume


def test_a_resumed_job_goes_on_from_the_failed_step_with_all_it_remembers(job: Job, both: User) -> None:
    before = Job.objects.get(pk=job.pk)

    rerunning.resume_job(job, both)

    assert (job.state, job.queues, job.runs, job.ended_at, job.admitted_at) == (JobState.WAITING, True, 2, None, None)
    assert (job.outcome, job.kept, job.kept_until, job.undo_cause) == ("", "VM on host A", None, "")
    assert job.context == {"vm": "vm-1", "ip": "10.0.0.1"}
    assert job.due_at <= timezone.now()
    assert job.lease_token > before.lease_token
    states = list(job.steps.order_by("position").values_list("state", flat=True))
    assert states == [StepState.DONE, StepState.DONE, StepState.PENDING, StepState.PENDING]
    failed = step(job, 3)
    assert failed.saved == {"asked": 3, "polled": 9, "resumed": True}
    assert (failed.failures, failed.started_at, failed.error_code, failed.message) == (0, None, None, "")
    assert failed.attempts == 2
    assert step(job, 4).saved == {}
    line = job.log.get()
    assert line.text == "Resumed by both from step 3, “Step 3”."
    assert line.number == job.lines == 1
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor, entry.job, entry.detail["failed"]) == ("job.resume", both, job, "no space")


@pytest.mark.parametrize("state", sorted(set(JobState) - RESUMABLE_JOB_STATES))
def test_only_a_failed_job_goes_on(job: Job, admin: User, state: JobState) -> None:
    over = None if state in ACTIVE_JOB_STATES else timezone.now()
    cause = UndoCause.CANCELLED if state == JobState.UNDOING else ""
    Job.objects.update(state=state, ended_at=over, undo_cause=cause)
    before = facts(job)

    for name in ("resume", "restart"):
        with pytest.raises(NotNow, match=state.label):
            DEEDS[name](job, admin)

    assert facts(job) == before


@pytest.mark.parametrize(
    ("kept", "words"), [("", "What it did was taken back"), ("VM on host A", "Cleaning up was begun, and not all")]
)
@pytest.mark.parametrize("cause", UndoCause)
def test_a_job_that_took_back_what_it_did_does_not_go_on(job: Job, cause: UndoCause, kept: str, words: str) -> None:
    Job.objects.update(undo_cause=cause, kept=kept)

    assert rerunning.why_not_resume(Job.objects.get()).startswith(words)
    assert rerunning.why_not_restart(Job.objects.get(), 1).startswith(words)


def test_a_job_whose_vdisk_is_gone_does_not_go_on(job: Job) -> None:
    VDisk.objects.update(gone_at=timezone.now())

    assert "no longer in PVS" in rerunning.why_not_resume(Job.objects.get())


def test_a_call_that_is_never_repeated_and_was_not_answered_forbids_it(job: Job, admin: User) -> None:
    about(job, 3, repeat=Repeat.NEVER)
    assert rerunning.why_not_resume(job) == ""
    JobStep.objects.filter(position=3).update(saved={UNANSWERED: True})

    with pytest.raises(NotNow, match="unknown whether step 3, “Step 3”, took effect"):
        rerunning.resume_job(job, admin)

    about(job, 3, repeat=Repeat.AFTER_LOOK)
    assert rerunning.why_not_resume(job) == ""


def test_a_job_that_failed_before_its_first_step_starts_anew(job: Job, admin: User) -> None:
    job.steps.all().delete()

    rerunning.resume_job(job, admin)

    assert job.state == JobState.WAITING


def test_a_cancelling_that_came_too_late_is_forgotten(job: Job, admin: User) -> None:
    Job.objects.update(cancel_requested_at=timezone.now(), cancel_requested_by=admin)

    rerunning.resume_job(job, admin)

    assert (job.cancel_requested_at, job.cancel_requested_by) == (None, None)


def test_it_waits_behind_a_job_that_has_the_vdisk(job: Job, admin: User, vdisk: VDisk) -> None:
    operations.start_job(action=operations.Action.NEW_VERSION, vdisk=vdisk, version=None, by=admin)

    rerunning.resume_job(job, admin)

    assert (job.state, job.queues) == (JobState.WAITING, True)


@pytest.mark.parametrize("deed", ["resume", "restart", "clean up"])
def test_it_waits_for_what_it_needs_now(job: Job, admin: User, vdisk: VDisk, deed: str) -> None:
    """Also a job from before there was a queue, which says nothing of it."""
    assert job.needs == []

    DEEDS[deed](job, admin)

    assert job.needs == claims.needs_of(kind=job.kind, farm=vdisk.farm, vdisk=vdisk, writes=True)
    assert f"vdisk:{vdisk.pk}" in job.needs


# --- restart


def test_a_restarted_job_begins_again_at_that_step_and_remembers_what_it_asked(job: Job, both: User) -> None:
    rerunning.restart_job(job, 2, both, "another host")

    assert (job.state, job.runs, job.queues) == (JobState.WAITING, 2, True)
    states = list(job.steps.order_by("position").values_list("state", flat=True))
    assert states == [StepState.DONE, *[StepState.PENDING] * 3]
    assert job.context == {}, "what the steps from there on produced is to be produced again"
    assert step(job, 1).saved == {"asked": 1, "polled": 9}
    assert step(job, 2).saved == {"asked": 2, "resumed": True}
    assert step(job, 4).saved == {}
    assert job.log.get().text == "Restarted by both from step 2, “Step 2”. Reason: another host"
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.detail["step"], entry.detail["reason"]) == ("job.restart", "Step 2", "another host")


def test_what_earlier_steps_produced_stays(job: Job, admin: User) -> None:
    rerunning.restart_job(job, 3, admin)

    assert job.context == {"vm": "vm-1"}


@pytest.mark.parametrize(
    ("position", "changed", "words"),
    [
        (4, {}, "Step 3, “Step 3”, was not done"),
        (0, {}, "no step 0"),
        (5, {}, "no step 5"),
        (3, {1: {"stands": False}}, "step 1, “Step 1”, found may not hold any more"),
        (2, {3: {"repeat": "never"}}, "Step 3, “Step 3”, was begun and must never be done twice"),
        (2, {2: {"repeat": "never"}}, "Step 2, “Step 2”, was begun and must never be done twice"),
    ],
)
def test_where_it_cannot_begin_again(
    job: Job, admin: User, position: int, changed: dict[int, dict[str, Any]], words: str
) -> None:
    for number, values in changed.items():
        about(job, number, **values)
    before = facts(job)

    with pytest.raises(NotNow, match=words):
        rerunning.restart_job(job, position, admin)

    assert facts(job) == before


@pytest.mark.parametrize(
    ("position", "changed"),
    [
        (1, {1: {"stands": False}}),
        (2, {2: {"stands": False}, 3: {"stands": False}}),
        (3, {2: {"repeat": "never"}}),
        (3, {4: {"repeat": "never"}}),
    ],
)
def test_where_it_can_begin_again(job: Job, position: int, changed: dict[int, dict[str, Any]]) -> None:
    for number, values in changed.items():
        about(job, number, **values)

    assert rerunning.why_not_restart(job, position) == ""


def test_a_secret_in_the_reason_stays_out_of_log_and_audit_trail(job: Job, admin: User) -> None:
    rerunning.restart_job(job, 2, admin, "the account has password=Sommer2031 now")

    assert job.log.get().text.endswith("Reason: the account has password=[masked] now")
    assert AuditEntry.objects.latest("id").detail["reason"] == "the account has password=[masked] now"


def test_a_secret_in_any_line_of_people_is_masked(job: Job) -> None:
    joblines.append(job, "Left: share with password=Sommer2031")

    assert job.log.get().text == "Left: share with password=[masked]"


# --- keep longer


def test_keeping_longer_moves_the_end_and_brings_another_reminder(job: Job, both: User) -> None:
    Job.objects.update(reminded_at=timezone.now())
    before = Job.objects.get().kept_until

    rerunning.keep_longer(job, both, 24)

    assert before is not None
    assert job.kept_until == before + timedelta(hours=24)
    assert job.reminded_at is None
    assert job.state == JobState.FAILED
    assert "both keeps what is left until" in job.log.get().text
    assert AuditEntry.objects.latest("id").action == "job.keep"


def test_an_end_that_has_passed_is_put_off_from_now(job: Job, admin: User) -> None:
    Job.objects.update(kept_until=timezone.now() - timedelta(hours=5))

    rerunning.keep_longer(job, admin, 2)

    assert job.kept_until is not None
    assert timedelta(hours=1) < job.kept_until - timezone.now() <= timedelta(hours=2)


@pytest.mark.parametrize("hours", [0, -1, 721])
def test_hours_out_of_reason_are_refused_by_their_field(job: Job, admin: User, hours: int) -> None:
    with pytest.raises(Incomplete) as refused:
        rerunning.keep_longer(job, admin, hours)

    assert refused.value.field == "hours"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kept": ""}, "Nothing of it is left"),
        ({"kept_until": None}, "until a person removes it"),
        ({"state": JobState.RUNNING, "ended_at": None}, "running"),
    ],
)
def test_what_cannot_be_kept_longer(job: Job, admin: User, values: dict[str, Any], words: str) -> None:
    Job.objects.update(**values)

    with pytest.raises(NotNow, match=words):
        rerunning.keep_longer(job, admin, 24)


# --- clean up


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (JobState.FAILED, UndoCause.ASKED),
        (JobState.ERRORED, UndoCause.ASKED),
        (JobState.CANCELLED, UndoCause.CANCELLED),
    ],
)
def test_cleaning_up_puts_the_job_into_the_queue_to_undo(
    job: Job, both: User, state: JobState, cause: UndoCause
) -> None:
    Job.objects.update(state=state)
    JobStep.objects.filter(position=2).update(saved={"asked": 2, UNDO: {"ended": True, "left": "VM"}})

    rerunning.clean_up(job, both)

    assert (job.state, job.undo_cause, job.queues, job.admitted_at) == (JobState.WAITING, cause, True, None)
    assert (job.kept, job.kept_until, job.outcome, job.runs) == ("VM on host A", None, "no space", 1)
    assert step(job, 2).saved == {"asked": 2}, "an undo that did not work before is tried again"
    assert job.log.get().text == "both asked to clean up: VM on host A"
    assert AuditEntry.objects.latest("id").action == "job.clean-up"


@pytest.mark.parametrize(
    ("values", "words"),
    [({"kept": ""}, "Nothing of it is left"), ({"state": JobState.RUNNING, "ended_at": None}, "cancel it")],
)
def test_what_cannot_be_cleaned_up(job: Job, admin: User, values: dict[str, Any], words: str) -> None:
    Job.objects.update(**values)

    with pytest.raises(NotNow, match=words):
        rerunning.clean_up(job, admin)


def test_a_clean_up_cannot_be_cancelled(job: Job, admin: User) -> None:
    rerunning.clean_up(job, admin)

    with pytest.raises(NotNow, match="only cleans up"):
        operations.cancel_job(job=job, by=admin)


def test_the_end_of_a_clean_up_is_no_second_failure(job: Job, admin: User) -> None:
    rerunning.clean_up(job, admin)
    Job.objects.update(kept="")

    end(job, JobState.FAILED)

    assert trail()[-1] == "job.cleaned-up"
    assert "job.failed" not in trail()


# --- who, and how often


@pytest.mark.parametrize("name", ["approver", "helpdesk", "auditor", "outsider"])
@pytest.mark.parametrize("deed", DEEDS)
def test_it_is_refused_to_the_wrong_person(job: Job, deed: str, name: str, request: pytest.FixtureRequest) -> None:
    before = facts(job)

    with pytest.raises(NotAllowed):
        DEEDS[deed](job, request.getfixturevalue(name))

    assert facts(job) == before


@pytest.mark.parametrize("missing", rerunning.PERMISSIONS)
@pytest.mark.parametrize("deed", DEEDS)
def test_it_needs_the_right_to_resume_and_the_right_to_change_versions(job: Job, deed: str, missing: str) -> None:
    names = [name.partition(".")[2] for name in rerunning.PERMISSIONS if name != missing]
    by = person("half")
    by.user_permissions.set(Permission.objects.filter(codename__in=names))
    before = facts(job)

    with pytest.raises(NotAllowed):
        DEEDS[deed](job, by)

    assert facts(job) == before


@pytest.mark.parametrize("second", DEEDS)
@pytest.mark.parametrize("first", ["resume", "restart", "clean up"])
def test_the_second_of_two_stale_copies_is_refused(job: Job, admin: User, first: str, second: str) -> None:
    stale = Job.objects.get(pk=job.pk)
    DEEDS[first](job, admin)
    before = facts(job)

    with pytest.raises(LifecycleError):
        DEEDS[second](stale, admin)

    assert facts(job) == before


# --- promotions


@pytest.fixture
def promotion(change: ChangeRequest, approver: User) -> Job:
    return end(operations.approve(change=change, by=approver), JobState.FAILED, "PVS01 was away")


@pytest.mark.parametrize("deed", ["resume", "restart"])
def test_a_resumed_promotion_makes_its_request_live_again(promotion: Job, admin: User, deed: str) -> None:
    JobStep.objects.create(job=promotion, position=1, key="a", title="A", state=StepState.FAILED, about=ABOUT)

    DEEDS[deed](promotion, admin)

    change = ChangeRequest.objects.get()
    assert (change.state, change.ended_at) == (ChangeState.APPROVED, None)
    assert {"change.resume", f"job.{deed}"} <= set(trail())
    end(promotion, JobState.SUCCEEDED)
    assert ChangeRequest.objects.get().state == ChangeState.DONE


def test_a_promotion_that_was_requested_anew_is_not_resumed(promotion: Job, admin: User, vdisk: VDisk) -> None:
    request(vdisk, admin)

    with pytest.raises(NotNow, match="requested anew"):
        rerunning.resume_job(promotion, admin)

    assert Job.objects.get(pk=promotion.pk).state == JobState.FAILED


def reject(change: ChangeRequest, approver: User) -> None:
    operations.reject(change=change, by=approver, reason="The tests failed")


def withdraw(change: ChangeRequest, _approver: User) -> None:
    operations.withdraw(change=change, by=change.requested_by)


@pytest.mark.parametrize(("ends", "words"), [(reject, "it is rejected"), (withdraw, "it is withdrawn")])
@pytest.mark.parametrize("deed", ["resume", "restart"])
def test_a_later_request_counts_also_when_it_came_to_nothing(
    promotion: Job, admin: User, approver: User, vdisk: VDisk, deed: str, ends: Any, words: str
) -> None:
    JobStep.objects.create(job=promotion, position=1, key="a", title="A", state=StepState.FAILED, about=ABOUT)
    ends(request(vdisk, admin), approver)

    with pytest.raises(NotNow, match=words):
        DEEDS[deed](promotion, admin)

    assert promotion.change is not None
    promotion.change.refresh_from_db()
    assert promotion.change.state == ChangeState.FAILED
    assert Job.objects.get().state == JobState.FAILED


def test_a_request_that_came_in_the_last_moment_counts(
    promotion: Job, admin: User, approver: User, vdisk: VDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    reject(request(vdisk, admin), approver)
    monkeypatch.setattr(rerunning, "why_not_resume", lambda _job: "")

    with pytest.raises(NotNow, match="requested anew"):
        rerunning.resume_job(promotion, admin)

    assert Job.objects.get().state == JobState.FAILED


def stages(job: Job, refresh: StepState = StepState.FAILED) -> None:
    """Compare, promote, refresh."""
    makes = {"compare": [], "promote": [PROMOTED], "refresh": []}
    for position, (key, names) in enumerate(makes.items(), 1):
        state = refresh if key == "refresh" else StepState.DONE
        values = {"state": state, "about": ABOUT | {"produces": names}, "attempts": 1}
        JobStep.objects.create(job=job, position=position, key=key, title=key, **values)


@pytest.fixture
def promoted(promotion: Job) -> Job:
    """PVS has promoted; then the mirror could not be refreshed."""
    stages(promotion)
    Job.objects.update(context={PROMOTED: True})
    ChangeRequest.objects.update(state=ChangeState.DONE)
    return Job.objects.get()


@pytest.mark.parametrize("position", [1, 2])
def test_an_approval_that_was_carried_out_is_not_used_again(promoted: Job, admin: User, position: int) -> None:
    before = facts(promoted)

    with pytest.raises(NotNow, match="that approval is used up"):
        rerunning.restart_job(promoted, position, admin)

    assert facts(promoted) == before


@pytest.mark.parametrize("known_from", ["the request", "the job"])
def test_either_of_request_and_job_says_that_it_is_used_up(promoted: Job, known_from: str) -> None:
    if known_from == "the request":
        Job.objects.update(context={})
    else:
        ChangeRequest.objects.update(state=ChangeState.FAILED)

    assert "used up" in rerunning.why_not_restart(Job.objects.get(), 1)


def test_the_steps_after_the_promotion_can_go_on(promoted: Job, admin: User) -> None:
    assert rerunning.why_not_restart(promoted, 3) == ""

    rerunning.resume_job(promoted, admin)

    assert ChangeRequest.objects.get().state == ChangeState.DONE


def test_a_promotion_that_somehow_lost_its_step_is_not_repeated_by_a_resume(promoted: Job) -> None:
    JobStep.objects.filter(key="promote").update(state=StepState.FAILED)

    assert "used up" in rerunning.why_not_resume(promoted)


@pytest.mark.parametrize("kind", promotions.OVERTAKES)
@pytest.mark.parametrize("deed", ["resume", "restart"])
def test_a_promotion_is_not_carried_out_after_a_later_roll_back_or_promotion(
    promotion: Job, admin: User, vdisk: VDisk, kind: Action, deed: str
) -> None:
    """PVS promoted, its answer was lost, and the version was rolled back: its files are those that were approved."""
    stages(promotion)
    JobStep.objects.filter(key="promote").update(state=StepState.FAILED)
    assert rerunning.why_not_resume(promotion) == ""
    other = factories.job(vdisk, admin, kind=kind, state=JobState.SUCCEEDED, title="Roll back")
    before = facts(promotion)

    with pytest.raises(NotNow, match=f"Job {other.pk}, “Roll back”, came after it"):
        DEEDS[deed](promotion, admin)

    assert facts(promotion) == before


def test_a_roll_back_that_was_made_before_and_ran_after_counts_too(promotion: Job, admin: User, vdisk: VDisk) -> None:
    earlier = promotion.created_at - timedelta(hours=1)
    other = factories.job(vdisk, admin, kind=Action.REVERT_TEST, state=JobState.SUCCEEDED, created_at=earlier)
    Job.objects.filter(pk=other.pk).update(admitted_at=promotion.created_at + timedelta(seconds=1))
    assert "came after it" in rerunning.why_not_resume(promotion)

    Job.objects.filter(pk=other.pk).update(admitted_at=earlier)
    assert rerunning.why_not_resume(promotion) == ""


def test_a_roll_back_of_another_vdisk_and_other_jobs_do_not_matter(promotion: Job, admin: User, vdisk: VDisk) -> None:
    other = make_vdisk(vdisk.farm, "B", ready())
    factories.job(other, admin, kind=Action.REVERT_TEST, state=JobState.SUCCEEDED)
    factories.job(vdisk, admin, kind=Action.BOOT_TEST, state=JobState.SUCCEEDED)

    assert rerunning.why_not_resume(promotion) == ""


@pytest.mark.parametrize("state", [ChangeState.LAPSED, ChangeState.REJECTED, ChangeState.WITHDRAWN])
def test_a_promotion_whose_approval_no_longer_counts_is_not_resumed(
    promotion: Job, admin: User, state: ChangeState
) -> None:
    ChangeRequest.objects.update(state=state)

    with pytest.raises(NotNow, match="has to be requested anew"):
        rerunning.resume_job(promotion, admin)


def test_a_promotion_whose_date_has_passed_is_not_resumed(
    vdisk: VDisk, admin: User, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    date = timezone.now() + timedelta(hours=1)
    change = operations.request_promotion(vdisk=vdisk, version=IN_TEST, by=admin, reason="x", go_live_at=date)
    end(operations.approve(change=change, by=approver), JobState.FAILED)
    assert rerunning.why_not_resume(Job.objects.get()) == ""
    monkeypatch.setattr(rerunning.timezone, "now", lambda: date + timedelta(minutes=1))

    assert "date that was approved has passed" in rerunning.why_not_resume(Job.objects.get())


def test_a_promotion_that_pvs_has_done_goes_on_without_its_request(promotion: Job, admin: User) -> None:
    ChangeRequest.objects.update(state=ChangeState.DONE)

    rerunning.resume_job(promotion, admin)

    assert ChangeRequest.objects.get().state == ChangeState.DONE
    end(promotion, JobState.SUCCEEDED)
    assert promotion.change is not None


def test_a_promotion_keeps_its_version(promotion: Job, admin: User) -> None:
    rerunning.resume_job(promotion, admin)

    assert promotion.version_number == IN_TEST
