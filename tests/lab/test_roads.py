"""A version's road and a target's life over the wire, in the lab's own process."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lab.session import Refused, Session
from tests.labprocess import LabProcess

OFFICE = {"DiskLocatorName": "W11-Office", "SiteName": "Munich", "StoreName": "vDisks"}
Open = Callable[..., Session]


def until(look: Callable[[], Any], patience_seconds: float = 20) -> Any:
    """The first true answer of `look`."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"it did not come about: {look}")


def access(session: Session, number: int) -> int | None:
    rows = session.call("Get-PvsDiskVersion", ["Version", "Access"], **OFFICE)
    return next((row["Access"] for row in rows if row["Version"] == number), None)


def target(session: Session, name: str) -> dict[str, Any]:
    fields = ["Active", "DiskVersion", "DiskVersionAccess", "ServerName", "Ip", "DiskLocatorName"]
    found: dict[str, Any] = session.call("Get-PvsDeviceInfo", fields, DeviceName=name)[0]
    return found


def test_a_version_travels_from_maintenance_to_production(lab: LabProcess, session: Session) -> None:
    made = session.call("New-PvsDiskMaintenanceVersion", ["Version", "Access", "DiskFileName"], **OFFICE)
    assert made == [{"Version": 5, "Access": 1, "DiskFileName": "W11-Office.5.avhdx"}]

    session.call("Start-PvsDeviceBoot", DeviceName="MUC-MNT-OFF1")
    booted = until(lambda: (found := target(session, "MUC-MNT-OFF1"))["Active"] and found)
    assert (booted["DiskVersion"], booted["DiskVersionAccess"], booted["ServerName"]) == (5, 1, "PVS01")
    session.call("Start-PvsDeviceShutdown", DeviceName="MUC-MNT-OFF1")
    until(lambda: not target(session, "MUC-MNT-OFF1")["Active"])

    session.call("Invoke-PvsPromoteDiskVersion", Test=True, **OFFICE)
    assert access(session, 5) == 7
    session.call("Start-PvsDeviceReboot", DeviceName="MUC-TST-OFF1")
    until(lambda: target(session, "MUC-TST-OFF1")["DiskVersion"] == 5)

    session.call("Invoke-PvsPromoteDiskVersion", TestVersion=5, **OFFICE)
    assert access(session, 5) == 0
    assert target(session, "MUC-OFF-001")["DiskVersion"] == 3
    lab.post("/targets/restart", {"collection": "Office"})
    until(lambda: target(session, "MUC-OFF-001")["DiskVersion"] == 5)

    session.call("Set-PvsOverrideVersion", Version=3, **OFFICE)
    assert access(session, 3) == 3
    session.call("Set-PvsOverrideVersion", **OFFICE)
    assert access(session, 3) == 0


def test_a_scheduled_promotion_is_released_when_its_time_comes(lab: LabProcess, session: Session) -> None:
    when = (datetime.now(UTC) + timedelta(hours=2)).replace(second=0, microsecond=0)
    session.call("Invoke-PvsPromoteDiskVersion", TestVersion=4, ScheduledDate=f"{when:%Y-%m-%dT%H:%M}", **OFFICE)
    fields = ["Access", "IsPending", "ScheduledDate", "CanSetScheduledDate"]
    row = session.call("Get-PvsDiskVersion", fields, Version=4, **OFFICE)[0]
    assert (row["Access"], row["IsPending"], row["CanSetScheduledDate"]) == (0, True, True)
    assert datetime.fromisoformat(row["ScheduledDate"]) == when

    lab.post("/clock", {"forward_seconds": 2 * 3600 + 1})

    row = session.call("Get-PvsDiskVersion", fields, Version=4, **OFFICE)[0]
    assert (row["IsPending"], row["CanSetScheduledDate"]) == (False, False)


def test_a_date_in_the_past_is_refused(session: Session) -> None:
    with pytest.raises(Refused) as refused:
        session.call("Invoke-PvsPromoteDiskVersion", TestVersion=4, ScheduledDate="2026-01-01T00:00", **OFFICE)

    assert refused.value.code == 178


def test_a_merge_runs_under_a_task(session: Session) -> None:
    session.call("Merge-PvsDisk", Access=0, **OFFICE)
    row = session.call("Get-PvsDiskVersion", ["Access", "Type", "TaskId"], Version=5, **OFFICE)[0]
    assert (row["Access"], row["Type"]) == (4, 3)
    assert 0 <= session.call("Get-PvsTaskStatus", ["."], TaskId=row["TaskId"])[0]["."] <= 100

    until(lambda: access(session, 5) == 0)

    task = session.call("Get-PvsTask", ["State", "MapiException"], TaskId=row["TaskId"])[0]
    assert task == {"State": 2, "MapiException": ""}
    rows = session.call("Get-PvsDiskVersion", ["Version", "DeleteWhenFree"], **OFFICE)
    assert {one["Version"] for one in rows if one["DeleteWhenFree"]} == {1, 2, 3, 4}


def test_a_merge_can_be_stopped(session: Session) -> None:
    session.call("Merge-PvsDisk", **OFFICE)
    task = session.call("Get-PvsDiskVersion", ["TaskId"], Version=5, **OFFICE)[0]["TaskId"]

    session.call("Stop-PvsTask", TaskId=task)

    assert access(session, 5) is None
    assert session.call("Get-PvsTask", ["State"], TaskId=task) == [{"State": 1}]


def test_a_power_task_names_the_targets_it_reached(session: Session) -> None:
    task = session.call("Start-PvsDeviceReboot", ["TaskId", "State"], DeviceName=["MUC-OFF-001", "MUC-OFF-024"])[0]

    done = until(lambda: session.call("Get-PvsTask", ["State", "Results"], TaskId=task["TaskId"], State=2))

    assert "MUC-OFF-001" in done[0]["Results"]
    assert "MUC-OFF-024" not in done[0]["Results"]  # it was off


def test_exactly_those_on_an_old_version_can_be_restarted(session: Session) -> None:
    session.call("Start-PvsDeviceReboot", Version=2, **OFFICE)

    until(lambda: target(session, "MUC-OFF-021")["DiskVersion"] == 3)


def test_an_inactive_target_shows_zeros_and_what_is_assigned(session: Session) -> None:
    assert target(session, "MUC-OFF-024") == {
        "Active": False,
        "DiskVersion": 0,
        "DiskVersionAccess": 0,
        "ServerName": "",
        "Ip": "0.0.0.0",
        "DiskLocatorName": "W11-Office",
    }


def test_a_maintenance_target_locks_its_version_for_itself(session: Session) -> None:
    session.call("New-PvsDiskMaintenanceVersion", **OFFICE)
    session.call("Start-PvsDeviceBoot", DeviceName="MUC-MNT-OFF1")
    until(lambda: target(session, "MUC-MNT-OFF1")["Active"])

    locks = session.call("Get-PvsDiskLocatorLock", ["DeviceName", "Exclusive"], **OFFICE)

    assert [lock["DeviceName"] for lock in locks if lock["Exclusive"]] == ["MUC-MNT-OFF1"]


def test_a_description_can_be_set(session: Session) -> None:
    row = session.call("Set-PvsDiskVersion", ["Description"], Version=4, Description="büro", PassThru=True, **OFFICE)

    assert row == [{"Description": "büro"}]


def test_both_servers_show_the_same_farm(session: Session, open_session: Open) -> None:
    other = open_session(1).connect()
    session.call("New-PvsDiskMaintenanceVersion", **OFFICE)

    assert access(other, 5) == 1
    assert other.call("Get-PvsServerName", ["."]) == [{".": "PVS02"}]
