"""Farm, site, store, servers, collections and tasks."""

from lab.pvs.booting import streamed_by
from lab.pvs.datacentre import Datacentre
from lab.pvs.model import Collection, Farm, Server, Task
from lab.pvs.objects.values import FARM_ADMINISTRATOR, NO_ID, NO_IP, STREAM_PORT, Bag
from lab.stores.folders import WINDOWS_FOLDER


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


def _active_on(datacentre: Datacentre, server: Server) -> int:
    return sum(device.is_active for device in streamed_by(datacentre, server))
