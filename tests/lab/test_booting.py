"""Which version a target boots, from which server, and what happens to it when a server goes."""

from collections.abc import Callable

import pytest

from lab.pvs import targets
from lab.pvs.booting import choose
from lab.pvs.lifecycle import Action
from lab.pvs.model import Access, Device, DeviceType, Power, Server, VDisk
from tests.lab.conftest import Stage
from tests.lab.test_lifecycle_table import do, maintenance, override_below, pending, two_in_production
from tests.lab.test_lifecycle_table import test_state as in_test


def disk_of(stage: Stage) -> VDisk:
    return stage.datacentre.farm.vdisks[0]


def target(stage: Stage, kind: DeviceType) -> Device:
    return next(device for device in stage.datacentre.farm.devices if device.type is kind)


def server(stage: Stage, name: str) -> Server:
    found = stage.datacentre.farm.server(name)
    assert found is not None
    return found


def boots(stage: Stage, kind: DeviceType) -> int | None:
    choice = choose(stage.datacentre, target(stage, kind))
    return choice.version.number if choice else None


def take_down(stage: Stage, name: str) -> None:
    server(stage, name).up = False
    targets.lose_server(stage.datacentre, server(stage, name))


PRODUCTION, TEST, MAINTENANCE = DeviceType.PRODUCTION, DeviceType.TEST, DeviceType.MAINTENANCE


@pytest.mark.parametrize(
    ("arrange", "production", "test", "at_maintenance"),
    [
        pytest.param(maintenance, 1, 1, 2, id="maintenance 2"),
        pytest.param(in_test, 1, 2, 2, id="test 2"),
        pytest.param(two_in_production, 2, 2, 2, id="production 2"),
        pytest.param(override_below, 1, 1, 1, id="override 1, production 2"),
        pytest.param(pending, 1, 1, 1, id="pending 2"),
    ],
)
def test_each_type_boots_its_version(
    stage: Stage, arrange: Callable[[Stage], None], production: int, test: int, at_maintenance: int
) -> None:
    arrange(stage)

    assert [boots(stage, kind) for kind in DeviceType] == [production, test, at_maintenance]


def test_a_test_target_takes_the_newest_test_version(stage: Stage) -> None:
    in_test(stage)
    in_test(stage)

    assert boots(stage, TEST) == 3


def test_only_one_target_holds_a_maintenance_version(stage: Stage) -> None:
    maintenance(stage)
    first, second = target(stage, TEST), target(stage, MAINTENANCE)
    first.type = MAINTENANCE
    targets.switch_off(first)

    targets.power_on(stage.datacentre, first)
    targets.power_on(stage.datacentre, second)

    assert first.stream is not None
    assert second.stream is not None
    assert (first.stream.version, second.stream.version) == (2, 1)


def test_a_maintenance_target_waits_for_the_server_that_has_the_file(stage: Stage) -> None:
    maintenance(stage)
    take_down(stage, "PVS01")

    assert boots(stage, MAINTENANCE) is None


def test_a_version_boots_only_from_a_server_that_has_it(stage: Stage) -> None:
    in_test(stage)

    choice = choose(stage.datacentre, target(stage, TEST))

    assert choice is not None
    assert choice.server.name == "PVS01"


def test_the_least_busy_server_streams(stage: Stage) -> None:
    for device in stage.datacentre.farm.devices:
        if device.stream:
            device.stream.server = "PVS01"

    choice = choose(stage.datacentre, target(stage, PRODUCTION))

    assert choice is not None
    assert choice.server.name == "PVS02"


def test_a_booted_target_stays_on_its_version_until_it_restarts(stage: Stage) -> None:
    device = target(stage, PRODUCTION)
    assert device.stream is not None
    two_in_production(stage)
    assert device.stream.version == 1

    targets.restart(stage.datacentre, device)
    stage.pass_time(10)

    assert device.power is Power.RUNNING
    assert device.stream is not None
    assert device.stream.version == 2


def test_boots_take_unequal_time(stage: Stage) -> None:
    production = [one for one in stage.datacentre.farm.devices if one.type is PRODUCTION]
    for device in production:
        targets.switch_off(device)
        targets.power_on(stage.datacentre, device)

    assert len({device.due for device in production}) == len(production)


def test_targets_go_on_with_the_other_server(stage: Stage) -> None:
    device = target(stage, PRODUCTION)
    assert device.stream is not None
    device.stream.server = "PVS01"

    take_down(stage, "PVS01")

    assert (device.power, device.stream.server, device.stream.version) == (Power.RUNNING, "PVS02", 1)


def test_a_target_without_another_server_stands_still_until_it_comes_back(stage: Stage) -> None:
    in_test(stage)
    device = target(stage, TEST)
    targets.restart(stage.datacentre, device)
    stage.pass_time(8)
    stage.datacentre.folders.remove("PVS02", "W11-CAD.2.avhdx")

    take_down(stage, "PVS01")
    assert device.power is Power.FROZEN
    assert not device.is_active
    server(stage, "PVS01").up = True
    targets.find_server(stage.datacentre)

    assert device.is_active
    assert device.stream is not None
    assert (device.stream.version, device.stream.server) == (2, "PVS01")


def test_a_target_waits_while_no_server_has_its_vdisk(stage: Stage) -> None:
    take_down(stage, "PVS01")
    take_down(stage, "PVS02")
    device = target(stage, PRODUCTION)
    targets.switch_off(device)
    targets.power_on(stage.datacentre, device)
    stage.pass_time(6)
    assert device.power is Power.BOOTING
    assert device.waits_for

    server(stage, "PVS02").up = True
    stage.pass_time(10)

    assert device.power is Power.RUNNING


def test_a_booted_maintenance_target_writes_into_its_version(stage: Stage) -> None:
    maintenance(stage)
    device = target(stage, MAINTENANCE)
    targets.power_on(stage.datacentre, device)
    before = stage.datacentre.folders.path("PVS01", "W11-CAD.2.avhdx").stat().st_size

    stage.pass_time(20)

    assert device.is_active
    assert stage.datacentre.folders.path("PVS01", "W11-CAD.2.avhdx").stat().st_size > before


def test_it_stops_writing_when_the_version_is_promoted(stage: Stage) -> None:
    maintenance(stage)
    device = target(stage, MAINTENANCE)
    targets.power_on(stage.datacentre, device)
    stage.pass_time(4)

    do(stage, Action.PROMOTE_TO_TEST)
    before = stage.datacentre.folders.path("PVS01", "W11-CAD.2.avhdx").stat().st_mtime_ns
    stage.pass_time(20)

    assert disk_of(stage).highest.access is Access.TEST
    assert stage.datacentre.folders.path("PVS01", "W11-CAD.2.avhdx").stat().st_mtime_ns == before


def test_a_version_whose_foundation_was_removed_boots_nowhere(stage: Stage) -> None:
    two_in_production(stage)
    disk = disk_of(stage)
    disk.versions = [version for version in disk.versions if version.number != 1]

    assert boots(stage, PRODUCTION) == 0
