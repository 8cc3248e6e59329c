"""vDisks, their versions, files and locks."""

from collections.abc import Iterable
from datetime import datetime

from lab.pvs.datacentre import Datacentre
from lab.pvs.inventory import InventoryRow, is_good_everywhere
from lab.pvs.lifecycle import flags
from lab.pvs.model import MAINTENANCE, Farm, VDisk, Version
from lab.pvs.objects.values import BLOCK_KB, FARM_ADMINISTRATOR, NO_ID, Bag
from lab.stores.folders import WINDOWS_FOLDER


def locator_bag(farm: Farm, disk: VDisk) -> Bag:
    return {
        "DiskLocatorId": disk.id,
        "Guid": disk.id,
        "DiskLocatorName": disk.name,
        "Name": disk.name,
        "SiteId": farm.site_id,
        "SiteName": farm.site_name,
        "StoreId": farm.store_id,
        "StoreName": farm.store_name,
        "Description": disk.description,
        "MenuText": "",
        "Enabled": True,
        "ServerId": NO_ID,
        "ServerName": "",
        "SubnetAffinity": 0,
        "RebalanceEnabled": False,
        "RebalanceTriggerPercent": 25,
        "Active": bool(_active_with(farm, disk)),
        "Mapped": False,
        "EnabledForDevice": True,
        "DiskUpdateDeviceId": NO_ID,
        "DiskUpdateDeviceName": "",
        "TemporaryVersionSet": False,
        "Role": FARM_ADMINISTRATOR,
    }


def disk_bag(disk: VDisk) -> Bag:
    return {
        "DiskLocatorId": disk.id,
        "Guid": disk.id,
        "WriteCacheType": disk.write_cache_type,
        "WriteCacheSize": disk.write_cache_mb,
        "LicenseMode": 2,
        "AdPasswordEnabled": True,
        "AccelerateOfficeActivation": False,
        "HaEnabled": True,
        "PrinterManagementEnabled": False,
        "ClearCacheDisabled": "",
        "Class": "",
        "ImageType": "",
        "OperatingSystem": disk.operating_system,
        "OsType": "Windows",
        "VHDX": True,
        "VhdBlockSize": BLOCK_KB,
        "LogicalSectorSize": "512",
        "DiskSize": disk.size_bytes,
        "AutoUpdateEnabled": False,
        "ActivationDateEnabled": False,
        "ActiveDate": None,
        "Author": "",
        "Company": "",
        "Date": "",
        "Title": "",
        "InternalName": f"{WINDOWS_FOLDER}\\{disk.name}.vhdx",
        "OriginalFile": f"{WINDOWS_FOLDER}\\{disk.name}.vhdx",
        "HardwareTarget": "",
        "SerialNumber": "{" + disk.id.upper() + "}",
        "MajorRelease": None,
        "MinorRelease": None,
        "Build": None,
        "LongDescription": "",
    }


def disk_info_bag(farm: Farm, disk: VDisk) -> Bag:
    active = _active_with(farm, disk)
    return locator_bag(farm, disk) | disk_bag(disk) | {"DeviceCount": active, "Locked": bool(active)}


def version_bag(datacentre: Datacentre, disk: VDisk, version: Version) -> Bag:
    now = datacentre.clock.now()
    active = [device for device in datacentre.farm.holders(disk, version.number) if device.is_active]
    return {
        "DiskLocatorId": disk.id,
        "Guid": disk.id,
        "Version": version.number,
        "DiskFileName": version.file_name,
        "Name": version.file_name,
        "Description": version.description,
        "CreateDate": _local_time(version.created),
        "ScheduledDate": version.scheduled,
        "IsPending": version.is_pending(now),
        "Access": int(version.access),
        "Type": int(version.type),
        "DeleteWhenFree": version.delete_when_free,
        "DeviceCount": len(active),
        "GoodInventoryStatus": is_good_everywhere(datacentre, version),
        "TaskId": version.task_id,
        "TemporaryVersionSet": False,
        **flags(datacentre, disk, version),
    }


def inventory_bag(disk: VDisk, row: InventoryRow) -> Bag:
    return {
        "DiskLocatorId": disk.id,
        "Guid": disk.id,
        "Version": str(row.version.number),
        "ServerId": row.server.id,
        "ServerName": row.server.name,
        "FilePath": f"{WINDOWS_FOLDER}\\{row.version.file_name}",
        "FileTime": row.file_time,
        "PropertiesTime": row.properties_time,
        "Active": str(int(row.server.up)),
        "State": str(int(row.state)),
    }


def lock_bags(farm: Farm, disk: VDisk) -> Iterable[Bag]:
    """One row for each target that has the vDisk open; a maintenance version is held exclusively."""
    for device in farm.devices:
        if device.stream and device.stream.vdisk_id == disk.id:
            version = disk.version(device.stream.version)
            yield {
                "DiskLocatorId": disk.id,
                "Guid": disk.id,
                "Exclusive": bool(version and version.access in MAINTENANCE),
                "ReadOnly": False,
                "DeviceId": device.id,
                "DeviceName": device.name,
                "ServerId": NO_ID,
                "ServerName": "",
            }


def _local_time(moment: datetime) -> str:
    """Text in the server's local time, as Provisioning writes CreateDate; the lab's servers live in UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _active_with(farm: Farm, disk: VDisk) -> int:
    return sum(bool(one.is_active and one.stream and one.stream.vdisk_id == disk.id) for one in farm.devices)
