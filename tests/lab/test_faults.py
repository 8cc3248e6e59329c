"""Faults that are ordered at the control, and what a client sees of them."""

import contextlib
from collections.abc import Callable

import pytest
from requests.exceptions import ConnectionError as ConnectionBroken

from tests.lab.session import Refused, Session
from tests.lab.test_roads import OFFICE, access, until
from tests.labprocess import LabProcess

NEW = "New-PvsDiskMaintenanceVersion"
Open = Callable[..., Session]


def test_a_failing_cmdlet_has_the_ordered_code_and_no_effect(lab: LabProcess, session: Session) -> None:
    lab.post("/faults", {"cmdlet": NEW, "action": "fail", "code": 16})

    with pytest.raises(Refused) as refused:
        session.call(NEW, **OFFICE)

    assert refused.value.code == 16
    assert access(session, 5) is None
    session.call(NEW, **OFFICE)


def test_a_code_may_come_after_the_effect(lab: LabProcess, session: Session) -> None:
    lab.post("/faults", {"cmdlet": NEW, "action": "fail", "code": 97, "message": "too slow", "after_effect": True})

    with pytest.raises(Refused, match="97: too slow"):
        session.call(NEW, **OFFICE)

    assert access(session, 5) == 1


def test_in_process_takes_effect_a_little_later_under_its_task(lab: LabProcess, session: Session) -> None:
    lab.post("/faults", {"cmdlet": "Invoke-PvsPromoteDiskVersion", "action": "fail", "code": 177})
    with pytest.raises(Refused) as refused:
        session.call("Invoke-PvsPromoteDiskVersion", TestVersion=4, **OFFICE)
    assert refused.value.code == 177
    task = int(refused.value.record["message"].rpartition("TaskId: ")[2])

    until(lambda: session.call("Get-PvsTask", ["State"], TaskId=task) == [{"State": 2}])

    assert access(session, 4) == 0


def test_what_is_refused_while_in_process_is_found_in_the_task(lab: LabProcess, session: Session) -> None:
    lab.post("/faults", {"cmdlet": "Invoke-PvsPromoteDiskVersion", "action": "fail", "code": 177})
    with pytest.raises(Refused) as refused:
        session.call("Invoke-PvsPromoteDiskVersion", TestVersion=3, **OFFICE)
    task = int(refused.value.record["message"].rpartition("TaskId: ")[2])

    until(lambda: session.call("Get-PvsTask", ["State"], TaskId=task) == [{"State": 2}])

    assert "163" in session.call("Get-PvsTask", ["MapiException"], TaskId=task)[0]["MapiException"]


def test_a_delayed_cmdlet_can_be_cancelled_and_pings_pass_it(lab: LabProcess, session: Session) -> None:
    lab.post("/faults", {"cmdlet": NEW, "action": "delay", "seconds": 60})
    request = session.request(NEW, **OFFICE)
    session.send(op="ping", id="p")
    assert session.wait_for("pong", "p")

    session.send(op="cancel", id=request)

    assert session.wait_for("end", request)["errors"][0]["fqid"] == "PipelineStopped"
    assert access(session, 5) is None


def test_what_is_cancelled_before_it_begins_does_not_begin(lab: LabProcess, session: Session) -> None:
    lab.post("/faults", {"cmdlet": "Get-PvsFarm", "action": "delay", "seconds": 60})
    first = session.request("Get-PvsFarm")
    second = session.request(NEW, **OFFICE)

    session.send(op="cancel", id=second)
    session.send(op="cancel", id=first)

    assert session.wait_for("end", second)["errors"][0]["fqid"] == "PipelineStopped"
    assert access(session, 5) is None


def test_a_dropped_answer_breaks_the_connection_and_leaves_a_gap(lab: LabProcess, session: Session) -> None:
    lab.post("/faults", {"cmdlet": NEW, "action": "drop", "after_effect": True})
    request = session.request(NEW, ["Version"], **OFFICE)
    with pytest.raises(ConnectionBroken):
        session.wait_for("end", request)
    last = session.messages[-1]["seq"]

    session.send(op="ping", id="p")

    assert session.wait_for("pong", "p")["seq"] == last + 2
    assert access(session, 5) == 1


def test_a_drop_before_the_effect_has_none(lab: LabProcess, session: Session, open_session: Open) -> None:
    lab.post("/faults", {"cmdlet": NEW, "action": "drop"})
    request = session.request(NEW, **OFFICE)
    with pytest.raises(ConnectionBroken):
        session.wait_for("end", request)

    assert access(open_session(1).connect(), 5) is None


def test_a_call_from_before_a_reset_changes_nothing_after_it(
    lab: LabProcess, session: Session, open_session: Open
) -> None:
    lab.post("/faults", {"cmdlet": NEW, "action": "delay", "seconds": 2})
    request = session.request(NEW, **OFFICE)
    until(lambda: not lab.get("/state")["faults"])  # the call has met its fault and waits

    lab.post("/reset")

    assert not session.wait_for("end", request)["ok"]
    assert access(open_session(1).connect(), 5) is None


def test_a_killed_process_ends_with_words(lab: LabProcess, session: Session, open_session: Open) -> None:
    lab.post("/faults", {"cmdlet": NEW, "action": "kill", "after_effect": True})

    with pytest.raises(EOFError, match="terminated"):
        session.call(NEW, **OFFICE)

    assert access(open_session().connect(), 5) == 1


def test_a_fault_hits_its_server_and_its_number_of_calls_only(
    lab: LabProcess, session: Session, open_session: Open
) -> None:
    other = open_session(1).connect()
    lab.post("/faults", {"cmdlet": "*", "server": "PVS02", "action": "fail", "code": 16, "count": 2})

    session.call("Get-PvsFarm")
    for _ in range(2):
        with pytest.raises(Refused):
            other.call("Get-PvsFarm")
    other.call("Get-PvsFarm")

    assert lab.get("/state")["faults"] == []


def test_a_server_that_is_down_refuses_and_its_processes_are_gone(
    lab: LabProcess, session: Session, open_session: Open
) -> None:
    other = open_session(1).connect()
    lab.post("/servers/PVS01/power", {"on": False})

    with pytest.raises(ConnectionBroken):
        session.call("Get-PvsFarm")
    with pytest.raises(ConnectionBroken):
        open_session(0)
    servers = other.call("Get-PvsServerStatus", ["Status", "DeviceCount"], ServerName=["PVS01", "PVS02"])
    assert [server["Status"] for server in servers] == [0, 1]
    assert servers[0]["DeviceCount"] == 0

    lab.post("/servers/PVS01/power", {"on": True})
    assert open_session(0).connect().call("Get-PvsServerName", ["."]) == [{".": "PVS01"}]


def test_a_shell_outlives_its_connection(session: Session) -> None:
    session.protocol.transport.close_session()

    assert session.call("Get-PvsServerName", ["."]) == [{".": "PVS01"}]


def test_a_process_that_gets_the_end_of_input_leaves(session: Session) -> None:
    session.protocol.send_command_input(session.shell, session.command, b"", end=True)

    with pytest.raises(EOFError, match="exit code 0"), contextlib.suppress(TimeoutError):
        session.wait_for("end", "never")
