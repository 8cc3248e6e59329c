"""Approving and rejecting: by whom, when, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle import operations, policies
from lifecycle.errors import Incomplete, NotAllowed, NotNow, StaleState
from lifecycle.models import AuditEntry, ChangeRequest, Decision, Job, JobStep, VDisk
from lifecycle.roles import Role
from lifecycle.states import Access, Action, ChangeState, JobState, ReplicaState
from tests.lifecycle.chains import chain, in_test, merged, merging, obsolete, version
from tests.lifecycle.ground import IN_TEST, end, person, ready, request, trail, write_chain

ENDED = [state for state in ChangeState if state != ChangeState.OPEN]


def built(by: User, vdisk: VDisk, kind: Action, number: int = IN_TEST) -> Job:
    return Job.objects.create(
        kind=kind,
        title="x",
        farm=vdisk.farm,
        vdisk=vdisk,
        version_number=number,
        requested_by=by,
        state=JobState.SUCCEEDED,
        ended_at=timezone.now(),
    )


def nothing_came_of_it(change: ChangeRequest) -> None:
    assert not Decision.objects.exists()
    assert not Job.objects.active().exists()
    assert ChangeRequest.objects.get(pk=change.pk).state == ChangeState.OPEN
    assert trail() == ["change.request"]


# --- approve


def test_an_approval_starts_the_promotion(change: ChangeRequest, approver: User, vdisk: VDisk) -> None:
    job = operations.approve(change=change, by=approver, reason=" Looks good ")

    change.refresh_from_db()
    assert change.state == ChangeState.APPROVED
    assert change.ended_at is None
    decision = Decision.objects.get()
    assert (decision.by, decision.requested_by) == (approver, change.requested_by)
    assert (decision.verdict, decision.reason) == (Decision.Verdict.APPROVED, "Looks good")
    assert decision.fingerprint == change.fingerprint
    job.refresh_from_db()
    assert (job.kind, job.vdisk, job.version_number) == (Action.PROMOTE_PRODUCTION, vdisk, IN_TEST)
    assert (job.change, job.state, job.writes) == (change, JobState.WAITING, True)
    assert job.parameters == {"fingerprint": change.fingerprint}
    assert trail() == ["change.request", "change.approve", "job.start.promote-production"]
    assert set(AuditEntry.objects.values_list("change", flat=True)) == {change.pk}


def test_the_job_is_told_the_date(vdisk: VDisk, admin: User, approver: User) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    change = operations.request_promotion(vdisk=vdisk, version=IN_TEST, by=admin, reason="x", go_live_at=tomorrow)

    job = operations.approve(change=change, by=approver)

    assert job.parameters["go_live_at"] == tomorrow.isoformat()


@pytest.mark.parametrize("name", ["helpdesk", "auditor", "outsider"])
def test_deciding_is_refused_to_the_wrong_person(
    name: str, change: ChangeRequest, request: pytest.FixtureRequest
) -> None:
    by = request.getfixturevalue(name)

    with pytest.raises(NotAllowed, match="role"):
        operations.approve(change=change, by=by)
    with pytest.raises(NotAllowed, match="role"):
        operations.reject(change=change, by=by, reason="no")

    nothing_came_of_it(change)


def test_the_requester_cannot_decide_even_with_both_roles(vdisk: VDisk, both: User) -> None:
    change = request(vdisk, both)

    with pytest.raises(NotAllowed, match="You requested"):
        operations.approve(change=change, by=both)
    with pytest.raises(NotAllowed, match="You requested"):
        operations.reject(change=change, by=both, reason="no")

    nothing_came_of_it(change)


def test_a_superuser_cannot_approve_their_own_request(vdisk: VDisk, superuser: User) -> None:
    change = request(vdisk, superuser)

    with pytest.raises(NotAllowed, match="You requested"):
        operations.approve(change=change, by=superuser)

    nothing_came_of_it(change)


def test_somebody_who_is_not_active_any_more_cannot_approve(change: ChangeRequest, superuser: User) -> None:
    superuser.is_active = False
    superuser.save()

    with pytest.raises(NotAllowed):
        operations.approve(change=change, by=superuser)


@pytest.mark.parametrize("kind", policies.MAKES_CONTENT)
@pytest.mark.parametrize("name", ["both", "superuser"])
def test_whoever_built_the_version_cannot_decide(
    kind: Action, name: str, change: ChangeRequest, vdisk: VDisk, request: pytest.FixtureRequest
) -> None:
    by = request.getfixturevalue(name)
    built(by, vdisk, kind)

    with pytest.raises(NotAllowed, match="version 2 yourself"):
        operations.approve(change=change, by=by)

    nothing_came_of_it(change)


@pytest.mark.parametrize("kind", policies.MAKES_CONTENT)
@pytest.mark.parametrize("action", policies.CARRIED_ON)
def test_whoever_let_a_failed_build_go_on_cannot_decide(
    kind: Action, action: str, change: ChangeRequest, vdisk: VDisk, admin: User, both: User, approver: User
) -> None:
    job = built(admin, vdisk, kind)
    AuditEntry.objects.record(by=both, action=action, on=vdisk, job=job)

    assert "version 2 yourself" in policies.why_not_approve(both, change)
    assert policies.why_not_approve(approver, change) == ""


@pytest.mark.parametrize("action", ["job.keep", "job.clean-up", "job.cancel"])
def test_whoever_did_something_else_with_a_build_can_decide(
    action: str, change: ChangeRequest, vdisk: VDisk, admin: User, both: User
) -> None:
    AuditEntry.objects.record(by=both, action=action, on=vdisk, job=built(admin, vdisk, Action.NEW_VERSION))

    assert policies.why_not_approve(both, change) == ""


def test_whoever_let_another_job_go_on_can_decide(change: ChangeRequest, vdisk: VDisk, admin: User, both: User) -> None:
    AuditEntry.objects.record(by=both, action="job.resume", on=vdisk, job=built(admin, vdisk, Action.PROMOTE_TEST))

    assert policies.why_not_approve(both, change) == ""


@pytest.mark.parametrize(("hours", "is_builder"), [(None, False), (-1, False), (1, True)])
def test_a_build_without_a_number_counts_from_when_it_was_let_in(
    hours: int | None, is_builder: bool, change: ChangeRequest, vdisk: VDisk, both: User
) -> None:
    """It was asked for before the newest production version was seen, and waited in the queue."""
    seen = timezone.now() - timedelta(days=1)
    vdisk.versions.filter(number=1).update(first_seen_at=seen)
    job = built(both, vdisk, Action.NEW_VERSION)
    admitted = None if hours is None else seen + timedelta(hours=hours)
    made = {"version_number": None, "created_at": seen - timedelta(days=1), "admitted_at": admitted}
    Job.objects.filter(pk=job.pk).update(**made)
    JobStep.objects.create(job=job, position=1, key="create", title="x", saved={"asked_above": 1})

    assert policies.built(both, change) is is_builder


def test_whoever_built_a_test_version_beneath_cannot_decide_either(vdisk: VDisk, admin: User, both: User) -> None:
    write_chain(vdisk, chain(version(0), in_test(1), in_test(IN_TEST)))
    built(both, vdisk, Action.NEW_VERSION, 1)
    change = request(vdisk, admin)

    with pytest.raises(NotAllowed, match="version 1 yourself"):
        operations.approve(change=change, by=both)


def test_whoever_built_what_was_merged_into_it_cannot_decide_either(vdisk: VDisk, admin: User, both: User) -> None:
    write_chain(vdisk, chain(version(0), obsolete(1, access=Access.TEST), merged(IN_TEST, Access.TEST)))
    built(both, vdisk, Action.NEW_VERSION, 1)
    change = request(vdisk, admin)

    with pytest.raises(NotAllowed, match="version 1 yourself"):
        operations.approve(change=change, by=both)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_whoever_built_a_released_version_or_a_later_one_can_decide(
    number: int, change: ChangeRequest, vdisk: VDisk, both: User
) -> None:
    built(both, vdisk, Action.NEW_VERSION, number)

    operations.approve(change=change, by=both)

    assert change.state == ChangeState.APPROVED


@pytest.mark.parametrize("kind", sorted(set(Action) - set(policies.MAKES_CONTENT)))
def test_whoever_moved_the_version_without_changing_it_can_decide(
    kind: Action, change: ChangeRequest, vdisk: VDisk, both: User
) -> None:
    built(both, vdisk, kind)

    assert policies.why_not_approve(both, change) == ""


def test_whoever_built_the_same_number_of_another_vdisk_can_decide(
    change: ChangeRequest, vdisk: VDisk, both: User
) -> None:
    other = VDisk.objects.create(farm=vdisk.farm, site=vdisk.site, store=vdisk.store, guid=vdisk.site.guid, name="B")
    built(both, other, Action.NEW_VERSION)

    assert not policies.built(both, change)


@pytest.mark.parametrize("state", ENDED)
def test_deciding_is_refused_in_every_wrong_state(state: ChangeState, change: ChangeRequest, approver: User) -> None:
    ChangeRequest.objects.update(state=state)
    change.refresh_from_db()

    with pytest.raises(NotNow):
        operations.approve(change=change, by=approver)
    with pytest.raises(NotNow):
        operations.reject(change=change, by=approver, reason="no")

    assert ChangeRequest.objects.get().state == state
    assert not Decision.objects.exists()
    assert trail() == ["change.request"]


def test_approving_twice_starts_one_job(change: ChangeRequest, approver: User) -> None:
    operations.approve(change=change, by=approver)

    with pytest.raises(NotNow):
        operations.approve(change=change, by=approver)

    assert Job.objects.count() == 1
    assert Decision.objects.count() == 1


def test_a_second_click_on_a_stale_page_is_told_so(change: ChangeRequest, approver: User) -> None:
    stale = ChangeRequest.objects.get(pk=change.pk)
    operations.approve(change=change, by=approver)

    with pytest.raises(NotNow, match="You have decided"):
        operations.approve(change=stale, by=approver)

    assert Job.objects.count() == 1


def test_the_second_approver_with_a_stale_copy_loses(
    change: ChangeRequest, approver: User, second_approver: User
) -> None:
    stale = ChangeRequest.objects.get(pk=change.pk)
    operations.approve(change=change, by=approver)

    with pytest.raises(StaleState, match="approved"):
        operations.approve(change=stale, by=second_approver)

    assert stale.state == ChangeState.APPROVED
    assert Job.objects.count() == 1
    assert Decision.objects.get().by == approver


def test_a_late_second_approval_does_not_end_a_promotion_that_has_worked(
    change: ChangeRequest, approver: User, second_approver: User, vdisk: VDisk
) -> None:
    """PVS has promoted and the mirror shows it, but the job has not ended yet."""
    job = operations.approve(change=change, by=approver)
    write_chain(vdisk, chain(version(0), version(1), version(IN_TEST)))
    for copied in (ChangeRequest.objects.get(), change):
        with pytest.raises(NotNow, match="approved"):
            operations.approve(change=copied, by=second_approver)

    end(job, JobState.SUCCEEDED)

    assert ChangeRequest.objects.get().state == ChangeState.DONE


def test_a_late_approval_from_a_stale_page_does_not_end_it_either(
    change: ChangeRequest, approver: User, second_approver: User, vdisk: VDisk
) -> None:
    stale = ChangeRequest.objects.get(pk=change.pk)
    operations.approve(change=change, by=approver)
    write_chain(vdisk, chain(version(0), version(1), version(IN_TEST)))

    with pytest.raises(NotNow, match="approved"):
        operations.approve(change=stale, by=second_approver)

    assert ChangeRequest.objects.get().state == ChangeState.APPROVED


def test_an_approval_of_a_changed_version_lapses_the_request(
    change: ChangeRequest, approver: User, vdisk: VDisk
) -> None:
    facts = ready()
    written = tuple(replace(found, file_time="2026-11-21 10:00:00") for found in facts.replicas)
    write_chain(vdisk, replace(facts, replicas=written))

    with pytest.raises(NotNow, match="was written to"):
        operations.approve(change=change, by=approver)

    assert ChangeRequest.objects.get().state == ChangeState.LAPSED
    assert not Decision.objects.exists()
    assert trail() == ["change.request", "change.lapse"]


def test_what_nobody_can_see_now_is_not_approved_and_does_not_lapse(
    change: ChangeRequest, approver: User, vdisk: VDisk
) -> None:
    facts = ready()
    away = tuple(replace(found, state=ReplicaState.UNREACHABLE) for found in facts.replicas)
    write_chain(vdisk, replace(facts, replicas=away))

    with pytest.raises(NotNow, match="up to date now"):
        operations.approve(change=change, by=approver)

    nothing_came_of_it(change)


def test_a_date_that_has_passed_is_not_approved(change: ChangeRequest, approver: User) -> None:
    change.go_live_at = timezone.now() - timedelta(minutes=1)

    with pytest.raises(NotNow, match="date asked for has passed"):
        operations.approve(change=change, by=approver)

    nothing_came_of_it(change)


def test_an_approval_waits_for_a_merge(change: ChangeRequest, approver: User, vdisk: VDisk) -> None:
    facts = ready()
    write_chain(vdisk, replace(facts, versions=(*facts.versions, merging(3))))

    with pytest.raises(NotNow, match="being merged"):
        operations.approve(change=change, by=approver)

    nothing_came_of_it(change)


def test_an_approval_waits_for_another_job(change: ChangeRequest, approver: User, vdisk: VDisk, admin: User) -> None:
    job = operations.start_job(action=Action.DELETE_VERSION, vdisk=vdisk, version=IN_TEST, by=admin, reason="x")

    with pytest.raises(NotNow, match="Delete the version: W11 version 2"):
        operations.approve(change=change, by=approver)

    assert change.state == ChangeState.OPEN, "the copy in memory must not tell what was taken back"
    assert not Decision.objects.exists()
    assert Job.objects.get() == job


def test_a_job_that_only_boots_is_not_in_the_way(
    change: ChangeRequest, approver: User, vdisk: VDisk, admin: User
) -> None:
    operations.start_job(action=Action.BOOT_TEST, vdisk=vdisk, version=IN_TEST, by=admin)

    assert operations.approve(change=change, by=approver)


# --- reject


def test_a_rejection_tells_why(change: ChangeRequest, approver: User) -> None:
    operations.reject(change=change, by=approver, reason=" Not in December ")

    change.refresh_from_db()
    assert (change.state, change.state_words) == (ChangeState.REJECTED, "Not in December")
    assert change.ended_at
    assert Decision.objects.get().verdict == Decision.Verdict.REJECTED
    assert not Job.objects.exists()
    assert trail() == ["change.request", "change.reject"]


@pytest.mark.parametrize("reason", ["", " \t"])
def test_a_rejection_needs_a_reason(reason: str, change: ChangeRequest, approver: User) -> None:
    with pytest.raises(Incomplete) as refused:
        operations.reject(change=change, by=approver, reason=reason)

    assert refused.value.field == "reason"
    nothing_came_of_it(change)


def test_a_rejection_from_a_stale_copy_loses(change: ChangeRequest, approver: User, second_approver: User) -> None:
    stale = ChangeRequest.objects.get(pk=change.pk)
    operations.approve(change=change, by=approver)

    with pytest.raises(StaleState):
        operations.reject(change=stale, by=second_approver, reason="no")

    assert ChangeRequest.objects.get().state == ChangeState.APPROVED
    assert Decision.objects.count() == 1


def test_an_approval_from_a_stale_copy_loses_to_a_rejection(
    change: ChangeRequest, approver: User, second_approver: User
) -> None:
    stale = ChangeRequest.objects.get(pk=change.pk)
    operations.reject(change=change, by=approver, reason="no")

    with pytest.raises(StaleState, match="rejected"):
        operations.approve(change=stale, by=second_approver)

    assert not Job.objects.exists()


# --- one transaction


VERBS: dict[str, Callable[[VDisk, ChangeRequest, Job], object]] = {
    "request": lambda vdisk, change, job: operations.request_promotion(
        vdisk=vdisk, version=3, by=job.requested_by, reason="x"
    ),
    "approve": lambda vdisk, change, job: operations.approve(change=change, by=User.objects.get(username="bernd")),
    "reject": lambda vdisk, change, job: operations.reject(
        change=change, by=User.objects.get(username="bernd"), reason="no"
    ),
    "withdraw": lambda vdisk, change, job: operations.withdraw(change=change, by=job.requested_by),
    "start": lambda vdisk, change, job: operations.start_job(
        action=Action.BOOT_TEST, vdisk=vdisk, version=IN_TEST, by=job.requested_by
    ),
    "cancel": lambda vdisk, change, job: operations.cancel_job(job=job, by=job.requested_by),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", VERBS)
def test_nothing_is_kept_of_what_the_trail_could_not_take(
    verb: str, vdisk: VDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_chain(vdisk, chain(*ready().versions, in_test(3)))
    anna = person("anna", Role.ADMIN)
    person("bernd", Role.APPROVER)
    change = request(vdisk, anna)
    job = operations.start_job(action=Action.BOOT_TEST, vdisk=vdisk, version=IN_TEST, by=anna)
    before = _everything()
    monkeypatch.setattr(AuditEntry, "compute_hash", _fail)

    with pytest.raises(OSError, match="full"):
        VERBS[verb](vdisk, change, job)

    assert _everything() == before


def _fail(self: AuditEntry) -> str:
    raise OSError("the disk is full")


def _everything() -> list[list[object]]:
    return [list(model.objects.order_by("pk").values()) for model in (ChangeRequest, Decision, Job, AuditEntry)]
