"""An open request ends when its files turn out to hold something else, though PVS told no change."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from builders.contents import saving
from lifecycle import operations
from lifecycle.models import AuditEntry, ChangeRequest, VDisk, Version
from lifecycle.states import ChangeState
from tests.contents.test_saving import A, B, seen


def request(version: Version, by: User) -> ChangeRequest:
    return operations.request_promotion(vdisk=version.vdisk, version=version.number, by=by, reason="Tested")


def note(version: Version, fingerprint: str = A, **top: Any) -> None:
    vdisk = VDisk.objects.get(pk=version.vdisk_id)
    saving.note_look(version, vdisk.chain(), seen(fingerprint, **top))


def test_a_request_names_what_marks_the_content(version: Version, admin: User) -> None:
    note(version)

    change = request(version, admin)

    assert [link["content"]["data_id"] for link in change.links] == [f"id-{number}" for number in range(5)]


def test_a_request_from_before_the_files_were_opened_stays_open(version: Version, admin: User) -> None:
    change = request(version, admin)
    assert all("content" not in link for link in change.links)

    note(version)

    change.refresh_from_db()
    assert change.state == ChangeState.OPEN


def test_other_content_ends_the_request(version: Version, admin: User) -> None:
    note(version)
    change = request(version, admin)

    note(version, B, data_id="written in secret")

    change.refresh_from_db()
    assert change.state == ChangeState.LAPSED
    assert "written in secret" in change.state_words
    assert AuditEntry.objects.filter(action="change.lapse", change=change).exists()


@pytest.mark.parametrize("passing", [True, False])
def test_a_store_that_cannot_be_read_ends_nothing(version: Version, admin: User, *, passing: bool) -> None:
    note(version)
    change = request(version, admin)

    saving.note_problem(version, version.vdisk.chain(), "Store away", passing=passing)

    assert not operations.lapse_if_changed(change)
    change.refresh_from_db()
    assert change.state == ChangeState.OPEN


def test_what_was_seen_before_pvs_told_a_change_is_not_passed_off_as_known(version: Version, admin: User) -> None:
    note(version)
    version.vdisk.replicas.filter(number=4).update(file_time="2027-01-01T00:00:00")

    change = request(version, admin)

    assert all("content" not in link for link in change.links)
