"""Targets and their live status."""

from lab.pvs.model import Device, Farm
from lab.pvs.objects.values import FARM_ADMINISTRATOR, NO_ID, NO_IP, STREAM_PORT, Bag


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
