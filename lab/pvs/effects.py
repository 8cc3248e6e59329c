"""What the actions of the lifecycle table do to rows and files. Their preconditions stand in the table."""

from pathlib import Path

from lab.pvs import codes
from lab.pvs.codes import FarmError
from lab.pvs.datacentre import MERGE_SECONDS, Datacentre
from lab.pvs.model import (
    BASES,
    MERGING,
    Access,
    MergeMode,
    Server,
    Task,
    VDisk,
    Version,
    VersionType,
)
from lab.pvs.situation import Situation

MERGE_ACCESS = {
    MergeMode.PRODUCTION: Access.MERGE,
    MergeMode.TEST: Access.MERGE_TEST,
    MergeMode.MAINTENANCE: Access.MERGE_MAINTENANCE,
}
ACCESS_AFTER_MERGE = {
    Access.MERGE: Access.PRODUCTION,
    Access.MERGE_TEST: Access.TEST,
    Access.MERGE_MAINTENANCE: Access.MAINTENANCE,
}


def create_maintenance(case: Situation) -> Version:
    """The new differencing file lies on the server that executes the cmdlet, if it has the parent."""
    parent = case.disk.highest
    version = Version(
        number=parent.number + 1,
        file_name=f"{case.disk.name}.{parent.number + 1}.avhdx",
        access=Access.MAINTENANCE,
        type=VersionType.MANUAL,
        created=case.now,
        parent=parent.number,
    )
    server = _server_with(case.datacentre, parent, preferred=case.server)
    case.datacentre.folders.create_differencing(server.name, version.file_name, parent=parent.file_name)
    case.disk.versions.append(version)
    return version


def to_test(case: Situation) -> None:
    case.version.access = Access.TEST
    case.version.scheduled = None


def to_production(case: Situation) -> None:
    case.version.access = Access.PRODUCTION
    case.version.scheduled = case.date
    if case.version.is_released(case.now):
        mark_obsolete(case.disk, case.version)
    farm = case.datacentre.farm
    alive = [version for version in case.disk.versions if not version.delete_when_free]
    may_merge = not case.disk.merging and not case.disk.maintenance and not case.version.is_pending(case.now)
    if farm.automatic_merge and len(alive) > farm.max_versions and may_merge:
        start_merge(case)


def to_maintenance(case: Situation) -> None:
    case.version.access = Access.MAINTENANCE_HIGHEST
    case.version.scheduled = None


def set_override(case: Situation) -> None:
    clear_override(case)
    case.version.access = Access.OVERRIDE


def clear_override(case: Situation) -> None:
    if case.disk.override:
        case.disk.override.access = Access.PRODUCTION


def remove(case: Situation) -> None:
    """Row and files on every server that is up; a server that is down keeps its file, as in life."""
    case.disk.versions.remove(case.version)
    for server in case.datacentre.farm.servers:
        if server.up:
            case.datacentre.folders.remove(server.name, case.version.file_name)


def set_date(case: Situation) -> None:
    case.version.scheduled = case.date


def describe(case: Situation) -> None:
    case.version.description = case.description or ""


def start_merge(case: Situation) -> Version:
    """Consolidate the updates since the last base into one differencing version."""
    chain = case.disk.chain(case.disk.highest)
    base = next(version for version in chain if version.type in BASES)
    return _start(case, VersionType.MERGE, parent=base.number, suffix="avhdx")


def start_base_merge(case: Situation) -> Version:
    """Base and updates become a new base."""
    return _start(case, VersionType.MERGE_BASE, parent=None, suffix="vhdx")


def finish_merge(datacentre: Datacentre, disk: VDisk, version: Version) -> None:
    """Write the merged file and give the version its final access. Called by the clock."""
    source = max((other for other in disk.versions if other is not version), key=lambda other: other.number)
    layers = disk.chain(source)
    parent = disk.version(version.parent) if version.parent is not None else None
    if parent is not None:
        layers = [layer for layer in layers if layer.type not in BASES]
    server = _server_with(datacentre, source)
    datacentre.folders.merge(
        server.name,
        version.file_name,
        layers=[layer.file_name for layer in reversed(layers)],
        parent=parent.file_name if parent else None,
    )
    version.access = ACCESS_AFTER_MERGE[version.access]
    version.task_id = None
    if version.access is Access.PRODUCTION:
        mark_obsolete(disk, version)


def cancel_merge(disk: VDisk) -> None:
    """The version under construction vanishes; nothing else was touched yet."""
    disk.versions = [version for version in disk.versions if version.access not in MERGING]


def mark_obsolete(disk: VDisk, merged: Version) -> None:
    """A merged version in production makes what it was merged from deletable.

    While the merged version is in maintenance or test, production targets still need the old ones (inferred).
    """
    if merged.type not in {VersionType.MERGE, VersionType.MERGE_BASE}:
        return
    below = {version.number for version in disk.chain(merged)}
    for version in disk.versions:
        if version.number < merged.number and version.number not in below:
            version.delete_when_free = True


def new_task(
    datacentre: Datacentre, command: str, *, server: str, seconds: float, names: list[str] | None = None
) -> Task:
    farm, clock = datacentre.farm, datacentre.clock
    farm.last_task_id += 1
    task = Task(farm.last_task_id, command, server, clock.now(), clock.after(seconds), device_names=names or [])
    farm.tasks.append(task)
    del farm.tasks[:-200]  # the server forgets old tasks as well
    return task


def _start(case: Situation, kind: VersionType, *, parent: int | None, suffix: str) -> Version:
    number = case.disk.highest.number + 1
    mode = case.datacentre.farm.merge_mode if case.merge_mode is None else case.merge_mode
    task = new_task(case.datacentre, "MergeDisk", server=case.server, seconds=MERGE_SECONDS)
    version = Version(
        number=number,
        file_name=f"{case.disk.name}.{number}.{suffix}",
        access=MERGE_ACCESS[mode],
        type=kind,
        created=case.now,
        parent=parent,
        task_id=task.id,
    )
    case.disk.versions.append(version)
    return version


def _server_with(datacentre: Datacentre, version: Version, *, preferred: str = "") -> Server:
    """A server that is up and has the version's file, the preferred one if it does."""
    up = [server for server in datacentre.farm.servers if server.up]
    able = [server for server in up if _file(datacentre, server, version).exists()]
    if not able:
        raise FarmError(codes.FILE_NOT_FOUND, f"No server that is up has {version.file_name}.")
    return next((server for server in able if server.name == preferred), able[0])


def _file(datacentre: Datacentre, server: Server, version: Version) -> Path:
    return datacentre.folders.path(server.name, version.file_name)
