"""Provisioning objects as the portal reads them: plain values, ids as UUID, moments in UTC.

An id that Provisioning writes as all zeros ("none") is None here. Property names and meanings:
Citrix Provisioning PowerShell programmer's guide, chapter Objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from builders.adapters.pvs.enums import (
    Access,
    DeviceType,
    InventoryState,
    MergeAccess,
    ServerState,
    TaskState,
    VersionType,
    WriteCacheType,
)

FARM_ADMINISTRATOR = 100
SITE_ADMINISTRATOR = 200


@dataclass(frozen=True)
class PvsFarm:
    farm_id: UUID
    name: str
    description: str
    automatic_merge_enabled: bool  # a promotion past max_versions starts a merge by itself
    max_versions: int
    merge_mode: MergeAccess
    auditing_enabled: bool
    role: int  # of the account that asks: 100 farm administrator, 200 site administrator, 999 reads only


@dataclass(frozen=True)
class PvsSite:
    site_id: UUID
    name: str
    description: str
    inventory_poll_seconds: int
    role: int


@dataclass(frozen=True)
class PvsStore:
    store_id: UUID
    name: str
    description: str
    path: str  # the default; a server may override it
    site_id: UUID | None  # the owner site; None: a farm store


@dataclass(frozen=True)
class PvsServer:
    server_id: UUID
    name: str
    fqdn: str
    description: str
    site_id: UUID | None
    site_name: str
    ips: tuple[str, ...]  # the streaming addresses
    status: ServerState
    device_count: int  # targets it streams to now


@dataclass(frozen=True)
class PvsCollection:
    collection_id: UUID
    name: str
    description: str
    site_id: UUID | None
    site_name: str
    enabled: bool
    device_count: int
    active_device_count: int


@dataclass(frozen=True)
class PvsDiskInfo:
    """A vDisk with its image properties: the identity that all its versions share."""

    disk_id: UUID
    name: str
    description: str
    site_id: UUID | None
    site_name: str
    store_id: UUID | None
    store_name: str
    enabled: bool
    server_id: UUID | None  # bound to this one server; None: load balanced
    server_name: str
    active: bool
    mapped: bool
    locked: bool
    device_count: int
    write_cache_type: WriteCacheType
    write_cache_size_mb: int
    is_vhdx: bool
    disk_size_bytes: int  # 0: Provisioning could not tell
    block_size_kb: int
    temporary_version_set: bool
    role: int

    @property
    def is_private(self) -> bool:
        """One target writes into it; there are no versions (return code 159)."""
        return self.write_cache_type.is_private


@dataclass(frozen=True)
class PvsDiskVersion:
    """One row of the chain. Key: (disk_id, version). The `can_*` flags are the server's own opinion at reading time."""

    disk_id: UUID
    version: int
    file_name: str
    description: str
    created_at: datetime | None
    create_date: str  # as Provisioning wrote it: server local time, no zone
    scheduled_at: datetime | None
    is_pending: bool  # covers the schedule only, not missing copies
    access: Access
    type: VersionType
    delete_when_free: bool
    device_count: int
    good_inventory_status: bool
    task_id: int | None
    temporary_version_set: bool
    can_delete: bool
    can_promote: bool
    can_revert_test: bool
    can_revert_maintenance: bool
    can_override: bool
    can_set_scheduled_date: bool
    can_merge: bool  # set on the highest version only
    can_merge_base: bool


@dataclass(frozen=True)
class PvsDiskInventory:
    """One version's files on one server."""

    disk_id: UUID
    version: int
    server_id: UUID | None
    server_name: str
    file_path: str
    file_time: str  # as written by that server
    properties_time: str
    active: ServerState
    state: InventoryState


@dataclass(frozen=True)
class PvsDevice:
    """A target with its live status. What it booted is None while it is off: zeros then mean nothing."""

    device_id: UUID
    name: str
    mac: str  # AA-BB-CC-DD-EE-FF
    description: str
    type: DeviceType
    enabled: bool
    collection_id: UUID | None
    collection_name: str
    site_id: UUID | None
    site_name: str
    active: bool
    ip: str | None
    server_id: UUID | None
    server_name: str
    disk_id: UUID | None
    disk_name: str
    disk_version: int | None
    disk_version_access: Access | None
    disk_file_name: str
    status: str  # "retries" or "retries,RAM cache percent"

    @property
    def retries(self) -> int | None:
        first = self.status.partition(",")[0].strip()
        return int(first) if first.isdigit() else None

    @property
    def ram_cache_percent(self) -> int | None:
        second = self.status.partition(",")[2].strip()
        return int(second) if second.isdigit() else None


@dataclass(frozen=True)
class PvsAssignment:
    """This target has this vDisk on its list, whether it is running or not."""

    disk_id: UUID
    device_id: UUID


@dataclass(frozen=True)
class PvsTask:
    task_id: int
    state: TaskState
    percent: int | None
    command: str
    started_at: datetime | None
    results: str  # XML of the farm
    exception: str  # XML of the farm; empty when nothing went wrong

    @property
    def is_finished(self) -> bool:
        return self.state != TaskState.PROCESSING


@dataclass(frozen=True)
class FarmPicture:
    """The whole farm as read in one go, with what reading it took."""

    read_at: datetime
    host: str  # the server that answered
    farm: PvsFarm
    sites: tuple[PvsSite, ...]
    servers: tuple[PvsServer, ...]
    stores: tuple[PvsStore, ...]
    collections: tuple[PvsCollection, ...]
    disks: tuple[PvsDiskInfo, ...]
    versions: tuple[PvsDiskVersion, ...]
    inventory: tuple[PvsDiskInventory, ...]
    devices: tuple[PvsDevice, ...]
    assignments: tuple[PvsAssignment, ...]
    calls: int  # cmdlets invoked
    round_trips: int  # batches
    gone: tuple[UUID, ...] = ()  # vDisks deleted while we were reading: left out of everything above


@dataclass(frozen=True)
class FarmGreeting:
    """What a connection test can tell about a farm's host."""

    host: str
    server_name: str  # the Provisioning server whose service answered
    powershell: str
    snapin: str
    version: str
    farm_name: str
    role: int
