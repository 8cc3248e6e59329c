"""Targets boot, run, restart, write and lose their server. Every method is called with the datacentre's lock held."""

import logging
import random
from datetime import datetime

from lab.guests.stories import update
from lab.pvs.booting import choose, other_server, streamed_by
from lab.pvs.datacentre import BOOT_SECONDS, SHUTDOWN_SECONDS, WRITE_EVERY_SECONDS, Datacentre
from lab.pvs.model import MAINTENANCE, Device, DeviceType, Power, Server, Stream, Version
from lab.stores.contents import NotALabImage

logger = logging.getLogger(__name__)

NO_SERVER = "Connecting to the Provisioning Services: no server offers the vDisk"


def power_on(datacentre: Datacentre, device: Device) -> bool:
    """True when there was something to do."""
    if device.power is not Power.OFF:
        return False
    _begin_boot(datacentre, device)
    return True


def shut_down(datacentre: Datacentre, device: Device) -> bool:
    if device.power is Power.OFF:
        return False
    if device.power in {Power.BOOTING, Power.FROZEN}:  # nothing runs that could be shut down: the plug is pulled
        switch_off(device)
        return True
    device.power, device.due = Power.STOPPING, datacentre.clock.after(SHUTDOWN_SECONDS)
    return True


def restart(datacentre: Datacentre, device: Device) -> bool:
    """Shut down and boot anew; a target that is off stays off."""
    if device.power is Power.OFF:
        return False
    if device.power in {Power.BOOTING, Power.FROZEN}:
        _begin_boot(datacentre, device)
        return True
    device.power, device.due = Power.RESTARTING, datacentre.clock.after(SHUTDOWN_SECONDS)
    return True


def switch_off(device: Device) -> None:
    device.power, device.due, device.stream = Power.OFF, None, None
    device.next_write, device.waits_for = None, ""


def advance(datacentre: Datacentre, device: Device, now: datetime) -> bool:
    """Whatever is due for this target; True when something changed."""
    if device.due and device.due <= now:
        _after_waiting(datacentre, device)
        return True
    if device.next_write and device.next_write <= now and device.power is Power.RUNNING:
        _write(datacentre, device)
        return True
    return False


def lose_server(datacentre: Datacentre, server: Server) -> None:
    """The server is gone: its targets go on with another that has the same version, or stand still."""
    for device in streamed_by(datacentre, server):
        if device.power is Power.BOOTING:
            _begin_boot(datacentre, device)
        elif not _fail_over(datacentre, device):
            device.power, device.due = Power.FROZEN, None
            device.waits_for = f"{server.name} is gone and no other server has the version"


def find_server(datacentre: Datacentre) -> None:
    """A server or a file has come back: frozen targets go on where they were."""
    for device in datacentre.farm.devices:
        if device.power is Power.FROZEN and _fail_over(datacentre, device):
            device.power, device.waits_for = Power.RUNNING, ""


def booted_version(datacentre: Datacentre, device: Device) -> Version | None:
    if device.stream is None:
        return None
    return datacentre.farm.vdisk(device.stream.vdisk_id).version(device.stream.version)


def _begin_boot(datacentre: Datacentre, device: Device) -> None:
    device.stream = None
    device.next_write = None
    device.power = Power.BOOTING
    device.due = datacentre.clock.after(BOOT_SECONDS * _jitter(device))
    choice = choose(datacentre, device)
    if choice is None:
        device.waits_for = NO_SERVER
        return
    device.waits_for = ""
    device.stream = Stream(device.vdisk_id, choice.version.number, choice.server.name)
    datacentre.folders.lock(choice.server.name, choice.version.file_name)


def _after_waiting(datacentre: Datacentre, device: Device) -> None:
    if device.power is Power.STOPPING:
        switch_off(device)
    elif device.power is Power.RESTARTING or device.stream is None:
        _begin_boot(datacentre, device)
    else:
        device.power, device.due = Power.RUNNING, None
        device.boots += 1
        device.retries = random.Random(f"{device.name}/{device.boots}").randrange(0, 4)  # noqa: S311  no secret
        _plan_write(datacentre, device)
        device.update_due = device.next_write is not None


def _fail_over(datacentre: Datacentre, device: Device) -> bool:
    server = other_server(datacentre, device)
    if server is None or device.stream is None:
        return False
    device.stream.server = server.name
    device.retries += 3  # what a change of server costs on the stream
    return True


def _plan_write(datacentre: Datacentre, device: Device) -> None:
    version = booted_version(datacentre, device)
    writes = device.type is DeviceType.MAINTENANCE and version is not None and version.access in MAINTENANCE
    device.next_write = datacentre.clock.after(WRITE_EVERY_SECONDS) if writes else None


def _write(datacentre: Datacentre, device: Device) -> None:
    """The next planned update once after each boot, then a line of the diary now and then.

    Only while the version is in maintenance; after a promotion the target's writes go nowhere.
    """
    version = booted_version(datacentre, device)
    _plan_write(datacentre, device)
    if version is None or version.access not in MAINTENANCE or device.stream is None:
        return
    now, folders, server = datacentre.clock.now(), datacentre.folders, device.stream.server
    try:
        if device.update_due:
            device.update_due = False
            folders.change(server, version.file_name, lambda machine: update(machine, now.timestamp()))
        else:
            folders.note(server, version.file_name, now, f"{device.name} runs")
    except NotALabImage as error:
        logger.warning("%s writes nothing: %s", device.name, error)


def _jitter(device: Device) -> float:
    """Seeded by target and count of boots: machines differ, and a run can be repeated."""
    if device.type is not DeviceType.PRODUCTION:
        return 1.0
    return random.Random(f"{device.name}/{device.boots}").uniform(0.85, 1.35)  # noqa: S311  no secret
