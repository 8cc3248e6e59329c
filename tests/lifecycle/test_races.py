"""Two people, two workers, two clicks at the same moment: real connections that really meet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from lifecycle import operations
from lifecycle.errors import NotNow, StaleState
from lifecycle.models import AuditEntry, ChangeRequest, Decision, Job, VDisk
from lifecycle.roles import Role
from lifecycle.states import ACTIVE_JOB_STATES, Action, ChangeEvent, ChangeState, JobState
from tests.lifecycle.ground import IN_TEST, make_farm, make_vdisk, person, ready, request, trail

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[[], object]


@pytest.fixture
def vdisk() -> VDisk:
    return make_vdisk(make_farm(), "W11", ready())


@pytest.fixture
def anna() -> User:
    return person("anna", Role.ADMIN)


@pytest.fixture
def change(vdisk: VDisk, anna: User) -> ChangeRequest:
    return request(vdisk, anna)


def at_once(*calls: Call) -> list[Any]:
    """Run each call on a connection of its own; what it returned or raised, in the order of the calls.

    The audit trail is held until every one of them waits for a lock, so that all are in the midst of their work.
    """
    outcomes: list[Any] = [None] * len(calls)

    def run(index: int, call: Call) -> None:
        try:
            outcomes[index] = call()
        except Exception as error:
            outcomes[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    with transaction.atomic():
        AuditEntry.objects.hold_chain()
        for number, thread in enumerate(threads, 1):
            thread.start()
            _until_waiting(number, threads[:number])
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    return outcomes


def _until_waiting(number: int, threads: list[threading.Thread]) -> None:
    for _ in range(1000):
        over = sum(not thread.is_alive() for thread in threads)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees what it saw first
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            waiting = cursor.fetchone()[0]
        if over + waiting >= number:
            return
        time.sleep(0.01)
    raise AssertionError("they do not meet")


def fresh(change: ChangeRequest) -> ChangeRequest:
    return ChangeRequest.objects.select_related("vdisk").get(pk=change.pk)


def approval(change: ChangeRequest, name: str) -> Call:
    copy, by = fresh(change), person(name, Role.APPROVER)
    return lambda: operations.approve(change=copy, by=by)


def withdrawal(change: ChangeRequest) -> Call:
    copy = fresh(change)
    return lambda: operations.withdraw(change=copy, by=copy.requested_by)


def start(action: Action, vdisk: VDisk, version: int | None, by: User) -> Call:
    copy = VDisk.objects.get(pk=vdisk.pk)
    return lambda: operations.start_job(action=action, vdisk=copy, version=version, by=by, reason="x")


def one_won(outcomes: list[Any], *losses: type[Exception]) -> tuple[Any, Exception]:
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(errors) == len(outcomes) - 1, outcomes
    assert all(type(error) in losses for error in errors), errors
    return next(outcome for outcome in outcomes if not isinstance(outcome, Exception)), errors[0]


def test_of_two_approvals_at_once_one_counts(change: ChangeRequest) -> None:
    job, error = one_won(at_once(approval(change, "bernd"), approval(change, "clara")), StaleState)

    assert "approved" in str(error)
    assert Job.objects.get() == job
    assert Decision.objects.count() == 1
    assert trail().count("change.approve") == 1
    assert AuditEntry.objects.verify() is None


def test_two_clicks_of_one_approver_count_once(change: ChangeRequest) -> None:
    by = person("bernd", Role.APPROVER)
    one, two = fresh(change), fresh(change)

    one_won(
        at_once(lambda: operations.approve(change=one, by=by), lambda: operations.approve(change=two, by=by)), NotNow
    )

    assert Job.objects.count() == Decision.objects.count() == 1


@pytest.mark.parametrize("first", ["approve", "withdraw"])
def test_approval_against_withdrawal_leaves_one_truth(first: str, change: ChangeRequest) -> None:
    calls = [approval(change, "bernd"), withdrawal(change)]

    _, error = one_won(at_once(*(calls if first == "approve" else calls[::-1])), StaleState)

    state = ChangeRequest.objects.get().state
    assert (state == ChangeState.APPROVED) == ("approved" in str(error))
    approved = int(state == ChangeState.APPROVED)
    assert (Job.objects.count(), Decision.objects.count()) == (approved, approved)
    assert trail()[1:] == (["change.approve", "job.start.promote-production"] if approved else ["change.withdraw"])


@pytest.mark.parametrize("first", ["approve", "reject"])
def test_approval_against_rejection_leaves_one_truth(first: str, change: ChangeRequest) -> None:
    copy, by = fresh(change), person("clara", Role.APPROVER)
    calls = [approval(change, "bernd"), lambda: operations.reject(change=copy, by=by, reason="no")]

    one_won(at_once(*(calls if first == "approve" else calls[::-1])), StaleState)

    approved = int(ChangeRequest.objects.get().state == ChangeState.APPROVED)
    assert Job.objects.count() == approved
    assert Decision.objects.count() == 1


def test_approval_against_lapse_does_not_break_the_lapser(change: ChangeRequest) -> None:
    """The sync finds the version changed while someone approves what was there a moment ago."""
    stale = fresh(change)
    stale.fingerprint = "0" * 64

    approved, lapsed = at_once(approval(change, "bernd"), lambda: operations.lapse_if_changed(stale))

    state = ChangeRequest.objects.get().state
    assert lapsed is (state == ChangeState.LAPSED)
    assert isinstance(approved, StaleState) is (state == ChangeState.LAPSED)


@pytest.mark.parametrize("actions", [(Action.NEW_VERSION, Action.NEW_VERSION), (Action.MERGE, Action.NEW_VERSION)])
def test_of_two_jobs_on_one_vdisk_one_starts(actions: tuple[Action, Action], vdisk: VDisk, anna: User) -> None:
    job, error = one_won(at_once(*(start(action, vdisk, None, anna) for action in actions)), NotNow)

    assert job.title in str(error)
    assert Job.objects.get() == job
    assert len(trail()) == 1


def test_of_two_requests_at_once_one_stands(vdisk: VDisk, anna: User) -> None:
    copies = [VDisk.objects.get(), VDisk.objects.get()]

    one_won(at_once(*((lambda copy=copy: request(copy, anna)) for copy in copies)), NotNow)

    assert ChangeRequest.objects.count() == 1


@pytest.mark.parametrize("first", ["approve", "start"])
def test_an_approval_and_another_job_do_not_wait_for_each_other(
    first: str, change: ChangeRequest, vdisk: VDisk, anna: User
) -> None:
    calls = [approval(change, "bernd"), start(Action.DELETE_VERSION, vdisk, IN_TEST, anna)]

    one_won(at_once(*(calls if first == "approve" else calls[::-1])), NotNow)

    assert Job.objects.count() == 1


@pytest.mark.parametrize("first", ["approve", "end"])
def test_an_approval_and_the_end_of_a_job_do_not_wait_for_each_other(
    first: str, change: ChangeRequest, vdisk: VDisk, anna: User
) -> None:
    job = operations.start_job(action=Action.MERGE, vdisk=vdisk, version=None, by=anna)

    def end() -> None:
        with transaction.atomic():
            Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED, ended_at=timezone.now())
            operations.job_ended(Job.objects.get(pk=job.pk))

    calls = [approval(change, "bernd"), end]
    approved, ended = at_once(*(calls if first == "approve" else calls[::-1]))[:: 1 if first == "approve" else -1]

    assert ended is None
    assert isinstance(approved, Job | NotNow)
    assert Job.objects.filter(state__in=sorted(ACTIVE_JOB_STATES)).count() == isinstance(approved, Job)


@pytest.mark.parametrize("first", ["sync", "withdraw"])
def test_a_sync_that_lapses_and_a_person_do_not_wait_for_each_other(first: str, change: ChangeRequest) -> None:
    """A sync writes to the audit trail before it comes to the change; a person comes to the change first."""
    copy = fresh(change)

    def sync() -> None:
        with transaction.atomic():
            AuditEntry.objects.record(by=None, action="pvs.changed", on_name="W11 version 1")
            with suppress(StaleState):
                copy.move(ChangeEvent.LAPSE, by=None, words="changed")

    calls = [sync, withdrawal(change)]
    synced, withdrawn = at_once(*(calls if first == "sync" else calls[::-1]))[:: 1 if first == "sync" else -1]

    assert synced is None
    assert withdrawn is None or isinstance(withdrawn, StaleState)
    assert not ChangeRequest.objects.get().is_live


def test_many_writers_keep_one_chain(vdisk: VDisk, anna: User) -> None:
    def write(name: str) -> Call:
        def several() -> None:
            for number in range(5):
                AuditEntry.objects.record(by=None, action="test", on=vdisk, detail={"number": number, "of": name})

        return several

    assert at_once(*(write(name) for name in "abcdef")) == [None] * 6

    assert AuditEntry.objects.count() == 30
    assert AuditEntry.objects.verify() is None
