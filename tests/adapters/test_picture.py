"""Reading a whole farm: what it costs, and what it makes of a farm that changes meanwhile."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest

from builders.adapters.errors import Refused
from builders.adapters.powershell.pool import SessionPool
from builders.adapters.powershell.transport import Greeting, Request, Transport
from builders.adapters.pvs.enums import ServerState
from builders.adapters.pvs.farm import ProvisioningFarm
from builders.adapters.pvs.hosts import FarmHosts
from tests.adapters.fakes import FakeTransport, farm_error

Answers = dict[str, Any]


def number(prefix: int, index: int) -> str:
    return str(UUID(int=(prefix << 64) + index + 1))


def farm_of(*, sites: int = 1, disks: int = 2, servers: int = 2, targets: int = 10) -> Answers:
    """Answers of a farm whose objects bear only what they must. Everything lies in the first site."""

    def in_first_site(rows: list[Mapping[str, Any]]) -> Callable[[Request], list[Mapping[str, Any]]]:
        return lambda request: rows if request.parameters["SiteId"] == number(1, 0) else []

    server_rows: list[Mapping[str, Any]] = [
        {"ServerId": number(2, one), "ServerName": f"PVS{one}", "Active": 1} for one in range(servers)
    ]
    return {
        "Get-PvsFarm": [{"FarmId": number(9, 0), "FarmName": "Farm"}],
        "Get-PvsSite": [{"SiteId": number(1, one), "SiteName": f"Site {one}"} for one in range(sites)],
        "Get-PvsServer": in_first_site(server_rows),
        "Get-PvsServerStatus": lambda request: [{"ServerId": request.parameters["ServerId"], "Status": 1}],
        "Get-PvsDiskInfo": in_first_site([{"DiskLocatorId": number(3, one)} for one in range(disks)]),
        "Get-PvsDeviceInfo": in_first_site([{"DeviceId": number(4, one)} for one in range(targets)]),
        "Get-PvsDiskVersion": lambda request: [{"DiskLocatorId": request.parameters["DiskLocatorId"], "Version": 0}],
        "Get-PvsDevice": [{"DeviceId": number(4, one)} for one in range(targets)],
    }


@pytest.fixture
def ask() -> Iterator[Callable[[Answers], tuple[ProvisioningFarm, FakeTransport]]]:
    pools: list[SessionPool] = []

    def make(answers: Answers) -> tuple[ProvisioningFarm, FakeTransport]:
        transport = FakeTransport(answers)

        def open_it() -> tuple[Transport, Greeting]:
            return transport, transport.open()

        pools.append(SessionPool(open_it, label="PVS01"))
        return ProvisioningFarm(FarmHosts(pools[-1:])), transport

    yield make
    for pool in pools:
        pool.close()


Ask = Callable[[Answers], tuple[ProvisioningFarm, FakeTransport]]


@pytest.mark.parametrize("targets", [0, 10, 2000])
def test_the_calls_do_not_grow_with_the_targets(ask: Ask, targets: int) -> None:
    farm, transport = ask(farm_of(targets=targets))

    picture = farm.read_farm()

    assert len(picture.devices) == targets
    assert picture.calls == sum(len(batch) for batch in transport.batches) == 3 + 4 + 3 * 2 + 2
    assert picture.round_trips == len(transport.batches) == 3


def test_more_vdisks_mean_more_calls_and_no_more_round_trips(ask: Ask) -> None:
    farm, transport = ask(farm_of(disks=30, sites=2))

    picture = farm.read_farm()

    assert picture.calls == 3 + 4 * 2 + 3 * 30 + 2
    assert len(transport.batches) == 3


def test_large_lists_are_read_with_their_fields_named(ask: Ask) -> None:
    farm, transport = ask(farm_of())

    farm.read_farm()

    of_targets = [one for batch in transport.batches for one in batch if "Device" in one.cmdlet]
    assert of_targets
    assert all(one.parameters["Fields"] for one in of_targets)


def test_an_empty_farm_has_a_picture(ask: Ask) -> None:
    farm, _ = ask(farm_of(sites=0))

    picture = farm.read_farm()

    assert picture.disks == ()
    assert picture.round_trips == 1


def test_a_vdisk_deleted_meanwhile_is_left_out_and_named(ask: Ask) -> None:
    answers = farm_of()
    first, second = UUID(number(3, 0)), UUID(number(3, 1))
    versions = answers["Get-PvsDiskVersion"]
    answers["Get-PvsDiskVersion"] = lambda request: (
        farm_error(44) if request.parameters["DiskLocatorId"] == str(first) else versions(request)
    )
    farm, _ = ask(answers)

    picture = farm.read_farm()

    assert picture.gone == (first,)
    assert [disk.disk_id for disk in picture.disks] == [second]
    assert {version.disk_id for version in picture.versions} == {second}
    assert {assignment.disk_id for assignment in picture.assignments} == {second}


def test_another_error_about_a_vdisk_spoils_the_picture(ask: Ask) -> None:
    """Half a mirror would look like vDisks without versions."""
    farm, _ = ask(farm_of() | {"Get-PvsDiskInventory": farm_error(118)})

    with pytest.raises(Refused) as caught:
        farm.read_farm()

    assert caught.value.code == 118


def test_a_server_without_a_status_does_not_spoil_the_picture(ask: Ask) -> None:
    farm, _ = ask(farm_of() | {"Get-PvsServerStatus": farm_error(97)})

    assert [server.status for server in farm.read_farm().servers] == [ServerState.UP, ServerState.UP]
