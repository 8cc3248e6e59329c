"""What an operator has done at a guest: install, remove, take the next planned update, see what is there."""

from collections.abc import Callable
from dataclasses import dataclass

from lab.guests import stories
from lab.guests.catalogue import checked, program
from lab.guests.machine import Machine, NotPossible
from lab.guests.windows import EDITIONS
from lab.pvs.datacentre import Datacentre
from lab.pvs.model import MAINTENANCE, DeviceType, Power, VDisk, Version
from lab.pvs.rejected import Rejected
from lab.stores.contents import NotALabImage

WINDOWS = "Windows"  # as a program: its version is the build, such as 26100.7462


@dataclass(frozen=True)
class Place:
    """The file that a guest writes into."""

    disk: VDisk
    version: Version
    server: str


class GuestOrders:
    """Each method is called with the datacentre's lock held."""

    def __init__(self, datacentre: Datacentre) -> None:
        self._datacentre = datacentre

    def update(self, vdisk: str) -> Place:
        """The next planned update, into the maintenance version of a vDisk."""
        at = self._now()
        return self._change(self._of_vdisk(vdisk), lambda machine: stories.update(machine, at))

    def install(self, subject: str, name: str, version: str) -> Place:
        """`subject` is a target that runs a maintenance version, or a vDisk that has one."""
        at = self._now()

        def alter(machine: Machine) -> None:
            if name.lower() == WINDOWS.lower():
                _patch(machine, version, at)
            else:
                machine.install(*checked(name, version), at)
            stories.changed(machine, at)

        return self._change(self._place(subject), alter)

    def remove(self, subject: str, name: str) -> Place:
        at = self._now()

        def alter(machine: Machine) -> None:
            machine.remove(program(name).name)
            stories.changed(machine, at)

        return self._change(self._place(subject), alter)

    def contents(self, vdisk: str, number: int | None) -> tuple[Version, Machine]:
        """What the image of a version says that it has; without a number that of the newest."""
        disk = self._vdisk(vdisk)
        version = disk.highest if number is None else disk.version(number)
        if version is None:
            raise Rejected(f"{disk.name} has no version {number}.")
        try:
            return version, self._datacentre.folders.machine(self._holding(disk, version), version.file_name)
        except NotALabImage as error:
            raise Rejected(f"{error}.") from error

    def _change(self, place: Place, alter: Callable[[Machine], None]) -> Place:
        try:
            self._datacentre.folders.change(place.server, place.version.file_name, alter)
        except NotPossible as error:
            raise Rejected(str(error)) from error
        except NotALabImage as error:
            raise Rejected(f"{error}.") from error
        return place

    def _place(self, subject: str) -> Place:
        targets = self._datacentre.farm.devices
        device = next((one for one in targets if one.name.lower() == subject.lower()), None)
        if device is None:
            return self._of_vdisk(subject)
        if device.power is not Power.RUNNING or device.stream is None:
            raise Rejected(f"{device.name} does not run.")
        disk = self._datacentre.farm.vdisk(device.stream.vdisk_id)
        version = disk.version(device.stream.version)
        if device.type is not DeviceType.MAINTENANCE or version is None or version.access not in MAINTENANCE:
            raise Rejected(f"{device.name} runs no maintenance version: what it installs is gone when it restarts.")
        return Place(disk, version, device.stream.server)

    def _of_vdisk(self, name: str) -> Place:
        disk = self._vdisk(name)
        version = disk.maintenance
        if version is None:
            raise Rejected(f"{disk.name} has no maintenance version.")
        return Place(disk, version, self._holding(disk, version))

    def _holding(self, disk: VDisk, version: Version) -> str:
        """The server that streams the version, else one that has it with all below it."""
        farm, folders = self._datacentre.farm, self._datacentre.folders
        held = [device.stream.server for device in farm.holders(disk, version.number) if device.stream]
        chain = disk.chain(version)
        having = [one.name for one in farm.servers if all(folders.time_of(one.name, link.file_name) for link in chain)]
        if not held and not having:
            raise Rejected(f"No server has {version.file_name} with everything below it.")
        return (held or having)[0]

    def _vdisk(self, name: str) -> VDisk:
        disk = next((one for one in self._datacentre.farm.vdisks if one.name.lower() == name.lower()), None)
        if disk is None:
            raise Rejected(f"No such vDisk: {name}.")
        return disk

    def _now(self) -> float:
        return self._datacentre.clock.now().timestamp()


def _patch(machine: Machine, version: str, at: float) -> None:
    build = EDITIONS[machine.system].build
    first, _, last = version.partition(".")
    if first != str(build) or not last.isdigit() or int(last) > 0xFFFF:
        raise NotPossible(f"Windows here is of build {build}; an update is named as {build}.{machine.revision + 100}.")
    machine.patch(f"KB{5_070_000 + int(last)}", int(last), at)
