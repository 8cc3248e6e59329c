"""What the farm consists of. Plain data: the whole tree is written to the state file as it stands.

Numbers, names and meanings of the enumerations: Citrix Provisioning PowerShell programmer's guide, object properties.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum


class Access(IntEnum):
    """Access of a vDisk version."""

    PRODUCTION = 0
    MAINTENANCE = 1
    MAINTENANCE_HIGHEST = 2
    OVERRIDE = 3
    MERGE = 4
    MERGE_MAINTENANCE = 5
    MERGE_TEST = 6
    TEST = 7


MAINTENANCE = frozenset({Access.MAINTENANCE, Access.MAINTENANCE_HIGHEST})
MERGING = frozenset({Access.MERGE, Access.MERGE_MAINTENANCE, Access.MERGE_TEST})


class VersionType(IntEnum):
    BASE = 0
    MANUAL = 1
    AUTOMATIC = 2
    MERGE = 3
    MERGE_BASE = 4


BASES = frozenset({VersionType.BASE, VersionType.MERGE_BASE})


class MergeMode(IntEnum):
    """Where a merged version ends; not the numbers of `Access`."""

    PRODUCTION = 0
    TEST = 1
    MAINTENANCE = 2


class DeviceType(IntEnum):
    PRODUCTION = 0
    TEST = 1
    MAINTENANCE = 2


class Power(StrEnum):
    """What a target does."""

    OFF = "off"
    BOOTING = "booting"
    RUNNING = "running"
    STOPPING = "stopping"
    RESTARTING = "restarting"
    FROZEN = "frozen"  # its server is gone and no other has the version: it waits


class TaskState(IntEnum):
    PROCESSING = 0
    CANCELLED = 1
    COMPLETE = 2


class Replication(StrEnum):
    """How the copy job towards a server behaves."""

    RUN = "run"
    HOLD = "hold"
    BREAK = "break"


@dataclass
class Version:
    number: int
    file_name: str
    access: Access
    type: VersionType
    created: datetime
    parent: int | None = None  # None for a base
    description: str = ""
    scheduled: datetime | None = None
    delete_when_free: bool = False
    task_id: int | None = None  # while a merge builds this version
    birth: int = 0  # number of the journal's entry that made it; 0: there from the start

    def is_pending(self, now: datetime) -> bool:
        return self.scheduled is not None and self.scheduled > now

    def is_released(self, now: datetime) -> bool:
        return self.access is Access.PRODUCTION and not self.is_pending(now)


@dataclass
class VDisk:
    id: str
    name: str
    description: str
    size_bytes: int
    operating_system: str
    write_cache_type: int = 9  # cache in device RAM with overflow on hard disk
    write_cache_mb: int = 2048
    versions: list[Version] = field(default_factory=list)

    @property
    def highest(self) -> Version:
        return max(self.versions, key=lambda version: version.number)

    @property
    def override(self) -> Version | None:
        return next((version for version in self.versions if version.access is Access.OVERRIDE), None)

    @property
    def maintenance(self) -> Version | None:
        return next((version for version in self.versions if version.access in MAINTENANCE), None)

    @property
    def merging(self) -> Version | None:
        return next((version for version in self.versions if version.access in MERGING), None)

    def version(self, number: int) -> Version | None:
        return next((version for version in self.versions if version.number == number), None)

    def is_whole(self, version: Version) -> bool:
        """False when a version below has been removed: nothing can boot this one any more."""
        return self.chain(version)[-1].parent is None

    def chain(self, version: Version) -> list[Version]:
        """The version and everything it stands on, top down; ends at its base."""
        found = [version]
        while found[-1].parent is not None:
            below = self.version(found[-1].parent)
            if below is None:
                break
            found.append(below)
        return found


@dataclass
class Stream:
    """What a target has booted, and from where."""

    vdisk_id: str
    version: int
    server: str


@dataclass
class Device:
    id: str
    name: str
    mac: str
    ip: str
    type: DeviceType
    collection: str
    vdisk_id: str
    description: str = ""
    power: Power = Power.OFF
    due: datetime | None = None  # end of booting, stopping or restarting
    stream: Stream | None = None  # set from the start of booting, so that a maintenance version is held at once
    waits_for: str = ""  # why a booting target gets no further
    boots: int = 0
    retries: int = 0
    next_write: datetime | None = None
    update_due: bool = False  # booted for maintenance, and the next planned update is not installed yet

    @property
    def is_active(self) -> bool:
        return self.power in {Power.RUNNING, Power.STOPPING, Power.RESTARTING}


@dataclass
class Server:
    id: str
    name: str
    ip: str
    up: bool = True
    power_rating: float = 1.0
    replication: Replication = Replication.RUN


@dataclass
class Collection:
    id: str
    name: str
    description: str
    enabled: bool = True


@dataclass
class Task:
    """A PvsTask: what goes on after its cmdlet has answered."""

    id: int
    command: str
    server: str
    started: datetime
    due: datetime
    state: TaskState = TaskState.PROCESSING
    device_names: list[str] = field(default_factory=list)
    results: str = ""
    exception: str = ""

    def percent(self, now: datetime) -> int:
        if self.state is not TaskState.PROCESSING:
            return 100
        whole = max((self.due - self.started).total_seconds(), 0.001)
        return max(0, min(99, int(100 * (now - self.started).total_seconds() / whole)))


@dataclass
class PlannedCopy:
    """A file on its way to a server that lacks it."""

    server: str
    file_name: str
    due: datetime


@dataclass
class DeferredCall:
    """A cmdlet that was answered "in process": it takes effect when due, under its task."""

    cmdlet: str
    parameters: dict[str, object]
    server: str
    task_id: int
    due: datetime


@dataclass
class Fault:
    """What the next calls of a cmdlet shall suffer; `cmdlet` "*" means any, `server` None any."""

    cmdlet: str
    action: str  # delay, fail, drop or kill
    server: str | None = None
    seconds: float = 0
    code: int = 0
    message: str = ""
    count: int = 1
    after_effect: bool = False


@dataclass
class Farm:
    id: str
    name: str
    site_id: str
    site_name: str
    store_id: str
    store_name: str
    servers: list[Server]
    collections: list[Collection]
    vdisks: list[VDisk]
    devices: list[Device]
    automatic_merge: bool = False
    max_versions: int = 5
    merge_mode: MergeMode = MergeMode.MAINTENANCE
    last_task_id: int = 0
    clock_ahead_seconds: float = 0.0
    last_entry: int = 0  # of the journal
    further_vdisks: int = 0  # beyond those that the lab always has
    tasks: list[Task] = field(default_factory=list)
    copies: list[PlannedCopy] = field(default_factory=list)
    deferred: list[DeferredCall] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def server(self, name: str) -> Server | None:
        return next((server for server in self.servers if server.name.lower() == name.lower()), None)

    def vdisk(self, vdisk_id: str) -> VDisk:
        return next(disk for disk in self.vdisks if disk.id == vdisk_id)

    def task(self, task_id: int) -> Task | None:
        return next((task for task in self.tasks if task.id == task_id), None)

    def holders(self, disk: VDisk, number: int) -> list[Device]:
        """Targets that have a version booted, are just booting it, or wait for its server."""
        return [
            device
            for device in self.devices
            if device.stream and device.stream.vdisk_id == disk.id and device.stream.version == number
        ]

    def is_held(self, disk: VDisk, version: Version) -> bool:
        """A target reads this file: it has the version booted, or one that is built on it."""
        booted = {
            device.stream.version for device in self.devices if device.stream and device.stream.vdisk_id == disk.id
        }
        chains = (disk.chain(upper) for upper in disk.versions if upper.number in booted)
        return any(version in chain for chain in chains)
