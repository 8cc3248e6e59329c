"""Reading vDisks, their versions and their files."""

from collections.abc import Callable

from lab.pvs import codes
from lab.pvs.cmdlets import selectors
from lab.pvs.cmdlets.registry import FLAG, NUMBER, NUMBERS, ONE_DISK, TEXTS, Call, cmdlet
from lab.pvs.codes import FarmError
from lab.pvs.inventory import inventory
from lab.pvs.model import MAINTENANCE, Access, VDisk, Version
from lab.pvs.objects import vdisks

DISK_FILTERS = {
    "DeviceId": TEXTS,
    "DeviceName": TEXTS,
    "DeviceMac": TEXTS,
    "ServerId": TEXTS,
    "ServerName": TEXTS,
    "Single": FLAG,
    "All": FLAG,
    "OnlyActive": FLAG,
}

# Get-PvsDiskVersion -Type: a fourth order of numbers, unlike Access and unlike a device's Type.
VERSIONS_OF_TYPE: dict[int, frozenset[Access]] = {
    1: MAINTENANCE,
    2: frozenset({Access.TEST}),
    3: frozenset({Access.OVERRIDE}),
}


@cmdlet("Get-PvsDiskLocator", selectors.DISKS, DISK_FILTERS, fields=True)
def get_disk_locator(call: Call) -> list[object]:
    return [vdisks.locator_bag(call.datacentre.farm, disk) for disk in _filtered(call)]


@cmdlet("Get-PvsDiskInfo", selectors.DISKS, DISK_FILTERS, fields=True)
def get_disk_info(call: Call) -> list[object]:
    return [vdisks.disk_info_bag(call.datacentre.farm, disk) for disk in _filtered(call)]


@cmdlet("Get-PvsDisk", ONE_DISK, fields=True)
def get_disk(call: Call) -> list[object]:
    return [vdisks.disk_bag(selectors.one_disk(call))]


@cmdlet("Get-PvsDiskVersion", ONE_DISK, {"Version": NUMBERS, "Type": NUMBER}, fields=True)
def get_disk_version(call: Call) -> list[object]:
    """Newest first, which callers must not count on."""
    disk = selectors.one_disk(call)
    return [vdisks.version_bag(call.datacentre, disk, version) for version in _versions(call, disk)]


@cmdlet("Get-PvsMaintenanceVersionExists", ONE_DISK)
def get_maintenance_version_exists(call: Call) -> list[object]:
    return [selectors.one_disk(call).maintenance is not None]


@cmdlet("Get-PvsDiskInventory", ONE_DISK, {"Version": NUMBERS}, fields=True)
def get_disk_inventory(call: Call) -> list[object]:
    disk = selectors.one_disk(call)
    rows = [row for version in _versions(call, disk) for row in inventory(call.datacentre, version)]
    return [vdisks.inventory_bag(disk, row) for row in rows]


@cmdlet("Get-PvsDiskLocatorLock", ONE_DISK, fields=True)
def get_disk_locator_lock(call: Call) -> list[object]:
    return list(vdisks.lock_bags(call.datacentre.farm, selectors.one_disk(call)))


@cmdlet("Update-PvsInventory", selectors.SERVERS)
def update_inventory(call: Call) -> None:
    """Nothing to do but to check what is named: the lab looks at the files whenever it is asked."""
    for server in selectors.servers(call):
        if call.arguments and not server.up:
            raise FarmError(codes.SERVER_OFFLINE, server.name)


def _versions(call: Call, disk: VDisk) -> list[Version]:
    numbers, kind = call.numbers("Version"), call.number("Type")
    for number in numbers:
        if disk.version(number) is None:
            raise FarmError(codes.INVALID_VERSION, f"{disk.name} has no version {number}.")
    if kind is not None and kind not in VERSIONS_OF_TYPE:
        raise FarmError(codes.INVALID_VALUE, f"Type {kind}")
    found = [version for version in disk.versions if not numbers or version.number in numbers]
    if kind is not None:
        found = [version for version in found if version.access in VERSIONS_OF_TYPE[kind]]
    return sorted(found, key=lambda version: version.number, reverse=True)


def _filtered(call: Call) -> list[VDisk]:
    farm = call.datacentre.farm
    named = selectors.disks(call)
    found = farm.vdisks if named is None else named
    if any(call.has(name) for name in ("DeviceId", "DeviceName", "DeviceMac")):
        found = _keep(found, _assigned_to_named_devices(call))
    if call.has("ServerId") or call.has("ServerName"):
        selectors.servers(_without_disk(call))
    if call.flag("Single"):
        return []  # no vDisk of this farm is bound to one server
    if call.flag("OnlyActive"):
        found = _keep(found, lambda disk: any(one.is_active and one.vdisk_id == disk.id for one in farm.devices))
    return found


def _assigned_to_named_devices(call: Call) -> Callable[[VDisk], bool]:
    assigned = {device.vdisk_id for device in selectors.devices(_without_disk(call))}
    return lambda disk: disk.id in assigned


def _without_disk(call: Call) -> Call:
    """The same call seen from its devices: id and name aliases belong to the vDisk here."""
    kept = {name: value for name, value in call.arguments.items() if name.startswith(("Device", "Server"))}
    return Call(call.datacentre, call.server, call.connection, kept)


def _keep(disks: list[VDisk], test: Callable[[VDisk], bool]) -> list[VDisk]:
    return [disk for disk in disks if test(disk)]
