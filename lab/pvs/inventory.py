"""Which server has which version, seen from the files themselves."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from lab.pvs.datacentre import Datacentre
from lab.pvs.model import Server, VDisk, Version
from lab.stores.folders import properties_name


class InventoryState(IntEnum):
    """State of an inventory row."""

    UP_TO_DATE = 0
    FILE_MISSING = 1
    FILE_OUT_OF_DATE = 2
    PROPERTIES_MISSING = 3
    PROPERTIES_OUT_OF_DATE = 4
    SERVER_NOT_REACHABLE = 5


@dataclass(frozen=True)
class InventoryRow:
    server: Server
    version: Version
    state: InventoryState
    file_time: datetime | None
    properties_time: datetime | None


def inventory(datacentre: Datacentre, version: Version) -> list[InventoryRow]:
    """One row a server; the newest file among the servers that are up is the one to have."""
    folders, servers = datacentre.folders, datacentre.farm.servers
    properties = properties_name(version.file_name)
    times = {
        server.name: (folders.time_of(server.name, version.file_name), folders.time_of(server.name, properties))
        for server in servers
        if server.up
    }
    newest_file = max((file for file, _ in times.values() if file), default=None)
    newest_properties = max((pvp for _, pvp in times.values() if pvp), default=None)
    rows = []
    for server in servers:
        file_time, properties_time = times.get(server.name, (None, None))
        state = _state(server, file_time, properties_time, newest_file, newest_properties)
        rows.append(InventoryRow(server, version, state, file_time, properties_time))
    return rows


def is_good_everywhere(datacentre: Datacentre, version: Version) -> bool:
    """GoodInventoryStatus: an up-to-date file reachable by all servers."""
    return all(row.state is InventoryState.UP_TO_DATE for row in inventory(datacentre, version))


def servers_with(datacentre: Datacentre, disk: VDisk, version: Version) -> list[Server]:
    """Servers that are up and hold the version and everything below it, all up to date."""
    if not disk.is_whole(version):
        return []
    able = [server for server in datacentre.farm.servers if server.up]
    for link in disk.chain(version):
        good = {
            row.server.name
            for row in inventory(datacentre, link)
            if row.state in {InventoryState.UP_TO_DATE, InventoryState.PROPERTIES_OUT_OF_DATE}
        }
        able = [server for server in able if server.name in good]
    return able


def _state(
    server: Server,
    file_time: datetime | None,
    properties_time: datetime | None,
    newest_file: datetime | None,
    newest_properties: datetime | None,
) -> InventoryState:
    if not server.up:
        return InventoryState.SERVER_NOT_REACHABLE
    if file_time is None:
        return InventoryState.FILE_MISSING
    if file_time != newest_file:
        return InventoryState.FILE_OUT_OF_DATE
    if properties_time is None:
        return InventoryState.PROPERTIES_MISSING
    if properties_time != newest_properties:
        return InventoryState.PROPERTIES_OUT_OF_DATE
    return InventoryState.UP_TO_DATE
