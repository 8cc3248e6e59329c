"""Asking that a version goes to production, and taking it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle import fingerprints, operations
from lifecycle.errors import Incomplete, NotAllowed, NotNow, StaleState
from lifecycle.models import AuditEntry, ChangeRequest, VDisk
from lifecycle.states import CHANGE_TRANSITIONS, ChangeEvent, ChangeState, ReplicaState, Situation
from tests.lifecycle.chains import STAGES, chain, copy, in_test, version
from tests.lifecycle.ground import IN_TEST, ready, request, trail, write_chain

WRONG_SITUATIONS = [where for where in Situation if where != Situation.TEST]


# --- request


def test_a_request_names_what_exactly_is_asked_about(vdisk: VDisk, admin: User) -> None:
    change = operations.request_promotion(
        vdisk=vdisk, version=IN_TEST, by=admin, reason="  Patches  ", ticket=" CHG-1 ", go_live_at=None
    )

    assert change.state == ChangeState.OPEN
    assert (change.reason, change.ticket) == ("Patches", "CHG-1")
    assert change.fingerprint == fingerprints.fingerprint(vdisk.chain(), IN_TEST)
    assert [link["number"] for link in change.links] == [0, 1, 2]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.change) == ("change.request", admin, change)


def test_a_request_may_name_a_date_to_come(vdisk: VDisk, admin: User) -> None:
    tomorrow = timezone.now() + timedelta(days=1)

    change = operations.request_promotion(vdisk=vdisk, version=IN_TEST, by=admin, reason="x", go_live_at=tomorrow)

    assert change.go_live_at == tomorrow


def test_a_request_for_a_date_that_has_passed_is_refused(vdisk: VDisk, admin: User) -> None:
    with pytest.raises(Incomplete) as refused:
        operations.request_promotion(
            vdisk=vdisk, version=IN_TEST, by=admin, reason="x", go_live_at=timezone.now() - timedelta(seconds=1)
        )

    assert refused.value.field == "go_live_at"
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_request_needs_a_reason(vdisk: VDisk, admin: User, reason: str) -> None:
    with pytest.raises(Incomplete) as refused:
        operations.request_promotion(vdisk=vdisk, version=IN_TEST, by=admin, reason=reason)

    assert refused.value.field == "reason"
    assert trail() == []


@pytest.mark.parametrize("name", ["approver", "helpdesk", "auditor", "outsider"])
def test_a_request_is_refused_to_the_wrong_person(name: str, vdisk: VDisk, request: pytest.FixtureRequest) -> None:
    with pytest.raises(NotAllowed):
        operations.request_promotion(vdisk=vdisk, version=IN_TEST, by=request.getfixturevalue(name), reason="x")


@pytest.mark.parametrize("where", WRONG_SITUATIONS)
def test_a_request_is_refused_in_every_wrong_situation(where: Situation, vdisk: VDisk, admin: User) -> None:
    facts, number = STAGES[where]
    write_chain(vdisk, facts)

    with pytest.raises(NotNow):
        operations.request_promotion(vdisk=vdisk, version=number, by=admin, reason="x")

    assert not ChangeRequest.objects.exists()


def test_a_second_request_is_refused_while_the_first_lives(change: ChangeRequest, vdisk: VDisk, both: User) -> None:
    with pytest.raises(NotNow, match="open already"):
        request(vdisk, both)

    assert ChangeRequest.objects.count() == 1
    assert trail() == ["change.request"]


def test_it_can_be_requested_again_after_an_end(change: ChangeRequest, vdisk: VDisk, admin: User) -> None:
    operations.withdraw(change=change, by=admin)

    again = request(vdisk, admin)

    assert again.pk != change.pk
    assert again.fingerprint == change.fingerprint


# --- withdraw


@pytest.mark.parametrize("name", ["admin", "both", "superuser"])
def test_the_requester_and_admins_can_withdraw(
    name: str, change: ChangeRequest, request: pytest.FixtureRequest
) -> None:
    operations.withdraw(change=change, by=request.getfixturevalue(name), reason=" Not needed ")

    change.refresh_from_db()
    assert (change.state, change.state_words) == (ChangeState.WITHDRAWN, "Not needed")
    assert change.ended_at
    assert trail() == ["change.request", "change.withdraw"]


@pytest.mark.parametrize("name", ["approver", "helpdesk", "auditor", "outsider"])
def test_withdrawing_is_refused_to_the_wrong_person(
    name: str, change: ChangeRequest, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(NotAllowed):
        operations.withdraw(change=change, by=request.getfixturevalue(name))


def test_a_requester_who_lost_the_role_can_still_withdraw(change: ChangeRequest, admin: User) -> None:
    admin.groups.clear()

    operations.withdraw(change=change, by=User.objects.get(pk=admin.pk))

    assert change.state == ChangeState.WITHDRAWN


def test_withdrawing_twice_says_so(change: ChangeRequest, admin: User) -> None:
    operations.withdraw(change=change, by=admin)

    with pytest.raises(NotNow, match="withdrawn"):
        operations.withdraw(change=change, by=admin)


# --- the gate


@pytest.mark.parametrize("state", ChangeState)
@pytest.mark.parametrize("event", ChangeEvent)
def test_a_change_moves_as_the_table_says(state: ChangeState, event: ChangeEvent, change: ChangeRequest) -> None:
    ended = None if state in (ChangeState.OPEN, ChangeState.APPROVED) else timezone.now()
    ChangeRequest.objects.update(state=state, ended_at=ended)
    change.refresh_from_db()
    after = CHANGE_TRANSITIONS.get((state, event))
    before = trail()

    if after is None:
        with pytest.raises(NotNow, match=str(state.label)):
            change.move(event, by=None)
        assert trail() == before
    else:
        change.move(event, by=None, words="because")
        assert trail() == [*before, f"change.{event}"]

    found = ChangeRequest.objects.get()
    assert found.state == change.state == (after or state)
    assert bool(found.ended_at) == (not found.is_live)


def test_the_second_of_two_stale_copies_loses(change: ChangeRequest) -> None:
    stale = ChangeRequest.objects.get(pk=change.pk)
    change.move(ChangeEvent.REJECT, by=None, words="no")

    with pytest.raises(StaleState, match="rejected"):
        stale.move(ChangeEvent.APPROVE, by=None)

    assert stale.state == ChangeState.REJECTED
    assert trail() == ["change.request", "change.reject"]


@pytest.mark.django_db(transaction=True)
def test_a_move_and_its_audit_row_are_one(change: ChangeRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: AuditEntry) -> str:
        raise OSError("the disk is full")

    monkeypatch.setattr(AuditEntry, "compute_hash", fail)

    with pytest.raises(OSError, match="full"):
        change.move(ChangeEvent.LAPSE, by=None, words="changed")

    assert change.state == ChangeState.OPEN, "the copy in memory must not tell what did not happen"
    assert ChangeRequest.objects.get().state == ChangeState.OPEN


# --- lapse


def test_an_unchanged_version_does_not_lapse(change: ChangeRequest) -> None:
    assert not operations.lapse_if_changed(change)
    assert trail() == ["change.request"]


def test_a_version_that_was_written_to_lapses(change: ChangeRequest, vdisk: VDisk) -> None:
    facts = ready()
    written = tuple(
        replace(found, file_time="2026-11-21 10:00:00") if found.number == IN_TEST else found
        for found in facts.replicas
    )
    write_chain(vdisk, replace(facts, replicas=written))

    assert operations.lapse_if_changed(change)

    change.refresh_from_db()
    assert change.state == ChangeState.LAPSED
    assert "W11.2.avhdx was written to" in change.state_words
    assert AuditEntry.objects.latest("id").actor_name == "portal"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (chain(version(0), version(1)), "no longer exists"),
        (chain(version(0), version(1), version(2)), "no longer in test"),
        (replace(ready(), versions=(version(0), version(1), in_test(2, created="2026-11-22 12:00"))), "2026-11-22"),
    ],
)
def test_a_version_that_is_another_one_lapses(facts: object, words: str, change: ChangeRequest, vdisk: VDisk) -> None:
    write_chain(vdisk, facts)  # type: ignore[arg-type]

    assert operations.lapse_if_changed(change)
    assert words in change.state_words


def test_it_looks_at_the_mirror_as_it_is_now(change: ChangeRequest, vdisk: VDisk) -> None:
    change.vdisk.chain()
    write_chain(vdisk, chain(version(0), version(1)))

    assert operations.lapse_if_changed(change)


def test_replication_that_ends_meanwhile_lapses_nothing(vdisk: VDisk, admin: User) -> None:
    facts = ready()
    behind = tuple(
        replace(found, state=ReplicaState.FILE_MISSING, file_time="") if found.server == "PVS02" else found
        for found in facts.replicas
    )
    write_chain(vdisk, replace(facts, replicas=behind))
    change = request(VDisk.objects.get(), admin)
    write_chain(vdisk, facts)

    assert not operations.lapse_if_changed(ChangeRequest.objects.get(pk=change.pk))


@pytest.mark.parametrize("time", ["2026-11-20 09:00:00", ""])
def test_servers_that_go_away_lapse_nothing(time: str, change: ChangeRequest, vdisk: VDisk) -> None:
    facts = ready()
    away = tuple(replace(found, state=ReplicaState.UNREACHABLE, file_time=time) for found in facts.replicas)
    write_chain(vdisk, replace(facts, replicas=away))

    assert not operations.lapse_if_changed(change)

    write_chain(vdisk, facts)
    assert not operations.lapse_if_changed(ChangeRequest.objects.get())


def test_what_can_be_seen_is_compared_although_another_file_cannot(change: ChangeRequest, vdisk: VDisk) -> None:
    copies = (
        copy(0, state=ReplicaState.UNREACHABLE),
        copy(1),
        copy(2, file_time="2026-11-21 10:00:00"),
    )
    write_chain(vdisk, replace(ready(), replicas=copies))

    assert operations.lapse_if_changed(change)
    assert "W11.2.avhdx" in change.state_words
    assert "W11.vhdx" not in change.state_words


def test_a_version_that_no_server_can_show_is_not_requested(vdisk: VDisk, admin: User) -> None:
    facts = ready()
    away = tuple(replace(found, state=ReplicaState.UNREACHABLE) for found in facts.replicas)
    write_chain(vdisk, replace(facts, replicas=away))

    with pytest.raises(NotNow, match=r"W11\.vhdx"):
        request(vdisk, admin)


def test_somebody_who_decides_in_that_moment_wins_over_the_lapse(change: ChangeRequest, vdisk: VDisk) -> None:
    stale = ChangeRequest.objects.get(pk=change.pk)
    change.move(ChangeEvent.WITHDRAW, by=None)
    write_chain(vdisk, chain(version(0), version(1)))

    assert not operations.lapse_if_changed(stale)
    assert ChangeRequest.objects.get().state == ChangeState.WITHDRAWN
