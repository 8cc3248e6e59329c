"""The adapter against the simulated datacentre, over HTTPS: everything it reads and everything it changes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from builders.adapters.errors import NotFound, Refused
from builders.adapters.powershell.connection import HostConnection
from builders.adapters.pvs.enums import Access, DeviceType, InventoryState, MergeAccess, ServerState, TaskState
from builders.adapters.pvs.farm import ProvisioningFarm
from builders.adapters.pvs.model import PvsDevice, PvsTask
from tests.adapters.conftest import FarmMaker
from tests.labprocess import LabProcess

OFFICE, CVAD, CAD = "W11-Office", "W2022-CVAD", "W11-CAD"
TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def disk_ids(farm: ProvisioningFarm) -> dict[str, UUID]:
    return {disk.name: disk.disk_id for disk in farm.read_farm().disks}


@pytest.fixture
def office(disk_ids: dict[str, UUID]) -> UUID:
    """Versions 0 to 3 in production, 4 in test."""
    return disk_ids[OFFICE]


def accesses(farm: ProvisioningFarm, disk_id: UUID) -> dict[int, Access]:
    return {version.version: version.access for version in farm.versions(disk_id)}


def finished(farm: ProvisioningFarm, task_id: int) -> PvsTask:
    """The lab is fast, but its tasks take a moment."""
    for _ in range(200):
        task = farm.task(task_id)
        if task.is_finished:
            return task
        time.sleep(0.02)
    pytest.fail(f"task {task_id} does not end")


def refused(code: int, change: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        change()
    assert caught.value.code == code
    return caught.value


# -- reading --


def test_the_connection_test_says_who_answers_and_what_we_may(farm: ProvisioningFarm) -> None:
    greeting = farm.greet()

    assert (greeting.host, greeting.server_name, greeting.farm_name) == ("PVS01", "PVS01", "Lab Farm")
    assert greeting.role == 100
    assert greeting.powershell.startswith("5.1.")
    assert greeting.snapin


def test_the_picture_shows_the_whole_farm_in_three_round_trips(farm: ProvisioningFarm) -> None:
    picture = farm.read_farm()

    assert picture.farm.name == "Lab Farm"
    assert [site.name for site in picture.sites] == ["Munich"]
    assert {server.name: server.status for server in picture.servers} == {
        "PVS01": ServerState.UP,
        "PVS02": ServerState.UP,
    }
    assert [store.name for store in picture.stores] == ["vDisks"]
    assert {one.name for one in picture.collections} == {"Office", "CVAD", "CAD", "Test", "Maintenance"}
    assert {disk.name for disk in picture.disks} == {OFFICE, CVAD, CAD}
    assert len(picture.devices) == 40
    assert len(picture.inventory) == 2 * len(picture.versions)
    assert picture.host == "PVS01"
    assert picture.round_trips == 3
    # the farm, its sites and stores; four questions a site; three a vDisk; one a server
    assert picture.calls == 3 + 4 * 1 + 3 * 3 + 1 * 2


def test_the_picture_knows_assignments_of_running_and_resting_targets(farm: ProvisioningFarm) -> None:
    picture = farm.read_farm()

    assigned = {assignment.device_id: assignment.disk_id for assignment in picture.assignments}
    resting = [device for device in picture.devices if not device.active]
    assert resting
    assert {device.device_id for device in picture.devices} == set(assigned)
    assert all(device.disk_id is None and device.disk_version is None for device in resting)
    assert {device.disk_id for device in picture.devices if device.active} <= set(assigned.values())


def test_a_server_that_is_off_shows_as_down_and_its_copies_as_unreachable(
    farm: ProvisioningFarm, lab: LabProcess
) -> None:
    lab.post("/servers/PVS02/power", {"on": False})

    picture = farm.read_farm()

    states = {server.name: server.status for server in picture.servers}
    assert states == {"PVS01": ServerState.UP, "PVS02": ServerState.DOWN}
    of_second = {row.state for row in picture.inventory if row.server_name == "PVS02"}
    assert of_second == {InventoryState.SERVER_NOT_REACHABLE}


def test_versions_come_highest_first_with_all_they_say(farm: ProvisioningFarm, office: UUID) -> None:
    versions = farm.versions(office)

    assert [version.version for version in versions] == [4, 3, 2, 1, 0]
    highest = versions[0]
    assert highest.access is Access.TEST
    assert highest.can_promote
    assert highest.created_at is not None
    assert highest.file_name == "W11-Office.4.avhdx"


def test_one_version_and_one_vdisk_can_be_read(farm: ProvisioningFarm, office: UUID) -> None:
    assert farm.version(office, 4) == farm.versions(office)[0]
    assert farm.disk(office).name == OFFICE


def test_what_is_not_there_is_not_found(farm: ProvisioningFarm, office: UUID) -> None:
    for read in (lambda: farm.version(office, 99), lambda: farm.versions(uuid4()), lambda: farm.task(987654)):
        with pytest.raises(NotFound):
            read()


def test_inventory_and_targets_of_a_vdisk(farm: ProvisioningFarm, office: UUID) -> None:
    inventory = farm.inventory(office)
    devices = farm.devices_of(office)

    assert {row.server_name for row in inventory} == {"PVS01", "PVS02"}
    assert {row.state for row in inventory} == {InventoryState.UP_TO_DATE}
    assert {DeviceType.PRODUCTION, DeviceType.TEST, DeviceType.MAINTENANCE} == {device.type for device in devices}
    assert farm.device(devices[0].device_id) == devices[0]


# -- the life of a version --


def test_a_version_travels_from_maintenance_through_test_to_production(farm: ProvisioningFarm, office: UUID) -> None:
    created = farm.new_maintenance_version(office)
    assert (created.version, created.access) == (5, Access.MAINTENANCE)

    farm.describe(office, 5, "November patches, \u00fcber \U0001f600 'quotes'; $(Get-Date)")
    farm.promote(office, to="test")
    assert accesses(farm, office)[5] is Access.TEST

    farm.promote(office, to="production", test_version=5)
    version = farm.version(office, 5)
    assert version.access is Access.PRODUCTION
    assert version.description == "November patches, \u00fcber \U0001f600 'quotes'; $(Get-Date)"


def test_a_promotion_can_wait_for_its_date_and_be_released(farm: ProvisioningFarm, office: UUID) -> None:
    farm.promote(office, to="production", test_version=4, scheduled_at=TOMORROW)

    pending = farm.version(office, 4)
    assert pending.is_pending
    assert pending.scheduled_at is not None
    assert 0 <= (pending.scheduled_at - TOMORROW).total_seconds() < 60

    farm.set_scheduled(office, 4, TOMORROW + timedelta(days=1))
    assert farm.version(office, 4).is_pending

    farm.set_scheduled(office, 4, None)
    assert not farm.version(office, 4).is_pending


def test_dates_are_sent_in_the_farms_own_time(
    make_farm: FarmMaker, connections: Callable[..., list[HostConnection]], office: UUID
) -> None:
    """The lab's servers live in UTC; a farm said to be elsewhere shows what is really sent."""
    elsewhere = make_farm(connections(), time_zone="Asia/Tokyo")

    elsewhere.promote(office, to="production", test_version=4, scheduled_at=TOMORROW)

    scheduled = elsewhere.version(office, 4).scheduled_at
    assert scheduled is not None
    assert timedelta(hours=9) <= scheduled - TOMORROW < timedelta(hours=9, minutes=1)


def test_an_override_is_set_and_cleared(farm: ProvisioningFarm, office: UUID) -> None:
    farm.set_override(office, 2)
    assert accesses(farm, office)[2] is Access.OVERRIDE

    farm.clear_override(office)
    assert accesses(farm, office)[2] is Access.PRODUCTION


def test_versions_go_back_to_test_and_to_maintenance(farm: ProvisioningFarm, office: UUID) -> None:
    farm.promote(office, to="production", test_version=4)

    farm.revert(office, to="test", version=4)
    assert accesses(farm, office)[4] is Access.TEST

    farm.revert(office, to="maintenance")
    assert accesses(farm, office)[4].is_maintenance


def test_the_highest_goes_back_to_test_unnamed(farm: ProvisioningFarm, office: UUID) -> None:
    farm.promote(office, to="production", test_version=4)

    farm.revert(office, to="test")

    assert accesses(farm, office)[4] is Access.TEST


def test_a_version_is_deleted(farm: ProvisioningFarm, office: UUID) -> None:
    farm.new_maintenance_version(office)

    farm.delete_version(office, 5)

    assert 5 not in accesses(farm, office)


@pytest.mark.parametrize("new_base", [False, True])
def test_a_merge_is_watched_by_its_task(farm: ProvisioningFarm, office: UUID, new_base: bool) -> None:
    farm.merge(office, new_base=new_base, access=MergeAccess.TEST)

    merging = farm.versions(office)[0]
    if merging.task_id is not None:  # a fast lab may be done already
        assert merging.access.is_merging
        assert finished(farm, merging.task_id).state is TaskState.COMPLETE
    merged = farm.versions(office)[0]
    assert merged.version == 5
    assert merged.access is Access.TEST
    assert merged.task_id is None


def test_the_servers_look_at_their_files_when_asked(farm: ProvisioningFarm, office: UUID) -> None:
    farm.update_inventory()


# -- targets --


def a_target(farm: ProvisioningFarm, office: UUID, *, active: bool) -> PvsDevice:
    return next(one for one in farm.devices_of(office) if one.active is active and one.type is DeviceType.PRODUCTION)


def test_a_target_boots_under_a_task(farm: ProvisioningFarm, office: UUID) -> None:
    target = a_target(farm, office, active=False)

    (task_id,) = farm.boot([target.device_id])

    task = finished(farm, task_id)
    assert task.state is TaskState.COMPLETE
    assert target.name in task.results
    assert task.percent in (None, 100)


def test_targets_restart_and_shut_down(farm: ProvisioningFarm, office: UUID) -> None:
    target = a_target(farm, office, active=True)

    (restart,) = farm.reboot([target.device_id], message="Maintenance, back in a minute", delay_seconds=0)
    assert target.name in finished(farm, restart).results
    other = next(one for one in farm.devices_of(office) if one.active and one.device_id != target.device_id)
    (end,) = farm.shutdown([other.device_id])
    assert other.name in finished(farm, end).results


# -- no --


def test_a_second_maintenance_version_is_refused(farm: ProvisioningFarm, office: UUID) -> None:
    farm.new_maintenance_version(office)

    error = refused(160, lambda: farm.new_maintenance_version(office))

    assert str(error).startswith(f"PVS01 was asked to create a maintenance version of vDisk {office}, and answered")
    assert "AlreadyInChangeMode (160)" in str(error)
    assert error.remedy


def test_refusals_carry_their_code(farm: ProvisioningFarm, office: UUID, disk_ids: dict[str, UUID]) -> None:
    refused(163, lambda: farm.promote(office, to="test"))
    refused(163, lambda: farm.promote(office, to="production", test_version=3))
    past = datetime.now(UTC) - timedelta(days=1)
    refused(178, lambda: farm.promote(office, to="production", test_version=4, scheduled_at=past))
    farm.promote(office, to="production", test_version=4, scheduled_at=TOMORROW)
    refused(193, lambda: farm.new_maintenance_version(office))


def test_changing_what_is_gone_is_not_found(farm: ProvisioningFarm, office: UUID) -> None:
    for change in (lambda: farm.set_override(office, 99), lambda: farm.new_maintenance_version(uuid4())):
        with pytest.raises(NotFound):
            change()
