"""Which version a target boots, and from which server."""

from dataclasses import dataclass

from lab.pvs.datacentre import Datacentre
from lab.pvs.inventory import servers_with
from lab.pvs.model import Access, Device, DeviceType, Server, VDisk, Version


@dataclass(frozen=True)
class BootChoice:
    version: Version
    server: Server


def candidates(datacentre: Datacentre, device: Device, disk: VDisk) -> list[Version]:
    """Versions the target may boot, the wanted one first.

    A production target gets the override, else the newest released version. A test target gets the newest test version
    and otherwise what production gets. A maintenance target gets the maintenance version if nobody else holds it, else
    what a test target gets (Citrix product documentation, "Assigning vDisks and versions to target devices"; that the
    newest test version is the default choice is inferred).
    """
    now = datacentre.clock.now()
    newest_first = sorted(disk.versions, key=lambda version: version.number, reverse=True)
    production = [disk.override] if disk.override else [one for one in newest_first if one.is_released(now)]
    if device.type is DeviceType.PRODUCTION:
        return production
    test = [version for version in newest_first if version.access is Access.TEST]
    if device.type is DeviceType.TEST:
        return test + production
    maintenance = disk.maintenance
    if maintenance is None or _is_held_by_another(datacentre, device, disk, maintenance):
        return test + production
    return [maintenance]


def choose(datacentre: Datacentre, device: Device) -> BootChoice | None:
    """The first candidate that some server can stream, from the least busy one; None: the target has to wait."""
    disk = datacentre.farm.vdisk(device.vdisk_id)
    for version in candidates(datacentre, device, disk):
        servers = servers_with(datacentre, disk, version)
        if servers:
            return BootChoice(version, min(servers, key=lambda server: (load(datacentre, server), server.name)))
    return None


def other_server(datacentre: Datacentre, device: Device) -> Server | None:
    """Where a running target can go on with the very version that it has booted."""
    if device.stream is None:
        return None
    disk = datacentre.farm.vdisk(device.stream.vdisk_id)
    version = disk.version(device.stream.version)
    servers = servers_with(datacentre, disk, version) if version else []
    return min(servers, key=lambda server: (load(datacentre, server), server.name), default=None)


def load(datacentre: Datacentre, server: Server) -> float:
    """Targets on a server, weighted with its power rating."""
    return len(streamed_by(datacentre, server)) / server.power_rating


def streamed_by(datacentre: Datacentre, server: Server) -> list[Device]:
    return [device for device in datacentre.farm.devices if device.stream and device.stream.server == server.name]


def _is_held_by_another(datacentre: Datacentre, device: Device, disk: VDisk, version: Version) -> bool:
    return any(holder is not device for holder in datacentre.farm.holders(disk, version.number))
