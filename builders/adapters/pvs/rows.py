"""A row of plain values from the wire becomes one of our objects. Says, for each object, what to ask for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from uuid import UUID

from builders.adapters.powershell.lines import printable
from builders.adapters.powershell.transport import Json
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
from builders.adapters.pvs.model import (
    PvsCollection,
    PvsDevice,
    PvsDiskInfo,
    PvsDiskInventory,
    PvsDiskVersion,
    PvsFarm,
    PvsServer,
    PvsSite,
    PvsStore,
    PvsTask,
)

NOBODY = UUID(int=0)
NO_ADDRESS = "0.0.0.0"  # noqa: S104 - how Provisioning writes "no address", nothing listens there


class Row:
    """Reads one row and never trips over a value that an old or new farm leaves out."""

    def __init__(self, values: Mapping[str, Json], zone: tzinfo) -> None:
        self._values = values
        self._zone = zone

    def text(self, name: str) -> str:
        value = self._values.get(name)
        return "" if value is None else printable(value)

    def number(self, name: str) -> int:
        return self.number_or_none(name) or 0

    def number_or_none(self, name: str) -> int | None:
        """Some numbers arrive as text ("0"), some as nothing."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        return int(value)

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        return value in (True, 1, "1") or (isinstance(value, str) and value.lower() == "true")

    def id(self, name: str) -> UUID:
        return UUID(self.text(name))

    def id_or_none(self, name: str) -> UUID | None:
        value = self.text(name)
        return None if not value or UUID(value) == NOBODY else UUID(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of one may arrive bare."""
        value = self._values.get(name)
        entries = value if isinstance(value, list) else [value]
        return tuple(str(entry) for entry in entries if entry)

    def moment(self, name: str) -> datetime | None:
        """UTC. A time without zone is the farm's local time; the year 1 is .NET's way to say "none"."""
        try:
            moment = datetime.fromisoformat(self.text(name))
        except ValueError:
            return None
        if moment.year <= 1:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
        return moment.astimezone(UTC)


FARM = (
    *("FarmId", "FarmName", "Description", "AutomaticMergeEnabled", "MaxVersions"),
    *("MergeMode", "AuditingEnabled", "Role"),
)


def farm_from(row: Row) -> PvsFarm:
    return PvsFarm(
        farm_id=row.id("FarmId"),
        name=row.text("FarmName"),
        description=row.text("Description"),
        automatic_merge_enabled=row.flag("AutomaticMergeEnabled"),
        max_versions=row.number("MaxVersions"),
        merge_mode=MergeAccess(row.number("MergeMode")),
        auditing_enabled=row.flag("AuditingEnabled"),
        role=row.number("Role"),
    )


SITE = ("SiteId", "SiteName", "Description", "InventoryFilePollingInterval", "Role")


def site_from(row: Row) -> PvsSite:
    return PvsSite(
        site_id=row.id("SiteId"),
        name=row.text("SiteName"),
        description=row.text("Description"),
        inventory_poll_seconds=row.number("InventoryFilePollingInterval"),
        role=row.number("Role"),
    )


STORE = ("StoreId", "StoreName", "Description", "Path", "SiteId")


def store_from(row: Row) -> PvsStore:
    return PvsStore(
        store_id=row.id("StoreId"),
        name=row.text("StoreName"),
        description=row.text("Description"),
        path=row.text("Path"),
        site_id=row.id_or_none("SiteId"),
    )


SERVER = ("ServerId", "ServerName", "ServerFqdn", "Description", "SiteId", "SiteName", "Ip[]", "Active")
SERVER_STATUS = ("ServerId", "Status", "DeviceCount")


def server_from(row: Row, status: Row | None) -> PvsServer:
    """`status` is None when the status could not be had; the server row's own view then counts."""
    return PvsServer(
        server_id=row.id("ServerId"),
        name=row.text("ServerName"),
        fqdn=row.text("ServerFqdn"),
        description=row.text("Description"),
        site_id=row.id_or_none("SiteId"),
        site_name=row.text("SiteName"),
        ips=row.texts("Ip[]"),
        status=ServerState(status.number("Status") if status else row.number("Active")),
        device_count=status.number("DeviceCount") if status else 0,
    )


COLLECTION = (
    *("CollectionId", "CollectionName", "Description", "SiteId", "SiteName"),
    *("Enabled", "DeviceCount", "ActiveDeviceCount"),
)


def collection_from(row: Row) -> PvsCollection:
    return PvsCollection(
        collection_id=row.id("CollectionId"),
        name=row.text("CollectionName"),
        description=row.text("Description"),
        site_id=row.id_or_none("SiteId"),
        site_name=row.text("SiteName"),
        enabled=row.flag("Enabled"),
        device_count=row.number("DeviceCount"),
        active_device_count=row.number("ActiveDeviceCount"),
    )


DISK = (
    *("DiskLocatorId", "DiskLocatorName", "Description", "SiteId", "SiteName", "StoreId", "StoreName"),
    *("Enabled", "ServerId", "ServerName", "Active", "Mapped", "Locked", "DeviceCount"),
    *("WriteCacheType", "WriteCacheSize", "VHDX", "DiskSize", "VhdBlockSize", "TemporaryVersionSet", "Role"),
)


def disk_from(row: Row) -> PvsDiskInfo:
    return PvsDiskInfo(
        disk_id=row.id("DiskLocatorId"),
        name=row.text("DiskLocatorName"),
        description=row.text("Description"),
        site_id=row.id_or_none("SiteId"),
        site_name=row.text("SiteName"),
        store_id=row.id_or_none("StoreId"),
        store_name=row.text("StoreName"),
        enabled=row.flag("Enabled"),
        server_id=row.id_or_none("ServerId"),
        server_name=row.text("ServerName"),
        active=row.flag("Active"),
        mapped=row.flag("Mapped"),
        locked=row.flag("Locked"),
        device_count=row.number("DeviceCount"),
        write_cache_type=WriteCacheType(row.number("WriteCacheType")),
        write_cache_size_mb=row.number("WriteCacheSize"),
        is_vhdx=row.flag("VHDX"),
        disk_size_bytes=row.number("DiskSize"),
        block_size_kb=row.number("VhdBlockSize"),
        temporary_version_set=row.flag("TemporaryVersionSet"),
        role=row.number("Role"),
    )


# The version's own name is an alias of its file name, and its Guid one of DiskLocatorId: neither is asked for.
VERSION = (
    *("DiskLocatorId", "Version", "DiskFileName", "Description", "CreateDate", "ScheduledDate", "IsPending"),
    *("Access", "Type", "DeleteWhenFree", "DeviceCount", "GoodInventoryStatus", "TaskId", "TemporaryVersionSet"),
    *("CanDelete", "CanPromote", "CanRevertTest", "CanRevertMaintenance", "CanOverride"),
    *("CanSetScheduledDate", "CanMerge", "CanMergeBase"),
)


def version_from(row: Row) -> PvsDiskVersion:
    return PvsDiskVersion(
        disk_id=row.id("DiskLocatorId"),
        version=row.number("Version"),
        file_name=row.text("DiskFileName"),
        description=row.text("Description"),
        created_at=row.moment("CreateDate"),
        create_date=row.text("CreateDate"),
        scheduled_at=row.moment("ScheduledDate"),
        is_pending=row.flag("IsPending"),
        access=Access(row.number("Access")),
        type=VersionType(row.number("Type")),
        delete_when_free=row.flag("DeleteWhenFree"),
        device_count=row.number("DeviceCount"),
        good_inventory_status=row.flag("GoodInventoryStatus"),
        task_id=row.number_or_none("TaskId"),
        temporary_version_set=row.flag("TemporaryVersionSet"),
        can_delete=row.flag("CanDelete"),
        can_promote=row.flag("CanPromote"),
        can_revert_test=row.flag("CanRevertTest"),
        can_revert_maintenance=row.flag("CanRevertMaintenance"),
        can_override=row.flag("CanOverride"),
        can_set_scheduled_date=row.flag("CanSetScheduledDate"),
        can_merge=row.flag("CanMerge"),
        can_merge_base=row.flag("CanMergeBase"),
    )


INVENTORY = (
    *("DiskLocatorId", "Version", "ServerId", "ServerName", "FilePath", "FileTime"),
    *("PropertiesTime", "Active", "State"),
)


def inventory_from(row: Row) -> PvsDiskInventory:
    return PvsDiskInventory(
        disk_id=row.id("DiskLocatorId"),
        version=row.number("Version"),
        server_id=row.id_or_none("ServerId"),
        server_name=row.text("ServerName"),
        file_path=row.text("FilePath"),
        file_time=row.text("FileTime"),
        properties_time=row.text("PropertiesTime"),
        active=ServerState(row.number("Active")),
        state=InventoryState(row.number("State")),
    )


# Never the domain fields (AdPassword and its kin): what is not asked for cannot be logged.
DEVICE = (
    *("DeviceId", "DeviceName", "DeviceMac", "Description", "Type", "Enabled", "CollectionId", "CollectionName"),
    *("SiteId", "SiteName", "Active", "Ip", "ServerId", "ServerName", "DiskLocatorId", "DiskLocatorName"),
    *("DiskVersion", "DiskVersionAccess", "DiskFileName", "Status"),
)


def device_from(row: Row) -> PvsDevice:
    active = row.flag("Active")
    return PvsDevice(
        device_id=row.id("DeviceId"),
        name=row.text("DeviceName"),
        mac=row.text("DeviceMac").upper().replace(":", "-"),
        description=row.text("Description"),
        type=DeviceType(row.number("Type")),
        enabled=row.flag("Enabled"),
        collection_id=row.id_or_none("CollectionId"),
        collection_name=row.text("CollectionName"),
        site_id=row.id_or_none("SiteId"),
        site_name=row.text("SiteName"),
        active=active,
        ip=row.text("Ip") if row.text("Ip") not in ("", NO_ADDRESS) else None,
        server_id=row.id_or_none("ServerId") if active else None,
        server_name=row.text("ServerName") if active else "",
        disk_id=row.id_or_none("DiskLocatorId") if active else None,
        disk_name=row.text("DiskLocatorName") if active else "",  # while off: a list of all that are assigned
        disk_version=row.number("DiskVersion") if active else None,
        disk_version_access=Access(row.number("DiskVersionAccess")) if active else None,
        disk_file_name=row.text("DiskFileName") if active else "",
        status=row.text("Status") if active else "",
    )


TASK = ("TaskId", "State", "Command", "StartTime", "Results", "MapiException")


def task_from(row: Row, percent: int | None) -> PvsTask:
    return PvsTask(
        task_id=row.number("TaskId"),
        state=TaskState(row.number("State")),
        percent=percent,
        command=row.text("Command"),
        started_at=row.moment("StartTime"),
        results=row.text("Results"),
        exception=row.text("MapiException"),
    )
