"""The copy job that keeps the stores alike. Provisioning itself copies nothing; sites run a tool of their own.

It copies every version except those in maintenance and under a merge, with its time, a while after the file has
appeared or changed. Per receiving server it runs, is held back, or is broken (it leaves half a file).
"""

from datetime import datetime

from lab.pvs.datacentre import REPLICATION_SECONDS, Datacentre
from lab.pvs.inventory import InventoryState, inventory
from lab.pvs.model import MAINTENANCE, MERGING, PlannedCopy, Replication, Version


def plan(datacentre: Datacentre) -> bool:
    """Note what is missing where; True when something was added."""
    farm = datacentre.farm
    planned = {(copy.server, copy.file_name) for copy in farm.copies}
    added = False
    for version in _copied_versions(datacentre):
        rows = inventory(datacentre, version)
        if not any(row.state is InventoryState.UP_TO_DATE for row in rows):
            continue
        for row in rows:
            behind = row.state not in {InventoryState.UP_TO_DATE, InventoryState.SERVER_NOT_REACHABLE}
            runs = row.server.replication is not Replication.HOLD
            if behind and runs and (row.server.name, version.file_name) not in planned:
                due = datacentre.clock.after(REPLICATION_SECONDS)
                farm.copies.append(PlannedCopy(row.server.name, version.file_name, due))
                added = True
    return added


def advance(datacentre: Datacentre, now: datetime) -> bool:
    """Carry out the copies that are due; True when something changed."""
    farm = datacentre.farm
    due = [copy for copy in farm.copies if copy.due <= now]
    if not due:
        return False
    farm.copies = [copy for copy in farm.copies if copy.due > now]
    for copy in due:
        _carry_out(datacentre, copy)
    return True


def set_mode(datacentre: Datacentre, mode: Replication, server: str | None) -> None:
    for one in datacentre.farm.servers:
        if server is None or one.name == server:
            one.replication = mode
    if mode is Replication.HOLD:
        held = {one.name for one in datacentre.farm.servers if one.replication is Replication.HOLD}
        datacentre.farm.copies = [copy for copy in datacentre.farm.copies if copy.server not in held]


def _carry_out(datacentre: Datacentre, copy: PlannedCopy) -> None:
    """Look again: the version may be gone or in maintenance by now, or a server down."""
    for version in _copied_versions(datacentre):
        if version.file_name != copy.file_name:
            continue
        rows = inventory(datacentre, version)
        source = next((row.server.name for row in rows if row.state is InventoryState.UP_TO_DATE), None)
        target = next((row for row in rows if row.server.name == copy.server), None)
        if source is None or target is None or not target.server.up or source == copy.server:
            return
        if target.server.replication is Replication.BREAK:
            datacentre.folders.replicate_badly(source, copy.server, version.file_name)
        else:
            datacentre.folders.replicate(source, copy.server, version.file_name)


def _copied_versions(datacentre: Datacentre) -> list[Version]:
    return [
        version
        for disk in datacentre.farm.vdisks
        for version in disk.versions
        if version.access not in MAINTENANCE and version.access not in MERGING
    ]
