"""What the operator of the lab can do to it; the control's API, page and command line all end here."""

from collections.abc import Callable, Iterable

from lab.guests.machine import Machine
from lab.pvs import replication, targets
from lab.pvs.datacentre import Datacentre
from lab.pvs.guest_orders import GuestOrders, Place
from lab.pvs.initial import create_files, initial_farm
from lab.pvs.journal import Entry
from lab.pvs.model import Device, Fault, Replication, Server, VDisk, Version
from lab.pvs.rejected import Rejected

CONTROL = "control"
FAULT_ACTIONS = ("delay", "fail", "drop", "kill")


class Operations:
    """Each method takes the lock, and says in words what it did not find."""

    def __init__(self, datacentre: Datacentre, server_power: Callable[[Server], None]) -> None:
        self.datacentre = datacentre
        self._guests = GuestOrders(datacentre)
        self._server_power = server_power

    def restart_targets(
        self, *, collection: str | None = None, names: Iterable[str] | None = None, vdisk: str | None = None
    ) -> list[str]:
        """Names of those that restart; a target that is off stays off."""
        with self.datacentre.locked(changing=True):
            chosen = self._targets(collection=collection, names=names, vdisk=vdisk)
            reached = [device.name for device in chosen if targets.restart(self.datacentre, device)]
            self._note("Reboot", *reached)
            return reached

    def power_targets(
        self,
        *,
        on: bool,
        collection: str | None = None,
        names: Iterable[str] | None = None,
        vdisk: str | None = None,
    ) -> list[str]:
        act = targets.power_on if on else targets.shut_down
        with self.datacentre.locked(changing=True):
            chosen = self._targets(collection=collection, names=names, vdisk=vdisk)
            reached = [device.name for device in chosen if act(self.datacentre, device)]
            self._note("Boot" if on else "Shutdown", *reached)
            return reached

    def power_server(self, name: str, *, on: bool) -> None:
        with self.datacentre.locked(changing=True):
            server = self._server(name)
            was_up, server.up = server.up, on
            self._note("server up" if on else "server down", server.name)
            if was_up and not on:
                targets.lose_server(self.datacentre, server)
            elif on and not was_up:
                targets.find_server(self.datacentre)
        self._server_power(server)  # outside the lock: processes that are killed may be waiting for it

    def replicate(self, mode: str, server: str | None = None) -> None:
        try:
            chosen = Replication(mode)
        except ValueError as error:
            raise Rejected(f"A replication mode is one of {', '.join(Replication)}.") from error
        with self.datacentre.locked(changing=True):
            name = self._server(server).name if server else None
            replication.set_mode(self.datacentre, chosen, name)

    def order_fault(self, fault: Fault) -> None:
        if fault.action not in FAULT_ACTIONS:
            raise Rejected(f"A fault is one of {', '.join(FAULT_ACTIONS)}.")
        with self.datacentre.locked(changing=True) as farm:
            if fault.server:
                fault.server = self._server(fault.server).name
            if not fault.cmdlet or fault.count < 1:
                raise Rejected("A fault names a cmdlet (or *) and a count of at least 1.")
            farm.faults.append(fault)

    def clear_faults(self) -> None:
        with self.datacentre.locked(changing=True) as farm:
            farm.faults.clear()

    def write(self, vdisk: str) -> int:
        """Install the next planned update into the maintenance version; the number of the version."""
        with self.datacentre.locked(changing=True):
            place = self._guests.update(vdisk)
            self._note(f"version {place.version.number} written", place.disk.name)
            return place.version.number

    def install(self, subject: str, program: str, version: str) -> Place:
        """Install a program at a target, or into the maintenance version of a vDisk."""
        with self.datacentre.locked(changing=True):
            place = self._guests.install(subject, program, version)
            self._note(f"{program} {version} installed in version {place.version.number}", place.disk.name)
            return place

    def remove(self, subject: str, program: str) -> Place:
        with self.datacentre.locked(changing=True):
            place = self._guests.remove(subject, program)
            self._note(f"{program} removed from version {place.version.number}", place.disk.name)
            return place

    def contents(self, vdisk: str, number: int | None) -> tuple[Version, Machine]:
        """What the image of a version says that it has; without a number that of the newest."""
        with self.datacentre.locked():
            return self._guests.contents(vdisk, number)

    def put_clock_forward(self, seconds: float) -> None:
        if seconds < 0:
            raise Rejected("The clock goes forward only.")
        with self.datacentre.locked(changing=True) as farm:
            farm.clock_ahead_seconds += seconds
            self.datacentre.clock.set_ahead(farm.clock_ahead_seconds)

    def journal(self, after: int, limit: int) -> list[Entry]:
        with self.datacentre.locked():
            return self.datacentre.journal.after(after, limit)

    def reset(self) -> None:
        """Back to the initial datacentre; servers that were down come up."""
        with self.datacentre.locked(changing=True):
            self.datacentre.clock.set_ahead(0)
            further = self.datacentre.farm.further_vdisks
            self.datacentre.farm = initial_farm(self.datacentre.clock.now(), further=further)
            self.datacentre.journal.clear()
            create_files(self.datacentre.farm, self.datacentre.folders)
        for server in self.datacentre.farm.servers:
            self._server_power(server)

    def _targets(self, *, collection: str | None, names: Iterable[str] | None, vdisk: str | None) -> list[Device]:
        farm = self.datacentre.farm
        chosen = farm.devices
        if collection:
            chosen = [one for one in chosen if one.collection.lower() == collection.lower()]
        if vdisk:
            chosen = [one for one in chosen if one.vdisk_id == self._vdisk(vdisk).id]
        if names:
            wanted = {name.lower() for name in names}
            chosen = [one for one in chosen if one.name.lower() in wanted]
            missing = wanted - {one.name.lower() for one in chosen}
            if missing:
                raise Rejected(f"No such target: {', '.join(sorted(missing))}.")
        if not (collection or vdisk or names):
            raise Rejected("Name targets, a collection or a vDisk.")
        if not chosen:
            raise Rejected("No target fits.")
        return chosen

    def _note(self, what: str, *subjects: str) -> None:
        datacentre = self.datacentre
        with datacentre.journal.asked_by(CONTROL):
            for subject in subjects:
                datacentre.journal.note(datacentre.farm, datacentre.clock.now(), what, subject)

    def _server(self, name: str) -> Server:
        server = self.datacentre.farm.server(name)
        if server is None:
            raise Rejected(f"No such server: {name}.")
        return server

    def _vdisk(self, name: str) -> VDisk:
        disk = next((one for one in self.datacentre.farm.vdisks if one.name.lower() == name.lower()), None)
        if disk is None:
            raise Rejected(f"No such vDisk: {name}.")
        return disk
