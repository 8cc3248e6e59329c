"""Trouble on the line that is ordered at the control, and what a client sees of it."""

import threading
import time
from collections.abc import Callable

import pytest
from requests.exceptions import ConnectionError as ConnectionBroken
from requests.exceptions import RequestException

from tests.lab.session import Session
from tests.lab.test_roads import OFFICE, access, until
from tests.labprocess import LabProcess

NEW = "New-PvsDiskMaintenanceVersion"
Open = Callable[..., Session]


@pytest.fixture(autouse=True)
def _quiet_line(lab: LabProcess) -> None:
    lab.post("/line/clear")


def test_a_request_that_is_cut_has_no_effect(lab: LabProcess, session: Session, open_session: Open) -> None:
    lab.post("/line", {"action": "cut", "moment": "request", "operation": "Send", "server": "PVS01"})

    with pytest.raises(ConnectionBroken):
        session.request(NEW, **OFFICE)

    assert access(open_session(1).connect(), 5) is None


def test_an_answer_that_is_cut_hides_an_effect(lab: LabProcess, session: Session, open_session: Open) -> None:
    lab.post("/line", {"action": "cut", "moment": "answer", "operation": "Send", "server": "PVS01"})

    with pytest.raises(ConnectionBroken):
        session.request(NEW, **OFFICE)

    other = open_session(1).connect()
    until(lambda: access(other, 5) == 1)


def test_an_answer_is_cut_in_the_middle_and_the_shell_lives_on(lab: LabProcess, session: Session) -> None:
    request = session.request("Get-PvsServerName", ["."])
    lab.post("/line", {"action": "cut", "moment": "half", "operation": "Receive", "server": "PVS01"})

    with pytest.raises(RequestException):
        session.wait_for("end", request)

    session.protocol.transport.close_session()
    session.send(op="ping", id="p")
    assert session.wait_for("pong", "p")


def test_an_answer_comes_late(lab: LabProcess, session: Session) -> None:
    lab.post("/line", {"action": "delay", "moment": "answer", "seconds": 0.5, "operation": "Send", "server": "PVS01"})
    before = time.monotonic()

    assert session.call("Get-PvsServerName", ["."]) == [{".": "PVS01"}]

    assert time.monotonic() - before >= 0.5


def test_all_open_connections_are_cut_and_shells_stay(lab: LabProcess, session: Session) -> None:
    until(lambda: lab.get("/line")["PVS01"]["connections"] > 0)
    shells = lab.get("/line")["PVS01"]["shells"]
    assert session.hello["pid"] in [number for shell in shells for number in shell["processes"]]

    lab.post("/faults", {"cmdlet": "Get-PvsServerName", "action": "delay", "seconds": 1})
    request = session.request("Get-PvsServerName", ["."])
    cut: list[int] = []
    timer = threading.Timer(0.3, lambda: cut.append(lab.post("/line/cut", {"server": "PVS01"})["cut"]))
    timer.start()
    with pytest.raises(ConnectionBroken):  # a connection that is idle when it is cut is replaced unseen
        session.wait_for("end", request)

    timer.join()
    assert cut[0] > 0
    assert len(lab.get("/line")["PVS01"]["shells"]) == len(shells)


def test_a_fault_of_the_line_hits_its_server_operation_and_number_only(
    lab: LabProcess, session: Session, open_session: Open
) -> None:
    other = open_session(1).connect()
    before = lab.get("/line")["PVS02"]["suffered"]
    lab.post("/line", {"action": "cut", "operation": "Send", "server": "PVS02", "count": 2})

    session.call("Get-PvsServerName", ["."])
    for _ in range(2):
        with pytest.raises(ConnectionBroken):
            other.send(op="ping", id="p")
        other.protocol.transport.close_session()
    other.send(op="ping", id="p")

    line = lab.get("/line")["PVS02"]
    assert (line["faults"], line["suffered"] - before) == ([], 2)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"action": "burn"}, "cut or delay"),
        ({"action": "cut", "moment": "later"}, "request, answer, half"),
        ({"action": "cut", "operation": "Sing"}, "Create, Command, Send"),
        ({"action": "delay", "moment": "half"}, "a delay is of the request or of the answer"),
        ({"action": "cut", "count": 0}, "at least 1"),
        ({"action": "delay", "seconds": "soon"}, "seconds is a number"),
        ({"action": "cut", "server": "PVS09"}, "No such server: PVS09"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(lab: LabProcess, order: dict[str, object], words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        lab.post("/line", order)

    assert [line["faults"] for line in lab.get("/line").values()] == [[], []]


def test_a_shell_that_nobody_closes_is_ended_after_the_lab_s_own_time(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with LabProcess(tmp_path, speed=20, options=["--shell-idle", "1", "--vdisks", "3"]) as own:
        session = Session(own.info).connect()
        assert session.call("Get-PvsDiskLocator", ["DiskLocatorName"])[-1] == {"DiskLocatorName": "Further-003"}
        session.protocol.transport.close_session()

        until(lambda: own.get("/line")["PVS01"]["shells"] == [])
