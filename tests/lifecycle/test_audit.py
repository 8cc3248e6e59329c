"""The chain of the audit trail: whole when nobody touched it, and found out when somebody did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.models import AuditEntry, ChangeRequest, VDisk
from lifecycle.models.audit import GENESIS

DETAILS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcÄ ", max_size=4), inner, max_size=3),
    max_leaves=6,
)


@contextmanager
def behind_the_triggers_back() -> Iterator[Any]:
    """What an administrator of the database could do."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come cannot be altered
        cursor.execute("ALTER TABLE lifecycle_auditentry DISABLE TRIGGER audit_is_append_only")
        yield cursor
        cursor.execute("ALTER TABLE lifecycle_auditentry ENABLE TRIGGER audit_is_append_only")


def record(count: int) -> list[AuditEntry]:
    return [AuditEntry.objects.record(by=None, action=f"test.{number}", on_name="W11") for number in range(count)]


def test_an_empty_trail_is_whole(db: None) -> None:
    assert AuditEntry.objects.verify() is None


def test_each_row_holds_the_hash_of_the_one_before(db: None) -> None:
    entries = record(3)

    assert [entry.previous for entry in entries] == [GENESIS, entries[0].hash, entries[1].hash]
    assert AuditEntry.objects.verify() is None


def test_a_row_says_who_did_what_to_which(change: ChangeRequest, approver: User) -> None:
    entry = AuditEntry.objects.record(by=approver, action="x", on=change, change=change, detail={"a": 1})

    entry.refresh_from_db()
    assert (entry.actor, entry.actor_name) == (approver, "approver")
    assert (entry.object_type, entry.object_id) == ("changerequest", str(change.pk))
    assert entry.object_name == "W11 version 2 to production"
    assert "approver x W11" in str(entry)


def test_the_portal_itself_acts_without_a_person(vdisk: VDisk) -> None:
    entry = AuditEntry.objects.record(by=None, action="x", on=vdisk)

    assert (entry.actor, entry.actor_name) == (None, "portal")


def test_a_long_name_is_cut_and_still_fits_the_chain(db: None) -> None:
    AuditEntry.objects.record(by=None, action="x", on_name="ä" * 400)

    assert AuditEntry.objects.verify() is None


@pytest.mark.parametrize(
    "column",
    [
        "at = at + interval '1 microsecond'",
        "actor_id = (SELECT max(id) FROM auth_user)",
        "actor_name = 'somebody'",
        "action = 'other'",
        "object_type = 'x'",
        "object_id = '9'",
        "object_name = 'W10'",
        "detail = '{\"a\": 1}'",
        "change_id = (SELECT max(id) FROM lifecycle_changerequest)",
        "hash = repeat('f', 64)",
        "previous = repeat('f', 64)",
    ],
)
def test_a_row_that_was_tampered_with_is_found(column: str, change: ChangeRequest) -> None:
    _, second, _ = record(3)

    with behind_the_triggers_back() as cursor:
        cursor.execute(f"UPDATE lifecycle_auditentry SET {column} WHERE id = %s", [second.pk])

    assert AuditEntry.objects.verify() == second


@pytest.mark.parametrize("position", [0, 1])
def test_a_removed_row_is_found_at_the_one_after(position: int, db: None) -> None:
    entries = record(3)

    with behind_the_triggers_back() as cursor:
        cursor.execute("DELETE FROM lifecycle_auditentry WHERE id = %s", [entries[position].pk])

    assert AuditEntry.objects.verify() == entries[position + 1]


def test_two_rows_that_changed_places_are_found(db: None) -> None:
    first, second, _ = record(3)

    with behind_the_triggers_back() as cursor:
        cursor.execute("UPDATE lifecycle_auditentry SET id = -1 WHERE id = %s", [first.pk])
        cursor.execute("UPDATE lifecycle_auditentry SET id = %s WHERE id = %s", [first.pk, second.pk])
        cursor.execute("UPDATE lifecycle_auditentry SET id = %s WHERE id = -1", [second.pk])

    assert AuditEntry.objects.verify() is not None


def test_a_row_slipped_in_between_is_found(db: None) -> None:
    first, second = record(2)
    forged = AuditEntry(at=first.at, actor_name="x", action="x", previous=second.hash)
    forged.hash = forged.compute_hash()

    with behind_the_triggers_back() as cursor:
        cursor.execute("UPDATE lifecycle_auditentry SET id = id + 10 WHERE id = %s", [second.pk])
        forged.pk = second.pk
        forged.save(force_insert=True)

    assert AuditEntry.objects.verify() == forged


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(detail=st.dictionaries(st.text("abcÄ ", max_size=4), DETAILS, max_size=4))
def test_whatever_the_detail_says_it_fits_the_chain_after_reading_back(detail: dict[str, Any], db: None) -> None:
    entry = AuditEntry.objects.record(by=None, action="x", detail=detail)

    read = AuditEntry.objects.get(pk=entry.pk)
    assert read.hash == read.compute_hash()


def test_a_row_that_was_rolled_back_leaves_no_gap_in_the_chain(db: None) -> None:
    record(1)
    with transaction.atomic():
        record(1)
        transaction.set_rollback(True)
    record(1)

    assert AuditEntry.objects.count() == 2
    assert AuditEntry.objects.verify() is None
