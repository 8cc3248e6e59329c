"""The objects that cmdlets write, with every property a caller could select.

Property names and meanings: Citrix Provisioning PowerShell programmer's guide, chapter "Objects". Left out on purpose:
passwords and signatures (AdPassword, AdSignature, AdTimestamp, Password, MakPassword), which nobody shall select.
"""

from collections.abc import Iterable
from datetime import datetime

from lab.pvs.booting import streamed_by
from lab.pvs.datacentre import Datacentre
from lab.pvs.inventory import InventoryRow, is_good_everywhere
from lab.pvs.lifecycle import flags
from lab.pvs.model import MAINTENANCE, Collection, Device, Farm, Server, Task, VDisk, Version
from lab.stores.folders import WINDOWS_FOLDER

NO_ID = "00000000-0000-0000-0000-000000000000"
NO_IP = "0.0.0.0"  # noqa: S104  what an inactive target reports, not an address to bind
FARM_ADMINISTRATOR = 100
STREAM_PORT = 6910
BLOCK_KB = 32768

Bag = dict[str, object]


def farm_bag(farm: Farm) -> Bag:
    return {
        "FarmId": farm.id,
        "Guid": farm.id,
        "FarmName": farm.name,
        "Name": farm.name,
        "Description": "A simulated datacentre",
        "AutomaticMergeEnabled": farm.automatic_merge,
        "MaxVersions": farm.max_versions,
        "MergeMode": int(farm.merge_mode),
        "AuditingEnabled": False,
        "OfflineDatabaseSupportEnabled": False,
        "AutoAddEnabled": False,
        "DefaultSiteId": farm.site_id,
        "DefaultSiteName": farm.site_name,
        "LicenseServer": "lic01.lab.example",
        "LicenseServerPort": 27000,
        "LicenseSKU": 0,
        "LicenseTradeUp": False,
        "LastAuditArchiveDate": None,
        "AdGroupsEnabled": True,
        "DatabaseName": "ProvisioningServices",
        "DatabaseServerName": "sql01",
        "DatabaseInstanceName": "",
        "FailoverPartnerServerName": "",
        "FailoverPartnerInstanceName": "",
        "MultiSubnetFailover": False,
        "Role": FARM_ADMINISTRATOR,
    }


def site_bag(farm: Farm) -> Bag:
    return {
        "SiteId": farm.site_id,
        "Guid": farm.site_id,
        "SiteName": farm.site_name,
        "Name": farm.site_name,
        "Description": "",
        "DefaultCollectionId": NO_ID,
        "DefaultCollectionName": "",
        "EnableDiskUpdate": False,
        "DiskUpdateServerId": NO_ID,
        "DiskUpdateServerName": "",
        "InventoryFilePollingInterval": 60,
        "MakUser": "",
        "Role": FARM_ADMINISTRATOR,
    }


def store_bag(farm: Farm) -> Bag:
    return {
        "StoreId": farm.store_id,
        "Guid": farm.store_id,
        "StoreName": farm.store_name,
        "Name": farm.store_name,
        "Description": "",
        "Path": WINDOWS_FOLDER,
        "CachePath": [f"{WINDOWS_FOLDER}\\WriteCache"],
        "SiteId": farm.site_id,
        "SiteName": farm.site_name,
        "PathType": "Local disk",
        "Role": FARM_ADMINISTRATOR,
    }


def server_store_bag(farm: Farm, server: Server) -> Bag:
    return {
        "ServerId": server.id,
        "ServerName": server.name,
        "StoreId": farm.store_id,
        "StoreName": farm.store_name,
        "Path": WINDOWS_FOLDER,
        "CachePath": [f"{WINDOWS_FOLDER}\\WriteCache"],
    }


def server_bag(farm: Farm, server: Server) -> Bag:
    return {
        "ServerId": server.id,
        "Guid": server.id,
        "ServerName": server.name,
        "Name": server.name,
        "ServerFqdn": f"{server.name.lower()}.lab.example",
        "SiteId": farm.site_id,
        "SiteName": farm.site_name,
        "Description": "",
        "Active": int(server.up),
        "Ip": [server.ip],
        "ManagementIp": server.ip,
        "FirstPort": STREAM_PORT,
        "LastPort": 6930,
        "PowerRating": server.power_rating,
        "MaxBootDevicesAllowed": 500,
        "MaxBootSeconds": 60,
        "ServerCacheTimeout": 8,
        "EventLoggingEnabled": False,
        "LogLevel": 4,
        "Role": FARM_ADMINISTRATOR,
    }


def server_info_bag(datacentre: Datacentre, server: Server) -> Bag:
    return server_bag(datacentre.farm, server) | {
        "DeviceCount": _active_on(datacentre, server),
        "ContactIp": server.ip if server.up else NO_IP,
        "ContactPort": 6890 if server.up else 0,
    }


def server_status_bag(datacentre: Datacentre, server: Server) -> Bag:
    return {
        "ServerId": server.id,
        "Guid": server.id,
        "ServerName": server.name,
        "Name": server.name,
        "DeviceCount": _active_on(datacentre, server),
        "Ip": server.ip if server.up else NO_IP,
        "Port": STREAM_PORT if server.up else 0,
        "Status": int(server.up),
    }


def collection_bag(farm: Farm, collection: Collection) -> Bag:
    devices = [device for device in farm.devices if device.collection == collection.name]
    return {
        "CollectionId": collection.id,
        "Guid": collection.id,
        "CollectionName": collection.name,
        "Name": collection.name,
        "SiteId": farm.site_id,
        "SiteName": farm.site_name,
        "Description": collection.description,
        "Enabled": collection.enabled,
        "DeviceCount": len(devices),
        "ActiveDeviceCount": sum(device.is_active for device in devices),
        "MakActivateNeededCount": 0,
        "TemplateDeviceId": NO_ID,
        "TemplateDeviceName": "",
        "AutoAddPrefix": "",
        "AutoAddSuffix": "",
        "AutoAddNumberLength": 3,
        "AutoAddZeroFill": True,
        "LastAutoAddDeviceNumber": 0,
        "Role": FARM_ADMINISTRATOR,
    }


def device_bag(farm: Farm, device: Device) -> Bag:
    collection = next(one for one in farm.collections if one.name == device.collection)
    return {
        "DeviceId": device.id,
        "Guid": device.id,
        "DeviceName": device.name,
        "Name": device.name,
        "DeviceMac": device.mac,
        "Description": device.description,
        "Type": int(device.type),
        "BootFrom": 1,
        "Enabled": True,
        "Active": device.is_active,
        "CollectionId": collection.id,
        "CollectionName": collection.name,
        "SiteId": farm.site_id,
        "SiteName": farm.site_name,
        "ClassName": "",
        "LocalWriteCacheDiskSize": 0,
        "LocalDiskEnabled": False,
        "Authentication": 0,
        "User": "",
        "Port": 6901,
        "LogLevel": 0,
        "BdmBoot": False,
        "BdmType": 0,
        "BdmFormat": 0,
        "BdmUpdated": None,
        "DomainName": "lab.example",
        "DomainObjectSID": "",
        "DomainControllerName": "",
        "DomainTimeCreated": None,
        "Template": False,
        "TemporaryVersionSet": False,
        "VirtualHostingPoolId": NO_ID,
        "HypVmId": "",
        "XsPvsProxyUuid": NO_ID,
        "Role": FARM_ADMINISTRATOR,
    }


def device_status_bag(farm: Farm, device: Device) -> Bag:
    """The live part of a PvsDeviceInfo. Of an inactive target DiskLocatorName lists what is assigned to it."""
    assigned = farm.vdisk(device.vdisk_id)
    bag: Bag = {
        "DeviceId": device.id,
        "Guid": device.id,
        "DeviceName": device.name,
        "Name": device.name,
        "Ip": NO_IP,
        "ServerId": NO_ID,
        "ServerName": "",
        "ServerIpConnection": NO_IP,
        "ServerPortConnection": 0,
        "DiskLocatorId": NO_ID,
        "DiskLocatorName": assigned.name,
        "DiskFileName": "",
        "DiskVersion": 0,
        "DiskVersionAccess": 0,
        "Status": "",
        "LicenseType": 0,
        "MakLicenseActivated": 0,
    }
    if not device.is_active or device.stream is None:
        return bag
    disk, server = farm.vdisk(device.stream.vdisk_id), farm.server(device.stream.server)
    version = disk.version(device.stream.version)
    return bag | {
        "Ip": device.ip,
        "ServerId": server.id if server else NO_ID,
        "ServerName": device.stream.server,
        "ServerIpConnection": server.ip if server else NO_IP,
        "ServerPortConnection": STREAM_PORT + sum(map(ord, device.name)) % 20,
        "DiskLocatorId": disk.id,
        "DiskLocatorName": disk.name,
        "DiskFileName": version.file_name if version else "",
        "DiskVersion": device.stream.version,
        "DiskVersionAccess": int(version.access) if version else 0,
        "Status": str(device.retries),
        "LicenseType": 7,
    }


def device_info_bag(farm: Farm, device: Device) -> Bag:
    return device_bag(farm, device) | device_status_bag(farm, device)


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


def task_bag(farm: Farm, task: Task) -> Bag:
    server = farm.server(task.server)
    return {
        "TaskId": task.id,
        "SiteId": farm.site_id,
        "SiteName": farm.site_name,
        "ServerFqdn": f"{task.server.lower()}.lab.example",
        "Ip": server.ip if server else NO_IP,
        "Port": 6890,
        "Handle": task.id,
        "CommandType": "RunWithReturn",
        "Command": task.command,
        "StartTime": task.started,
        "ExpirationTime": None,
        "State": int(task.state),
        "Results": task.results,
        "MapiException": task.exception,
    }


def _local_time(moment: datetime) -> str:
    """Text in the server's local time, as Provisioning writes CreateDate; the lab's servers live in UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _active_with(farm: Farm, disk: VDisk) -> int:
    return sum(bool(one.is_active and one.stream and one.stream.vdisk_id == disk.id) for one in farm.devices)


def _active_on(datacentre: Datacentre, server: Server) -> int:
    return sum(device.is_active for device in streamed_by(datacentre, server))
