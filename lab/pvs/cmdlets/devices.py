"""Targets: reading them, and starting, restarting and stopping them under a task."""

from collections.abc import Callable

from lab.pvs import targets
from lab.pvs.cmdlets import selectors
from lab.pvs.cmdlets.registry import NUMBER, TEXT, Call, cmdlet
from lab.pvs.datacentre import TASK_SECONDS, Datacentre
from lab.pvs.effects import new_task
from lab.pvs.model import Device, Power, Task
from lab.pvs.objects import places
from lab.pvs.objects import targets as target_objects

POWER_OPTIONS = {"Message": TEXT, "Delay": NUMBER}


@cmdlet("Get-PvsDevice", selectors.DEVICES, fields=True)
def get_device(call: Call) -> list[object]:
    return [target_objects.device_bag(call.datacentre.farm, device) for device in selectors.devices(call)]


@cmdlet("Get-PvsDeviceInfo", selectors.DEVICES, fields=True)
def get_device_info(call: Call) -> list[object]:
    return [target_objects.device_info_bag(call.datacentre.farm, device) for device in selectors.devices(call)]


@cmdlet("Get-PvsDeviceStatus", selectors.DEVICES, fields=True)
def get_device_status(call: Call) -> list[object]:
    found = selectors.devices(call, required=True)
    return [target_objects.device_status_bag(call.datacentre.farm, device) for device in found]


@cmdlet("Start-PvsDeviceBoot", selectors.DEVICES, changes=True)
def start_boot(call: Call) -> list[object]:
    return [_power_task(call, "Boot", targets.power_on, lambda device: device.power is Power.OFF)]


@cmdlet("Start-PvsDeviceReboot", selectors.DEVICES, POWER_OPTIONS, changes=True)
def start_reboot(call: Call) -> list[object]:
    return [_power_task(call, "Reboot", targets.restart, lambda device: device.is_active)]


@cmdlet("Start-PvsDeviceShutdown", selectors.DEVICES, POWER_OPTIONS, changes=True)
def start_shutdown(call: Call) -> list[object]:
    return [_power_task(call, "Shutdown", targets.shut_down, lambda device: device.is_active)]


@cmdlet("Invoke-PvsMarkDown", selectors.DEVICES, changes=True)
def mark_down(call: Call) -> None:
    """Clears the record of a target that hangs or is off; one that really runs is active again at once."""
    for device in selectors.devices(call, required=True):
        if device.power is Power.FROZEN:
            targets.switch_off(device)


def _power_task(
    call: Call,
    command: str,
    act: Callable[[Datacentre, Device], bool],
    can: Callable[[Device], bool],
) -> dict[str, object]:
    """Act on the targets that can, and note their names in the task: the rest is not in its results.

    The message and the delay are accepted; nobody sits at a simulated target, so the delay does not pass.
    """
    chosen = [device for device in selectors.devices(call, required=True) if can(device)]
    reached = [device.name for device in chosen if act(call.datacentre, device)]
    for name in reached:
        call.datacentre.journal.note(call.datacentre.farm, call.datacentre.clock.now(), command, name)
    task: Task = new_task(call.datacentre, command, server=call.connection.server, seconds=TASK_SECONDS, names=reached)
    return places.task_bag(call.datacentre.farm, task)
