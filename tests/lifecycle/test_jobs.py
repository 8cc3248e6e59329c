"""Starting, cancelling and ending jobs, as far as the domain goes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle import operations
from lifecycle.errors import Incomplete, NotAllowed, NotNow
from lifecycle.models import AuditEntry, ChangeRequest, Job, VDisk
from lifecycle.operations import NEEDS_REASON
from lifecycle.states import ACTIVE_JOB_STATES, Action, ChangeState, JobState, Situation, UndoCause
from lifecycle.transitions import TRANSITIONS, judge
from tests import factories
from tests.lifecycle.chains import STAGES, chain, in_test, version
from tests.lifecycle.ground import IN_TEST, end, trail, write_chain

STARTED_BY_HAND = [action for action, row in TRANSITIONS.items() if row.offered and action != Action.PROMOTE_PRODUCTION]
ENDED = sorted(set(JobState) - ACTIVE_JOB_STATES)


def start(action: Action, vdisk: VDisk, number: int | None, by: User, reason: str = "It must be") -> Job:
    return operations.start_job(action=action, vdisk=vdisk, version=number, by=by, reason=reason)


def staged(vdisk: VDisk, where: Situation, action: Action) -> int | None:
    facts, number = STAGES[where]
    write_chain(vdisk, facts)
    return number if TRANSITIONS[action].starts_from else None


@pytest.mark.parametrize("where", Situation)
@pytest.mark.parametrize("action", STARTED_BY_HAND)
def test_a_job_starts_exactly_where_the_table_allows_it(
    action: Action, where: Situation, vdisk: VDisk, admin: User
) -> None:
    number = staged(vdisk, where, action)
    allowed = judge(action, STAGES[where][0], number).allowed

    if not allowed:
        with pytest.raises(NotNow):
            start(action, vdisk, number, admin)
        assert not Job.objects.exists()
        assert trail() == []
        return

    job = start(action, vdisk, number, admin)

    job = Job.objects.get(pk=job.pk)
    assert (job.kind, job.vdisk, job.version_number, job.requested_by) == (action.value, vdisk, number, admin)
    assert (job.state, job.farm, job.reason) == (JobState.WAITING, vdisk.farm, "It must be")
    assert job.host == vdisk.farm.name  # what its durations are compared within
    assert job.title.startswith(f"{action.label}: W11")
    assert job.due_at <= timezone.now()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.job) == (f"job.start.{action.value}", admin, job)
    assert entry.object_name == ("W11" if number is None else f"W11 version {number}")


@pytest.mark.parametrize("name", ["approver", "helpdesk", "auditor", "outsider"])
@pytest.mark.parametrize("action", STARTED_BY_HAND)
def test_a_job_is_refused_to_the_wrong_person(
    action: Action, name: str, vdisk: VDisk, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(NotAllowed):
        start(action, vdisk, IN_TEST, request.getfixturevalue(name))

    assert not Job.objects.exists()


@pytest.mark.parametrize("action", sorted(set(Action) - set(STARTED_BY_HAND)))
def test_what_needs_an_approval_is_never_started_by_hand(action: Action, vdisk: VDisk, superuser: User) -> None:
    with pytest.raises(NotAllowed):
        start(action, vdisk, IN_TEST, superuser)


@pytest.mark.parametrize("action", sorted(NEEDS_REASON))
@pytest.mark.parametrize("reason", ["", "  "])
def test_what_changes_the_boots_of_others_needs_a_reason(
    action: Action, reason: str, vdisk: VDisk, admin: User
) -> None:
    with pytest.raises(Incomplete) as refused:
        start(action, vdisk, IN_TEST, admin, reason)

    assert refused.value.field == "reason"


def test_a_second_job_waits_for_the_first(vdisk: VDisk, admin: User) -> None:
    start(Action.REVERT_MAINTENANCE, vdisk, IN_TEST, admin)

    with pytest.raises(NotNow, match="Revert to maintenance: W11 version 2"):
        start(Action.NEW_VERSION, vdisk, None, admin)

    assert Job.objects.count() == 1
    assert AuditEntry.objects.count() == 1


def test_the_job_in_the_way_is_named_and_not_one_that_waits(vdisk: VDisk, admin: User) -> None:
    start(Action.REVERT_MAINTENANCE, vdisk, IN_TEST, admin)
    for name in ("A", "B"):
        factories.job(vdisk, admin, state=JobState.WAITING, queues=True, title=name)

    with pytest.raises(NotNow, match="“Revert to maintenance: W11 version 2”"):
        start(Action.NEW_VERSION, vdisk, None, admin)


@pytest.mark.parametrize("state", ENDED)
def test_a_job_that_is_over_is_not_in_the_way(state: JobState, vdisk: VDisk, admin: User) -> None:
    end(start(Action.REVERT_MAINTENANCE, vdisk, IN_TEST, admin), state)

    assert start(Action.NEW_VERSION, vdisk, None, admin)


def test_a_boot_of_test_targets_is_in_nobodys_way(vdisk: VDisk, admin: User) -> None:
    assert not start(Action.BOOT_TEST, vdisk, IN_TEST, admin).writes

    assert start(Action.NEW_VERSION, vdisk, None, admin).writes


def test_jobs_of_two_vdisks_do_not_meet(vdisk: VDisk, admin: User) -> None:
    other = VDisk.objects.create(farm=vdisk.farm, site=vdisk.site, store=vdisk.store, guid=vdisk.site.guid, name="B")
    write_chain(other, chain(version(0), in_test(IN_TEST)))
    start(Action.NEW_VERSION, vdisk, None, admin)

    assert start(Action.NEW_VERSION, other, None, admin)


def test_a_job_is_judged_by_the_mirror_as_it_is_now(vdisk: VDisk, admin: User) -> None:
    vdisk.chain()
    write_chain(vdisk, chain(version(0), version(1)))

    with pytest.raises(NotNow):
        start(Action.BOOT_TEST, vdisk, IN_TEST, admin)


def test_a_vdisk_that_is_gone_gets_no_job(vdisk: VDisk, admin: User) -> None:
    VDisk.objects.update(gone_at=timezone.now())

    with pytest.raises(NotNow, match="no longer in PVS"):
        start(Action.NEW_VERSION, vdisk, None, admin)


def test_an_action_on_the_vdisk_names_no_version(vdisk: VDisk, admin: User) -> None:
    """Else whoever asks for a new version would count as the builder of the one that was named."""
    assert start(Action.NEW_VERSION, vdisk, 1, admin).version_number is None


# --- cancel


@pytest.mark.parametrize("state", sorted(ACTIVE_JOB_STATES))
def test_an_active_job_can_be_cancelled(state: JobState, vdisk: VDisk, admin: User, both: User) -> None:
    job = start(Action.NEW_VERSION, vdisk, None, admin)
    cause = "cancelled" if state == JobState.UNDOING else ""
    Job.objects.update(state=state, undo_cause=cause, due_at=timezone.now() + timedelta(hours=1))

    operations.cancel_job(job=job, by=both)

    job.refresh_from_db()
    assert job.is_cancelling
    assert (job.state, job.cancel_requested_by) == (state, both)
    assert job.due_at <= timezone.now(), "it is to be looked at without delay"
    assert trail()[-1] == "job.cancel"


@pytest.mark.parametrize("state", ENDED)
def test_a_job_that_is_over_cannot_be_cancelled(state: JobState, vdisk: VDisk, admin: User) -> None:
    job = end(start(Action.NEW_VERSION, vdisk, None, admin), state)

    with pytest.raises(NotNow):
        operations.cancel_job(job=job, by=admin)

    assert Job.objects.get().cancel_requested_at is None


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (UndoCause.FAILED, "has failed and takes back"),
        (UndoCause.ASKED, "only cleans up"),
        (UndoCause.EXPIRED, "only cleans up"),
    ],
)
@pytest.mark.parametrize("state", [JobState.WAITING, JobState.UNDOING])
def test_what_is_taken_back_anyway_cannot_be_cancelled(
    state: JobState, cause: UndoCause, words: str, vdisk: VDisk, admin: User
) -> None:
    job = factories.job(vdisk, admin, state=state, undo_cause=cause)

    with pytest.raises(NotNow, match=words):
        operations.cancel_job(job=job, by=admin)

    assert Job.objects.get().cancel_requested_at is None
    assert "job.cancel" not in trail()


def test_cancelling_twice_says_so_and_keeps_the_first(vdisk: VDisk, admin: User, both: User) -> None:
    job = start(Action.NEW_VERSION, vdisk, None, admin)
    operations.cancel_job(job=job, by=admin)

    with pytest.raises(NotNow, match="before"):
        operations.cancel_job(job=Job.objects.get(), by=both)

    assert Job.objects.get().cancel_requested_by == admin
    assert trail().count("job.cancel") == 1


@pytest.mark.parametrize("name", ["approver", "helpdesk", "auditor", "outsider"])
def test_cancelling_is_refused_to_the_wrong_person(
    name: str, vdisk: VDisk, admin: User, request: pytest.FixtureRequest
) -> None:
    job = start(Action.NEW_VERSION, vdisk, None, admin)

    with pytest.raises(NotAllowed):
        operations.cancel_job(job=job, by=request.getfixturevalue(name))


# --- the end


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (JobState.SUCCEEDED, ChangeState.DONE),
        (JobState.FAILED, ChangeState.FAILED),
        (JobState.ERRORED, ChangeState.FAILED),
        (JobState.CANCELLED, ChangeState.FAILED),
    ],
)
def test_the_end_of_the_promotion_ends_the_change(
    state: JobState, expected: ChangeState, change: ChangeRequest, approver: User
) -> None:
    job = operations.approve(change=change, by=approver)

    end(job, state, "PVS answered 31.")

    change.refresh_from_db()
    assert (change.state, change.state_words) == (expected, "PVS answered 31.")
    assert change.ended_at
    last = AuditEntry.objects.order_by("-id")[:2]
    assert {entry.action for entry in last} == {f"job.{state}", f"change.{'finish' if expected == 'done' else 'fail'}"}
    assert {entry.change for entry in last} == {change}


def test_the_end_of_the_job_leaves_a_lapsed_change_as_it_is(change: ChangeRequest, approver: User) -> None:
    job = operations.approve(change=change, by=approver)
    ChangeRequest.objects.update(state=ChangeState.LAPSED, state_words="written to", ended_at=timezone.now())

    end(job, JobState.FAILED)

    change.refresh_from_db()
    assert (change.state, change.state_words) == (ChangeState.LAPSED, "written to")


def test_the_end_of_a_job_without_a_change_is_noted(vdisk: VDisk, admin: User) -> None:
    end(start(Action.NEW_VERSION, vdisk, None, admin), JobState.SUCCEEDED)

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.actor) == ("job.succeeded", "portal", None)
