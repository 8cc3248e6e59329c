"""The datacentre as it is first found: a farm with a past. Ids are derived from names, so they survive a reset."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from lab.guests.machine import Machine
from lab.guests.stories import built, story_of
from lab.pvs.model import (
    Access,
    Collection,
    Device,
    DeviceType,
    Farm,
    Power,
    Server,
    Stream,
    VDisk,
    Version,
    VersionType,
)
from lab.stores.folders import StoreFolders

_NAMES = uuid.UUID("5c3c1d5e-9f0a-4b7e-8d2c-6f1b2a3c4d5e")
GB = 1 << 30

OFFICE, CVAD, CAD = "W11-Office", "W2022-CVAD", "W11-CAD"


@dataclass(frozen=True)
class _Past:
    """One version of the beginning: age in days, and what became of it."""

    number: int
    days_old: int
    description: str
    access: Access = Access.PRODUCTION
    type: VersionType = VersionType.MANUAL
    is_obsolete: bool = False


@dataclass(frozen=True)
class _Group:
    """Targets `{prefix}{first}` and on of one vDisk; `runs` is the version they run, None for off."""

    prefix: str
    digits: int
    first: int
    count: int
    collection: str
    type: DeviceType
    vdisk: str
    runs: int | None


_BASE, _MERGE_BASE = VersionType.BASE, VersionType.MERGE_BASE

_HISTORY: dict[str, tuple[_Past, ...]] = {
    OFFICE: (
        _Past(0, 160, "Windows 11 24H2, Office, base", type=_BASE),
        _Past(1, 96, "September patches"),
        _Past(2, 61, "October patches, new PDF viewer"),
        _Past(3, 19, "November patches"),
        _Past(4, 2, "Office update, printer drivers", access=Access.TEST),
    ),
    CVAD: (
        _Past(0, 310, "Windows Server 2022, session host, base", type=_BASE, is_obsolete=True),
        _Past(1, 200, "Agent update", is_obsolete=True),
        _Past(2, 120, "Summer patches", is_obsolete=True),
        _Past(3, 75, "Merged base", type=_MERGE_BASE),
        _Past(4, 40, "October patches", access=Access.OVERRIDE),
        _Past(5, 9, "November patches; rolled back: printing fails"),
    ),
    CAD: (
        _Past(0, 140, "Windows 11 24H2, CAD suite, base", type=_BASE),
        _Past(1, 33, "Graphics driver 572"),
    ),
}

_PRODUCTION, _TEST, _MAINTENANCE = DeviceType.PRODUCTION, DeviceType.TEST, DeviceType.MAINTENANCE

_TARGETS: tuple[_Group, ...] = (
    _Group("MUC-OFF-", 3, 1, 20, "Office", _PRODUCTION, OFFICE, 3),
    _Group("MUC-OFF-", 3, 21, 2, "Office", _PRODUCTION, OFFICE, 2),  # not restarted since version 3 came
    _Group("MUC-OFF-", 3, 23, 2, "Office", _PRODUCTION, OFFICE, None),
    _Group("MUC-CTX-", 2, 1, 3, "CVAD", _PRODUCTION, CVAD, 4),
    _Group("MUC-CTX-", 2, 4, 1, "CVAD", _PRODUCTION, CVAD, 2),  # keeps an obsolete version alive
    _Group("MUC-CTX-", 2, 5, 1, "CVAD", _PRODUCTION, CVAD, None),
    _Group("MUC-CAD-", 2, 1, 2, "CAD", _PRODUCTION, CAD, 1),
    _Group("MUC-TST-OFF", 1, 1, 2, "Test", _TEST, OFFICE, 4),
    _Group("MUC-TST-CTX", 1, 1, 1, "Test", _TEST, CVAD, 4),
    _Group("MUC-TST-CTX", 1, 2, 1, "Test", _TEST, CVAD, None),
    _Group("MUC-TST-CAD", 1, 1, 1, "Test", _TEST, CAD, 1),
    _Group("MUC-TST-CAD", 1, 2, 1, "Test", _TEST, CAD, None),
    _Group("MUC-MNT-OFF", 1, 1, 1, "Maintenance", _MAINTENANCE, OFFICE, None),
    _Group("MUC-MNT-CTX", 1, 1, 1, "Maintenance", _MAINTENANCE, CVAD, None),
    _Group("MUC-MNT-CAD", 1, 1, 1, "Maintenance", _MAINTENANCE, CAD, None),
)


def initial_farm(now: datetime, *, further: int = 0) -> Farm:
    """`further`: so many small vDisks more (`Further-001` and on), each with a base, one version and no target."""
    farm = Farm(
        id=_id("farm"),
        name="Lab Farm",
        site_id=_id("site"),
        site_name="Munich",
        store_id=_id("store"),
        store_name="vDisks",
        servers=[Server(_id(name), name, ip) for name, ip in (("PVS01", "10.20.0.11"), ("PVS02", "10.20.0.12"))],
        collections=[
            Collection(_id("collection Office"), "Office", "Office desktops"),
            Collection(_id("collection CVAD"), "CVAD", "Session hosts"),
            Collection(_id("collection CAD"), "CAD", "CAD workstations"),
            Collection(_id("collection Test"), "Test", "Targets that try test versions"),
            Collection(_id("collection Maintenance"), "Maintenance", "Targets that write maintenance versions"),
        ],
        vdisks=[
            _vdisk(OFFICE, "Office desktops", 48 * GB, "Windows 11 Enterprise", now),
            _vdisk(CVAD, "Session hosts", 60 * GB, "Windows Server 2022 Standard", now),
            _vdisk(CAD, "CAD workstations", 64 * GB, "Windows 11 Enterprise", now),
            *(_further_vdisk(f"Further-{number:03d}", now) for number in range(1, further + 1)),
        ],
        devices=[],
        further_vdisks=further,
    )
    for group in _TARGETS:
        for number in range(group.first, group.first + group.count):
            farm.devices.append(_device(group, number, len(farm.devices)))
    return farm


def create_files(farm: Farm, folders: StoreFolders) -> None:
    """The files of all versions on all servers, dated as the versions are. Removes what was there."""
    folders.clear()
    first, *others = [server.name for server in farm.servers]
    for disk in farm.vdisks:
        filled: dict[int, str] = {}
        for version in disk.versions:
            filled[version.number] = _create_file(disk, version, folders, first, filled)
            folders.set_time(first, version.file_name, version.created)
            for other in others:
                folders.path(other, version.file_name).parent.mkdir(parents=True, exist_ok=True)
                folders.replicate(first, other, version.file_name)


def _create_file(disk: VDisk, version: Version, folders: StoreFolders, server: str, filled: dict[int, str]) -> str:
    """The name of the file's content; `filled` has those of the versions below."""
    parent = disk.version(version.parent) if version.parent is not None else None
    if parent is None:
        disk_id = uuid.uuid5(_NAMES, f"image {disk.name}")
        folders.create_base(server, version.file_name, size_bytes=disk.size_bytes, disk_id=disk_id)
        return folders.fill(server, version.file_name, _machine(disk, version))
    folders.create_differencing(server, version.file_name, parent=parent.file_name)
    return folders.fill(server, version.file_name, _machine(disk, version), below=filled[parent.number])


def _machine(disk: VDisk, version: Version) -> Machine:
    """The image after all that was done up to this version, on the days when it was done."""
    moments = [one.created.timestamp() for one in disk.versions if one.number <= version.number]
    return built(story_of(disk.name), moments=moments)


def _further_vdisk(name: str, now: datetime) -> VDisk:
    return _vdisk(name, "For trying things", 8 * GB, "Windows 11 Enterprise", now, like=CAD)


def _vdisk(
    name: str, description: str, size_bytes: int, operating_system: str, now: datetime, *, like: str = ""
) -> VDisk:
    """`like` names the vDisk whose past it shares, its own if empty."""
    disk = VDisk(_id(f"vdisk {name}"), name, description, size_bytes, operating_system)
    for past in _HISTORY[like or name]:
        is_base = past.type in {_BASE, _MERGE_BASE}
        number = "" if past.type is _BASE else f".{past.number}"
        created = (now - timedelta(days=past.days_old)).replace(
            hour=9, minute=30 + past.number, second=12, microsecond=0
        )
        disk.versions.append(
            Version(
                number=past.number,
                file_name=f"{name}{number}.{'vhdx' if is_base else 'avhdx'}",
                access=past.access,
                type=past.type,
                created=created,
                parent=None if is_base else past.number - 1,
                description=past.description,
                delete_when_free=past.is_obsolete,
            )
        )
    return disk


def _device(group: _Group, number: int, index: int) -> Device:
    name = f"{group.prefix}{number:0{group.digits}d}"
    vdisk_id = _id(f"vdisk {group.vdisk}")
    device = Device(
        id=_id(f"device {name}"),
        name=name,
        mac=f"00-15-5D-14-{index // 256:02X}-{index + 16:02X}",
        ip=f"10.20.4.{index + 20}",
        type=group.type,
        collection=group.collection,
        vdisk_id=vdisk_id,
    )
    if group.runs is not None:
        device.power, device.boots = Power.RUNNING, 1
        device.retries = index * 7 % 4
        device.stream = Stream(vdisk_id, group.runs, ("PVS01", "PVS02")[index % 2])
    return device


def _id(name: str) -> str:
    return str(uuid.uuid5(_NAMES, name))
