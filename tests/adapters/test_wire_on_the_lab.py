"""What the wire does to us: lost answers, servers that go away, wrong passwords and certificates, many threads."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests

from builders.adapters.errors import (
    Busy,
    CertificateProblem,
    NotAuthenticated,
    OutcomeUnknown,
    TimedOut,
    Unreachable,
)
from builders.adapters.powershell.connection import HostConnection
from builders.adapters.powershell.pool import PING_AFTER_SECONDS, SessionPool
from builders.adapters.powershell.tls import CaFile, PinnedCertificate, ValidateOff, fetch_certificate
from builders.adapters.powershell.transport import Transport
from builders.adapters.pvs import requests as pvs_requests
from builders.adapters.pvs.cmdlets import ALLOWED
from builders.adapters.pvs.enums import Access
from builders.adapters.pvs.farm import ProvisioningFarm
from builders.adapters.pvs.session import open_session, pools_for
from lab.certificates import ensure_certificates
from lab.pvs.cmdlets import REGISTRY
from tests.adapters.conftest import FarmMaker
from tests.adapters.fakes import FakeClock
from tests.labprocess import LabProcess

Connections = Callable[..., list[HostConnection]]


@pytest.fixture
def office(farm: ProvisioningFarm) -> UUID:
    return next(disk.disk_id for disk in farm.read_farm().disks if disk.name == "W11-Office")


def highest(farm: ProvisioningFarm, disk_id: UUID) -> int:
    return farm.versions(disk_id)[0].version


# -- wait, do not fail --


def test_a_call_that_takes_longer_is_busy_and_ends_under_its_task(
    farm: ProvisioningFarm, office: UUID, lab: LabProcess
) -> None:
    lab.post("/faults", {"cmdlet": "New-PvsDiskMaintenanceVersion", "action": "fail", "code": 177})

    with pytest.raises(Busy) as caught:
        farm.new_maintenance_version(office)

    assert caught.value.code == 177
    assert caught.value.task_id is not None
    for _ in range(200):
        if farm.task(caught.value.task_id).is_finished:
            break
        time.sleep(0.05)
    assert highest(farm, office) == 5


def test_a_command_that_runs_for_somebody_else_is_busy(farm: ProvisioningFarm, office: UUID, lab: LabProcess) -> None:
    lab.post("/faults", {"cmdlet": "New-PvsDiskMaintenanceVersion", "action": "fail", "code": 16})

    with pytest.raises(Busy) as caught:
        farm.new_maintenance_version(office)

    assert (caught.value.code, caught.value.task_id) == (16, None)
    assert highest(farm, office) == 4


# -- lost answers --


@pytest.mark.parametrize(("after_effect", "expected"), [(True, 5), (False, 4)])
@pytest.mark.parametrize("action", ["drop", "kill"])
def test_a_lost_answer_leaves_the_outcome_open_and_nothing_is_repeated(
    farm: ProvisioningFarm, office: UUID, lab: LabProcess, action: str, after_effect: bool, expected: int
) -> None:
    fault = {"cmdlet": "New-PvsDiskMaintenanceVersion", "action": action, "after_effect": after_effect}
    lab.post("/faults", fault)

    with pytest.raises(OutcomeUnknown, match="the outcome is unknown") as caught:
        farm.new_maintenance_version(office)

    assert len(caught.value.in_flight) == 1
    assert highest(farm, office) == expected


@pytest.mark.parametrize("action", ["drop", "kill"])
def test_a_lost_answer_to_a_question_is_asked_again(
    farm: ProvisioningFarm, office: UUID, lab: LabProcess, action: str
) -> None:
    lab.post("/faults", {"cmdlet": "Get-PvsDiskVersion", "action": action})

    assert highest(farm, office) == 4


def test_a_question_that_takes_too_long_times_out(
    make_farm: FarmMaker, connections: Connections, office: UUID, lab: LabProcess
) -> None:
    farm = make_farm(connections(operation_timeout_seconds=1), read_patience_seconds=0.5)
    lab.post("/faults", {"cmdlet": "Get-PvsDiskVersion", "action": "delay", "seconds": 3})

    with pytest.raises(TimedOut, match="did not answer in time"):
        farm.versions(office)


def test_a_change_that_takes_too_long_has_an_unknown_outcome(
    make_farm: FarmMaker, connections: Connections, office: UUID, lab: LabProcess
) -> None:
    farm = make_farm(connections(operation_timeout_seconds=1), write_patience_seconds=0.5)
    lab.post("/faults", {"cmdlet": "Set-PvsOverrideVersion", "action": "delay", "seconds": 2.5})

    with pytest.raises(OutcomeUnknown):
        farm.set_override(office, 2)

    for _ in range(100):  # nobody waits for it any more, and still it happens
        if farm.version(office, 2).access is Access.OVERRIDE:
            return
        time.sleep(0.1)
    pytest.fail("the change never came")


# -- servers that go away --


def test_a_server_that_is_off_is_passed_over(farm: ProvisioningFarm, office: UUID, lab: LabProcess) -> None:
    lab.post("/servers/PVS01/power", {"on": False})

    assert farm.read_farm().host == "PVS02"
    farm.set_override(office, 2)
    assert farm.version(office, 2).access is Access.OVERRIDE


def test_no_server_at_all_is_unreachable_and_passes(farm: ProvisioningFarm, office: UUID, lab: LabProcess) -> None:
    for server in ("PVS01", "PVS02"):
        lab.post(f"/servers/{server}/power", {"on": False})

    with pytest.raises(Unreachable) as caught:
        farm.versions(office)

    assert not caught.value.permanent
    assert "PVS01:" in caught.value.details
    assert "PVS02:" in caught.value.details

    lab.post("/servers/PVS02/power", {"on": True})
    assert highest(farm, office) == 4


def test_too_many_shells_are_a_quota_and_not_a_failure_for_ever(connections: Connections) -> None:
    opened: list[Transport] = []

    def open_many() -> None:
        for _ in range(40):
            opened.append(open_session(connections()[0])[0])

    with pytest.raises(Unreachable, match="too many shells") as caught:
        open_many()
    for transport in opened:
        transport.close()

    assert caught.value.code == 2150859173
    assert not caught.value.permanent


# -- who we are and whom we trust --


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[requests.PreparedRequest]:
    """Every HTTP request that leaves."""
    seen: list[requests.PreparedRequest] = []
    original = requests.adapters.HTTPAdapter.send

    def send(self: Any, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        seen.append(request.copy())
        return original(self, request, *arguments, **options)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    return seen


def test_a_wrong_password_is_tried_exactly_once(
    make_farm: FarmMaker, connections: Connections, office: UUID, sent: list[requests.PreparedRequest]
) -> None:
    farm = make_farm(connections(password="wrong"))
    sent.clear()

    with pytest.raises(NotAuthenticated, match="the account was not accepted") as caught:
        farm.versions(office)

    assert len(sent) == 1
    assert caught.value.permanent
    assert "wrong" not in repr(caught.value)


def test_a_wrong_password_over_ntlm_is_one_logon(
    make_farm: FarmMaker, connections: Connections, office: UUID, sent: list[requests.PreparedRequest]
) -> None:
    farm = make_farm(connections(password="wrong", transport="ntlm"))
    sent.clear()

    with pytest.raises(NotAuthenticated):
        farm.versions(office)

    assert len(sent) <= 3  # asked, challenged, answered


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
def test_both_ways_to_log_on_work(make_farm: FarmMaker, connections: Connections, office: UUID, transport: str) -> None:
    farm = make_farm(connections(transport=transport))

    assert highest(farm, office) == 4
    assert farm.read_farm().round_trips == 3


def test_kerberos_without_its_package_says_what_is_missing(
    make_farm: FarmMaker, connections: Connections, office: UUID
) -> None:
    """Where the package is installed, there is no ticket to be had from this lab either."""
    with pytest.raises(NotAuthenticated):
        make_farm(connections(transport="kerberos")).versions(office)


@pytest.fixture(scope="module")
def strangers_ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure_certificates(tmp_path_factory.mktemp("stranger"), ["PVS01"])


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
def test_a_host_of_another_authority_gets_no_password(
    make_farm: FarmMaker, connections: Connections, office: UUID, strangers_ca: Path, transport: str
) -> None:
    farm = make_farm(connections(tls=CaFile(str(strangers_ca)), transport=transport))

    with pytest.raises(CertificateProblem, match="not one that we trust") as caught:
        farm.versions(office)

    assert caught.value.permanent


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
def test_a_pinned_certificate_is_trusted_and_no_other(
    make_farm: FarmMaker, connections: Connections, office: UUID, transport: str
) -> None:
    first = connections()[0]
    _, pin = fetch_certificate(first.host, first.port)

    pinned = make_farm(connections(tls=pin, transport=transport)[:1])
    assert highest(pinned, office) == 4
    swapped = make_farm(connections(tls=pin, transport=transport)[1:])
    with pytest.raises(CertificateProblem, match="not the pinned one"):
        swapped.versions(office)


@pytest.fixture
def other_name(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name that leads to the lab and stands in none of its certificates."""
    original = socket.getaddrinfo

    def answer(host: Any, *arguments: Any, **options: Any) -> Any:
        return original("127.0.0.1" if host == "pvs.example" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return "pvs.example"


def test_a_pinned_certificate_goes_with_any_name(
    make_farm: FarmMaker, connections: Connections, office: UUID, other_name: str
) -> None:
    first = connections()[0]
    pem, pin = fetch_certificate(first.host, first.port)
    assert PinnedCertificate.from_pem(pem) == pin

    farm = make_farm(connections(tls=pin, host=other_name)[:1])

    assert highest(farm, office) == 4


def test_a_name_that_the_certificate_does_not_bear_is_not_trusted(
    make_farm: FarmMaker, connections: Connections, office: UUID, other_name: str
) -> None:
    with pytest.raises(CertificateProblem):
        make_farm(connections(host=other_name)).versions(office)


def test_without_validation_it_works_and_says_so(make_farm: FarmMaker, connections: Connections, office: UUID) -> None:
    careless = connections(tls=ValidateOff())

    assert highest(make_farm(careless), office) == 4
    assert all("validate off" in connection.warnings[0] for connection in careless)


# -- sessions --


def test_many_threads_share_few_sessions(make_pool: Callable[..., SessionPool], connections: Connections) -> None:
    pool = make_pool(connections()[0], limit=4)
    opened: list[Transport] = []
    original = pool._opener

    def count() -> Any:
        session = original()
        opened.append(session[0])
        return session

    pool._opener = count

    def ask(number: int) -> int:
        return len(pool.batch(pvs_requests.farm_wide(), patience_seconds=60)[0].items) + number

    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(ask, range(48)))

    assert results == [number + 1 for number in range(48)]
    assert 1 <= len(opened) <= 4


def test_an_idle_session_is_kept_alive(make_pool: Callable[..., SessionPool], connections: Connections) -> None:
    clock = FakeClock()
    pool = make_pool(connections()[0], clock=clock)
    pool.batch(pvs_requests.farm_wide(), patience_seconds=60)
    (kept,) = pool._idle

    clock.now += PING_AFTER_SECONDS
    pool.tend()
    clock.now += PING_AFTER_SECONDS
    pool.batch(pvs_requests.farm_wide(), patience_seconds=60)

    assert [one.transport for one in pool._idle] == [kept.transport]


def test_a_session_whose_server_went_away_while_idle_is_replaced_even_for_a_change(
    farm: ProvisioningFarm, office: UUID, lab: LabProcess
) -> None:
    lab.post("/servers/PVS01/power", {"on": False})
    lab.post("/servers/PVS01/power", {"on": True})

    farm.set_override(office, 2)

    assert farm.version(office, 2).access is Access.OVERRIDE


def test_a_process_has_one_pool_a_connection(connections: Connections, office: UUID) -> None:
    pools = pools_for(connections())

    assert pools_for(connections()) == pools
    assert highest(ProvisioningFarm.at(connections()), office) == 4
    for pool in pools:
        pool.close()


def test_a_large_batch_passes_in_windows(make_pool: Callable[..., SessionPool], connections: Connections) -> None:
    pool = make_pool(connections()[0])

    replies = pool.batch(pvs_requests.farm_wide() * 150, patience_seconds=60)

    assert len(replies) == 450
    assert all(reply.ok for reply in replies)


# -- the adapter and the lab agree --


def test_every_allowed_cmdlet_and_parameter_is_known_to_the_lab() -> None:
    for cmdlet, parameters in ALLOWED.items():
        known = REGISTRY[cmdlet.lower()].signature.parameters
        assert set(parameters) <= set(known), cmdlet


def test_the_runner_itself_refuses_what_is_not_on_its_list(connections: Connections) -> None:
    transport, _ = open_session(connections()[0])
    try:
        (reply,) = transport.batch([pvs_requests.call("Remove-PvsDiskLocator")], patience_seconds=30)
    finally:
        transport.close()

    assert [record.fqid for record in reply.errors] == ["NotAllowed"]
