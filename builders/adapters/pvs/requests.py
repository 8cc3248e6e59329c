"""Each thing the portal asks of a farm, as a cmdlet with its parameters. Pure: nothing is sent from here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Literal
from uuid import UUID

from builders.adapters.powershell.transport import Json, Request
from builders.adapters.pvs import rows
from builders.adapters.pvs.cmdlets import qualified
from builders.adapters.pvs.enums import MergeAccess

SOAP_PORT = 54321  # where the Provisioning service of each server listens, unless set up otherwise
MAX_DESCRIPTION = 250


def call(name: str, select: tuple[str, ...] = (), **parameters: Json) -> Request:
    """Parameters that are not given (no value) are left out."""
    return Request(qualified(name), {key: value for key, value in parameters.items() if value is not NOT_GIVEN}, select)


class _NotGiven:
    """Apart from None, which for a date means "none"."""


NOT_GIVEN = _NotGiven()


def connect() -> Request:
    """Said at the start of every session: a connection persisted on the server would silently win otherwise."""
    return call("Set-PvsConnection", Server="localhost", Port=SOAP_PORT)


# -- reading one vDisk --------------------------------------------------------------------------------------------


def versions(disk_id: UUID) -> Request:
    return call("Get-PvsDiskVersion", rows.VERSION, DiskLocatorId=str(disk_id))


def version(disk_id: UUID, number: int) -> Request:
    return call("Get-PvsDiskVersion", rows.VERSION, DiskLocatorId=str(disk_id), Version=number)


def inventory(disk_id: UUID) -> Request:
    return call("Get-PvsDiskInventory", rows.INVENTORY, DiskLocatorId=str(disk_id))


def disk(disk_id: UUID) -> Request:
    return call("Get-PvsDiskInfo", rows.DISK, DiskLocatorId=str(disk_id))


def devices_of(disk_id: UUID) -> Request:
    return call("Get-PvsDeviceInfo", rows.DEVICE, DiskLocatorId=str(disk_id), Fields=list(rows.DEVICE))


def assigned_devices(disk_id: UUID) -> Request:
    return call("Get-PvsDevice", ("DeviceId",), DiskLocatorId=str(disk_id), Fields=["DeviceId"])


def device(device_id: UUID) -> Request:
    return call("Get-PvsDeviceInfo", rows.DEVICE, DeviceId=str(device_id), Fields=list(rows.DEVICE))


# -- reading the farm: by site, never by target -------------------------------------------------------------------


def farm_wide() -> list[Request]:
    return [
        call("Get-PvsFarm", rows.FARM),
        call("Get-PvsSite", rows.SITE),
        call("Get-PvsStore", rows.STORE),
    ]


def of_site(site_id: UUID) -> list[Request]:
    site = str(site_id)
    return [
        call("Get-PvsServer", rows.SERVER, SiteId=site),
        call("Get-PvsCollection", rows.COLLECTION, SiteId=site),
        call("Get-PvsDiskInfo", rows.DISK, SiteId=site),
        call("Get-PvsDeviceInfo", rows.DEVICE, SiteId=site, Fields=list(rows.DEVICE)),
    ]


def of_disk(disk_id: UUID) -> list[Request]:
    return [versions(disk_id), inventory(disk_id), assigned_devices(disk_id)]


def server_status(server_id: UUID) -> Request:
    return call("Get-PvsServerStatus", rows.SERVER_STATUS, ServerId=str(server_id))


def introduction() -> list[Request]:
    return [
        call("Get-PvsServerName", (".",)),
        call("Get-PvsVersion", ("MapiVersion",)),
        call("Get-PvsFarm", rows.FARM),
    ]


# -- changing versions --------------------------------------------------------------------------------------------


def new_maintenance_version(disk_id: UUID) -> Request:
    return call("New-PvsDiskMaintenanceVersion", rows.VERSION, DiskLocatorId=str(disk_id))


def promote(
    disk_id: UUID,
    *,
    to: Literal["test", "production"],
    test_version: int | None,
    scheduled_at: datetime | None,
    zone: tzinfo,
) -> Request:
    if to == "test":
        if test_version is not None or scheduled_at is not None:
            raise ValueError("a promotion to test takes neither a test version nor a date")
        return call("Invoke-PvsPromoteDiskVersion", DiskLocatorId=str(disk_id), Test=True)
    return call(
        "Invoke-PvsPromoteDiskVersion",
        DiskLocatorId=str(disk_id),
        TestVersion=NOT_GIVEN if test_version is None else test_version,
        ScheduledDate=NOT_GIVEN if scheduled_at is None else farm_time(scheduled_at, zone),
    )


def revert(disk_id: UUID, *, to: Literal["maintenance", "test"], version: int | None) -> Request:
    """Without a version the highest goes back. A named one can only go to test."""
    if version is not None:
        if to != "test":
            raise ValueError("only the highest version can be taken back to maintenance")
        return call("Invoke-PvsRevertDiskVersion", DiskLocatorId=str(disk_id), Version=version)
    return call("Invoke-PvsRevertDiskVersion", DiskLocatorId=str(disk_id), Test=True if to == "test" else NOT_GIVEN)


def set_override(disk_id: UUID, version: int) -> Request:
    return call("Set-PvsOverrideVersion", DiskLocatorId=str(disk_id), Version=version)


def clear_override(disk_id: UUID) -> Request:
    """The same cmdlet without a version: that clears it."""
    return call("Set-PvsOverrideVersion", DiskLocatorId=str(disk_id))


def delete_version(disk_id: UUID, version: int) -> Request:
    """The version is always named: left out, the cmdlet deletes the highest."""
    return call("Remove-PvsDiskVersion", DiskLocatorId=str(disk_id), Version=version)


def merge(disk_id: UUID, *, new_base: bool, access: MergeAccess | None) -> Request:
    return call(
        "Merge-PvsDisk",
        DiskLocatorId=str(disk_id),
        NewBase=True if new_base else NOT_GIVEN,
        Access=NOT_GIVEN if access is None else int(access),
    )


def set_scheduled(disk_id: UUID, version: int, when: datetime | None, zone: tzinfo) -> Request:
    date = None if when is None else farm_time(when, zone)
    return call("Set-PvsDiskVersion", DiskLocatorId=str(disk_id), Version=version, ScheduledDate=date)


def describe(disk_id: UUID, version: int, text: str) -> Request:
    if len(text) > MAX_DESCRIPTION:
        raise ValueError(f"a description has at most {MAX_DESCRIPTION} characters")
    return call("Set-PvsDiskVersion", DiskLocatorId=str(disk_id), Version=version, Description=text)


def update_inventory() -> Request:
    return call("Update-PvsInventory")


# -- targets ------------------------------------------------------------------------------------------------------


def power(
    verb: Literal["Boot", "Reboot", "Shutdown"],
    device_ids: Sequence[UUID],
    *,
    message: str | None = None,
    delay_seconds: int | None = None,
) -> Request:
    if not device_ids:
        raise ValueError("no target named")
    return call(
        f"Start-PvsDevice{verb}",
        ("TaskId",),
        DeviceId=[str(device_id) for device_id in device_ids],
        Message=NOT_GIVEN if message is None else message,
        Delay=NOT_GIVEN if delay_seconds is None else delay_seconds,
    )


def task(task_id: int) -> list[Request]:
    return [call("Get-PvsTask", rows.TASK, TaskId=task_id), call("Get-PvsTaskStatus", (".",), TaskId=task_id)]


def farm_time(moment: datetime, zone: tzinfo) -> str:
    """The farm's local time to the minute, as Provisioning takes it: rounded up, so that it never comes early."""
    if moment.tzinfo is None:
        raise ValueError("a moment without time zone")
    up = moment + timedelta(minutes=1) - timedelta(microseconds=1)
    return up.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
