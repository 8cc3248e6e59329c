"""The journal: every change of the farm once, with who asked; and nothing that was no change."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.conftest import Stage
from tests.lab.session import Refused, Session
from tests.lab.test_roads import OFFICE, until
from tests.labprocess import LabProcess

NEW, PROMOTE, DELETE = "New-PvsDiskMaintenanceVersion", "Invoke-PvsPromoteDiskVersion", "Remove-PvsDiskVersion"
Open = Callable[..., Session]


def journal(lab: LabProcess, after: int = 0) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = lab.get(f"/journal?after={after}")["entries"]
    return entries


def test_the_way_of_a_version_is_noted_with_who_asked(lab: LabProcess, session: Session) -> None:
    session.call(NEW, **OFFICE)
    session.call("Set-PvsDiskVersion", Version=5, Description="for job 7", **OFFICE)
    session.call(PROMOTE, Test=True, **OFFICE)
    session.call(DELETE, Version=5, **OFFICE)

    found = journal(lab)

    assert [(one["what"], one["before"], one["after"]) for one in found] == [
        (NEW, "", "maintenance"),
        ("Set-PvsDiskVersion -Description", "maintenance", "maintenance"),
        (f"{PROMOTE} -Test", "maintenance", "test"),
        (DELETE, "test", ""),
    ]
    assert {(one["subject"], one["version"]) for one in found} == {("W11-Office", 5)}
    assert {one["birth"] for one in found} == {found[0]["number"]}
    assert {one["by"] for one in found} == {f"PVS01 process {session.hello['pid']}"}
    assert found[1]["text"] == "for job 7"
    assert journal(lab, after=found[2]["number"]) == found[3:]


def test_a_number_given_anew_has_another_birth(lab: LabProcess, session: Session) -> None:
    for _ in range(2):
        session.call(NEW, **OFFICE)
        session.call(DELETE, Version=5, **OFFICE)

    births = [one["birth"] for one in journal(lab)]

    assert births == [1, 1, 3, 3]


def test_what_is_refused_or_changes_nothing_is_not_noted(lab: LabProcess, session: Session) -> None:
    session.call("Set-PvsDiskVersion", Version=4, Description="the same", **OFFICE)
    known = journal(lab)[-1]["number"]

    session.call("Set-PvsDiskVersion", Version=4, Description="the same", **OFFICE)
    with pytest.raises(Refused):
        session.call(DELETE, Version=1, **OFFICE)

    assert journal(lab, after=known) == []


def test_a_lost_answer_hides_no_effect_from_the_journal(lab: LabProcess, session: Session, open_session: Open) -> None:
    lab.post("/faults", {"cmdlet": NEW, "action": "kill", "after_effect": True})
    with pytest.raises(EOFError):
        session.call(NEW, **OFFICE)

    assert [one["what"] for one in journal(lab)] == [NEW]


def test_a_call_that_takes_effect_later_is_noted_under_its_task(lab: LabProcess, session: Session) -> None:
    lab.post("/faults", {"cmdlet": PROMOTE, "action": "fail", "code": 177})
    with pytest.raises(Refused):
        session.call(PROMOTE, TestVersion=4, **OFFICE)

    until(lambda: bool(journal(lab)))

    assert journal(lab)[0]["by"].startswith("PVS01 task ")


def test_an_override_tells_what_it_did_to_the_former_one(lab: LabProcess, session: Session) -> None:
    cvad = {"DiskLocatorName": "W2022-CVAD", "SiteName": "Munich", "StoreName": "vDisks"}

    session.call("Set-PvsOverrideVersion", Version=5, **cvad)

    assert journal(lab)[0]["others"] == ["version 4: override -> production"]


def test_a_merge_is_noted_when_it_begins_and_when_it_ends(stage: Stage) -> None:
    from lab.pvs.lifecycle import Action, perform
    from lab.pvs.model import MergeMode
    from lab.pvs.situation import Situation

    datacentre, disk = stage.datacentre, stage.datacentre.farm.vdisks[0]
    case = Situation(datacentre, disk, stage.clock.now(), merge_mode=MergeMode.TEST, server="PVS01")
    with datacentre.locked(), datacentre.journal.asked_by("somebody"):
        perform(Action.MERGE_TO_BASE, case)
    stage.pass_time(60)

    found = datacentre.journal.after(0, 10)
    assert [(one.what, one.by, one.before, one.after) for one in found] == [
        (Action.MERGE_TO_BASE.value, "somebody", "", "merge_test"),
        ("merge finished", "clock", "merge_test", "test"),
    ]


def test_targets_and_servers_are_noted_too(lab: LabProcess, session: Session) -> None:
    session.call("Start-PvsDeviceBoot", DeviceName=["MUC-MNT-CAD1"])
    lab.post("/servers/PVS02/power", {"on": False})

    assert [(one["what"], one["subject"], one["by"].split()[0]) for one in journal(lab)] == [
        ("Boot", "MUC-MNT-CAD1", "PVS01"),
        ("server down", "PVS02", "control"),
    ]


def test_a_reset_begins_a_new_journal(lab: LabProcess, session: Session) -> None:
    session.call(NEW, **OFFICE)

    lab.post("/reset")

    assert journal(lab) == []


def test_a_number_that_is_none_is_refused(lab: LabProcess) -> None:
    with pytest.raises(RuntimeError, match="after is a number"):
        journal(lab, after="x")  # type: ignore[arg-type]
