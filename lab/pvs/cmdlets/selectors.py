"""How cmdlets name the objects they mean: by id, or by names that are enough to tell one.

Which combination is missing is said by the server (code 29), not by the parameter binder: the signatures mark nothing
as mandatory (Citrix Provisioning PowerShell programmer's guide).
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from lab.pvs import codes
from lab.pvs.cmdlets.registry import FLAG, NUMBER, TEXT, TEXTS, Call
from lab.pvs.codes import FarmError
from lab.pvs.model import Collection, Device, Server, VDisk

DISKS = {
    "DiskLocatorId": TEXTS,
    "DiskLocatorName": TEXTS,
    "Guid": TEXTS,
    "Name": TEXTS,
    "SiteId": TEXT,
    "SiteName": TEXT,
    "StoreId": TEXT,
    "StoreName": TEXT,
}
DEVICES = {
    "DeviceId": TEXTS,
    "DeviceName": TEXTS,
    "DeviceMac": TEXTS,
    "Guid": TEXTS,
    "Name": TEXTS,
    "CollectionId": TEXTS,
    "CollectionName": TEXTS,
    "ServerId": TEXTS,
    "ServerName": TEXTS,
    "DiskLocatorId": TEXT,
    "DiskLocatorName": TEXT,
    "Version": NUMBER,
    "SiteId": TEXT,
    "SiteName": TEXT,
    "StoreId": TEXT,
    "StoreName": TEXT,
    "OnlyActive": FLAG,
}
SERVERS = {
    "ServerId": TEXTS,
    "ServerName": TEXTS,
    "Guid": TEXTS,
    "Name": TEXTS,
    "SiteId": TEXT,
    "SiteName": TEXT,
    "StoreId": TEXT,
    "StoreName": TEXT,
}
COLLECTIONS = {
    "CollectionId": TEXTS,
    "CollectionName": TEXTS,
    "Guid": TEXTS,
    "Name": TEXTS,
    "SiteId": TEXT,
    "SiteName": TEXT,
}

Named = TypeVar("Named", Device, Server, Collection)


def check_site(call: Call) -> None:
    """The farm has one site; another one that is named does not exist."""
    farm = call.datacentre.farm
    if call.has("SiteId") and call.text("SiteId") != farm.site_id:
        raise FarmError(codes.UNKNOWN_OBJECT, f"SiteId {call.text('SiteId')}")
    if call.has("SiteName") and (call.text("SiteName") or "").lower() != farm.site_name.lower():
        raise FarmError(codes.UNKNOWN_OBJECT, f"SiteName {call.text('SiteName')}")


def check_store(call: Call) -> None:
    farm = call.datacentre.farm
    if call.has("StoreId") and call.text("StoreId") != farm.store_id:
        raise FarmError(codes.UNKNOWN_OBJECT, f"StoreId {call.text('StoreId')}")
    if call.has("StoreName") and (call.text("StoreName") or "").lower() != farm.store_name.lower():
        raise FarmError(codes.UNKNOWN_OBJECT, f"StoreName {call.text('StoreName')}")


def one_disk(call: Call, *, aliases: bool = True) -> VDisk:
    """The vDisk by GUID, or by name with site and store. `aliases`: Guid and Name mean the vDisk."""
    found = disks(call, aliases=aliases)
    if found is None or len(found) != 1:
        raise FarmError(codes.TOO_FEW_PARAMETERS, "DiskLocatorId, or DiskLocatorName with site and store")
    return found[0]


def disks(call: Call, *, aliases: bool = True) -> list[VDisk] | None:
    """The named vDisks in the order of the farm; None when none is named."""
    ids = _given(call, "DiskLocatorId", *(["Guid"] if aliases else []))
    names = _given(call, "DiskLocatorName", *(["Name"] if aliases else []))
    check_site(call)
    check_store(call)
    if not ids and not names:
        return None
    if not ids and not (_any(call, "SiteId", "SiteName") and _any(call, "StoreId", "StoreName")):
        raise FarmError(codes.TOO_FEW_PARAMETERS, "A vDisk name needs its site and store.")
    found = [disk for disk in call.datacentre.farm.vdisks if disk.id in ids or disk.name.lower() in names]
    if len(found) < len(ids | names):
        raise FarmError(codes.UNKNOWN_VDISK, ", ".join(sorted(ids | names)))
    return found


def servers(call: Call, *, required: bool = False) -> list[Server]:
    check_site(call)
    check_store(call)
    everyone = call.datacentre.farm.servers
    found = _pick(call, everyone, ("ServerId", "Guid"), ("ServerName", "Name"))
    if found is None and required:
        raise FarmError(codes.TOO_FEW_PARAMETERS, "ServerId or ServerName")
    return everyone if found is None else found


def collections(call: Call, *, aliases: bool = True) -> list[Collection] | None:
    check_site(call)
    names = ("CollectionName", "Name") if aliases else ("CollectionName",)
    ids = ("CollectionId", "Guid") if aliases else ("CollectionId",)
    if _given(call, *names) and not _any(call, "SiteId", "SiteName"):
        raise FarmError(codes.TOO_FEW_PARAMETERS, "A collection name needs its site.")
    return _pick(call, call.datacentre.farm.collections, ids, names)


def devices(call: Call, *, required: bool = False) -> list[Device]:
    """Targets that fit everything that was named; without a name, those of the whole farm unless `required`."""
    check_site(call)
    check_store(call)
    tests = [test for test in (_by_device(call), _by_collection(call), _by_server(call), _by_disk(call)) if test]
    if required and not tests:
        raise FarmError(codes.TOO_FEW_PARAMETERS, "Name devices, a collection, or a vDisk.")
    if call.flag("OnlyActive"):
        tests.append(lambda device: device.is_active)
    return [device for device in call.datacentre.farm.devices if all(test(device) for test in tests)]


Test = Callable[[Device], bool]


def _by_device(call: Call) -> Test | None:
    macs = {mac.upper().replace(":", "-") for mac in call.texts("DeviceMac")}
    everyone = call.datacentre.farm.devices
    found = _pick(call, everyone, ("DeviceId", "Guid"), ("DeviceName", "Name"))
    if macs:
        with_mac = [device for device in everyone if device.mac in macs]
        if len(with_mac) < len(macs):
            raise FarmError(codes.UNKNOWN_OBJECT, ", ".join(sorted(macs)))
        found = (found or []) + with_mac
    if found is None:
        return None
    names = {device.name for device in found}
    return lambda device: device.name in names


def _by_collection(call: Call) -> Test | None:
    found = collections(call, aliases=False)
    if found is None:
        return None
    names = {collection.name for collection in found}
    return lambda device: device.collection in names


def _by_server(call: Call) -> Test | None:
    found = _pick(call, call.datacentre.farm.servers, ("ServerId",), ("ServerName",))
    if found is None:
        return None
    names = {server.name for server in found}
    return lambda device: bool(device.is_active and device.stream and device.stream.server in names)


def _by_disk(call: Call) -> Test | None:
    """With a version: only those that have it booted. Without: those that have the vDisk assigned."""
    if not _any(call, "DiskLocatorId", "DiskLocatorName"):
        return None
    disk, version = one_disk(call, aliases=False), call.number("Version")
    if version is None:
        return lambda device: device.vdisk_id == disk.id

    def has_it_booted(device: Device) -> bool:
        stream = device.stream
        return bool(device.is_active and stream and stream.vdisk_id == disk.id and stream.version == version)

    return has_it_booted


def _pick(call: Call, everyone: list[Named], ids: Iterable[str], names: Iterable[str]) -> list[Named] | None:
    wanted_ids, wanted_names = _given(call, *ids), _given(call, *names)
    if not wanted_ids and not wanted_names:
        return None
    found = [one for one in everyone if one.id in wanted_ids or one.name.lower() in wanted_names]
    if len(found) < len(wanted_ids | wanted_names):
        raise FarmError(codes.UNKNOWN_OBJECT, ", ".join(sorted(wanted_ids | wanted_names)))
    return found


def _given(call: Call, *names: str) -> set[str]:
    """Values of these parameters, lower case: neither GUIDs nor names heed the case."""
    values: set[str] = set()
    for name in names:
        value = call.arguments.get(name)
        entries = value if isinstance(value, list) else [value] if value else []
        values |= {str(entry).lower() for entry in entries}
    return values


def _any(call: Call, *names: str) -> bool:
    return any(call.has(name) for name in names)
