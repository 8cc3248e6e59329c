"""Farm, site, store, servers and collections: all of them are only read."""

from lab.pvs import codes
from lab.pvs.cmdlets import selectors
from lab.pvs.cmdlets.registry import FLAG, TEXT, TEXTS, Call, cmdlet
from lab.pvs.codes import FarmError
from lab.pvs.objects import places

FREE_MB = 412_000


@cmdlet("Get-PvsFarm", {"FarmId": TEXT, "FarmName": TEXT, "Guid": TEXT, "Name": TEXT}, fields=True)
def get_farm(call: Call) -> list[object]:
    return [places.farm_bag(call.datacentre.farm)]


@cmdlet("Get-PvsSite", {"SiteId": TEXT, "SiteName": TEXT}, fields=True)
def get_site(call: Call) -> list[object]:
    selectors.check_site(call)
    return [places.site_bag(call.datacentre.farm)]


@cmdlet(
    "Get-PvsStore",
    {"StoreId": TEXT, "StoreName": TEXT, "SiteId": TEXT, "SiteName": TEXT, "ServerId": TEXTS, "ServerName": TEXTS},
    fields=True,
)
def get_store(call: Call) -> list[object]:
    selectors.servers(call)
    return [places.store_bag(call.datacentre.farm)]


@cmdlet("Get-PvsServerStore", selectors.SERVERS, fields=True)
def get_server_store(call: Call) -> list[object]:
    return [places.server_store_bag(call.datacentre.farm, server) for server in selectors.servers(call, required=True)]


@cmdlet("Get-PvsStoreFreeSpace", selectors.SERVERS)
def get_store_free_space(call: Call) -> list[object]:
    if not (call.has("StoreId") or call.has("StoreName")):
        raise FarmError(codes.TOO_FEW_PARAMETERS, "StoreId or StoreName")
    named = selectors.servers(call)
    if not any(server.up for server in named):
        raise FarmError(codes.SERVER_OFFLINE, named[0].name)
    return [FREE_MB]


@cmdlet("Get-PvsServer", selectors.SERVERS, {"All": FLAG}, fields=True)
def get_server(call: Call) -> list[object]:
    return [places.server_bag(call.datacentre.farm, server) for server in selectors.servers(call)]


@cmdlet("Get-PvsServerInfo", selectors.SERVERS, {"All": FLAG}, fields=True)
def get_server_info(call: Call) -> list[object]:
    return [places.server_info_bag(call.datacentre, server) for server in selectors.servers(call)]


@cmdlet("Get-PvsServerStatus", selectors.SERVERS, fields=True)
def get_server_status(call: Call) -> list[object]:
    return [places.server_status_bag(call.datacentre, server) for server in selectors.servers(call, required=True)]


@cmdlet("Get-PvsCollection", selectors.COLLECTIONS, fields=True)
def get_collection(call: Call) -> list[object]:
    farm = call.datacentre.farm
    found = selectors.collections(call)
    return [places.collection_bag(farm, one) for one in (farm.collections if found is None else found)]
