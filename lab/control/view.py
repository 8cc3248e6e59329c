"""The whole datacentre as plain JSON, for the API and the page."""

from typing import Any

from lab.pvs.datacentre import Datacentre
from lab.pvs.inventory import InventoryState, inventory
from lab.pvs.lifecycle import flags
from lab.pvs.model import Device, Server, TaskState, VDisk, Version
from lab.state import encode


def state(datacentre: Datacentre) -> dict[str, Any]:
    with datacentre.locked() as farm:
        now = datacentre.clock.now()
        return {
            "farm": farm.name,
            "now": now.isoformat(),
            "speed": datacentre.clock.speed,
            "servers": [_server(datacentre, server) for server in farm.servers],
            "vdisks": [_vdisk(datacentre, disk) for disk in farm.vdisks],
            "targets": [_target(datacentre, device) for device in farm.devices],
            "tasks": [encode(task) | {"state": TaskState(task.state).name.lower()} for task in farm.tasks[-20:]],
            "copies": [encode(copy) for copy in farm.copies],
            "faults": [encode(fault) for fault in farm.faults],
        }


def _server(datacentre: Datacentre, server: Server) -> dict[str, Any]:
    streaming = [one for one in datacentre.farm.devices if one.stream and one.stream.server == server.name]
    return {
        "name": server.name,
        "ip": server.ip,
        "up": server.up,
        "replication": server.replication.value,
        "targets": sum(device.is_active for device in streaming),
    }


def _vdisk(datacentre: Datacentre, disk: VDisk) -> dict[str, Any]:
    return {
        "id": disk.id,
        "name": disk.name,
        "versions": [_version(datacentre, disk, version) for version in reversed(disk.versions)],
    }


def _version(datacentre: Datacentre, disk: VDisk, version: Version) -> dict[str, Any]:
    now = datacentre.clock.now()
    holders = datacentre.farm.holders(disk, version.number)
    return {
        "number": version.number,
        "access": version.access.name.lower(),
        "type": version.type.name.lower(),
        "file": version.file_name,
        "description": version.description,
        "created": version.created.isoformat(),
        "scheduled": version.scheduled.isoformat() if version.scheduled else None,
        "pending": version.is_pending(now),
        "delete_when_free": version.delete_when_free,
        "targets": [device.name for device in holders],
        "inventory": {
            row.server.name: InventoryState(row.state).name.lower() for row in inventory(datacentre, version)
        },
        "can": [name for name, is_set in flags(datacentre, disk, version).items() if is_set],
    }


def _target(datacentre: Datacentre, device: Device) -> dict[str, Any]:
    stream = device.stream
    return {
        "name": device.name,
        "mac": device.mac,
        "ip": device.ip,
        "type": device.type.name.lower(),
        "collection": device.collection,
        "vdisk": datacentre.farm.vdisk(device.vdisk_id).name,
        "power": device.power.value,
        "version": stream.version if stream else None,
        "server": stream.server if stream else None,
        "waits_for": device.waits_for,
    }
