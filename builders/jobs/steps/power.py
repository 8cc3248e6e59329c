"""Starting, restarting and shutting down targets, and waiting until it has happened."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from builders.adapters.errors import NotFound
from builders.adapters.pvs.enums import DeviceType
from builders.adapters.pvs.model import PvsDevice
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed, Wait


class BootTargets(Step):
    """Every chosen target ends up running it; those that run something else are restarted."""

    needs = ("vdisk", "version")
    limit = timedelta(minutes=20)
    silence = timedelta(minutes=2)

    def run(self, ctx: StepContext) -> Outcome:
        devices = self.choose(ctx, ctx.farm.devices_of(ctx.disk_id))
        waiting = [device for device in devices if not runs(device, ctx, ctx.version)]
        if not waiting:
            words = f"{_names(devices)} {_verb(devices, 'runs', 'run')} version {ctx.version}"
            return Done(words, {"outcome": words})
        _check_tasks(ctx)
        asked = set(ctx.saved.get("asked", []))
        fresh = [device for device in waiting if str(device.device_id) not in asked]
        if fresh:
            names = sorted({*ctx.saved.get("names", []), *(device.name for device in fresh)})
            ctx.intend(asked=sorted(asked | {str(device.device_id) for device in fresh}), names=names)
            self._start(ctx, fresh)
        progress = 100 * (len(devices) - len(waiting)) // len(devices)
        return Wait(None, f"Waiting for {_names(waiting)} to run version {ctx.version}", progress)

    def undo(self, ctx: StepContext) -> str:
        """Who works at a target now is not to lose it."""
        if names := ctx.saved.get("names"):
            raise StepFailed(
                f"{_listed(names)} {_verb(names, 'was', 'were')} started and {_verb(names, 'goes', 'go')} on"
            )
        return ""

    @abstractmethod
    def choose(self, ctx: StepContext, devices: Sequence[PvsDevice]) -> list[PvsDevice]:
        """The targets to start; StepFailed when there is none."""

    def _start(self, ctx: StepContext, devices: Sequence[PvsDevice]) -> None:
        off = [device for device in devices if not device.active]
        other = [device for device in devices if device.active]
        tasks: list[int] = list(ctx.saved.get("tasks", []))
        if off:
            ctx.log(f"Asking PVS to start {_names(off)}")
            tasks += ctx.farm.boot(_ids(off))
        if other:
            ctx.log(f"Asking PVS to restart {_names(other)}, which {_verb(other, 'runs', 'run')} another version")
            tasks += ctx.farm.reboot(_ids(other))
        ctx.intend(tasks=tasks)


class BootMaintenanceTarget(BootTargets):
    key = "boot-maintenance"
    title = "Boot the maintenance target"

    def choose(self, ctx: StepContext, devices: Sequence[PvsDevice]) -> list[PvsDevice]:
        found = _of_type(devices, DeviceType.MAINTENANCE)
        if not found:
            raise StepFailed(f"No enabled target of type maintenance is assigned to {ctx.disk_name}.")
        holder = [device for device in found if runs(device, ctx, ctx.version)]
        return (holder or found)[:1]  # the first to boot holds the version exclusively


class BootTestTargets(BootTargets):
    key = "boot-test"
    title = "Boot the test targets"

    def choose(self, ctx: StepContext, devices: Sequence[PvsDevice]) -> list[PvsDevice]:
        found = _of_type(devices, DeviceType.TEST)
        if not found:
            raise StepFailed(f"No enabled target of type test is assigned to {ctx.disk_name}.")
        return found


class ShutDownMaintenanceTarget(Step):
    """The scripts of the field power the update machine off first, and so do we."""

    key = "shut-down"
    title = "Shut down what runs the version"
    needs = ("vdisk", "version")
    limit = timedelta(minutes=15)

    def run(self, ctx: StepContext) -> Outcome:
        running = [device for device in ctx.farm.devices_of(ctx.disk_id) if runs(device, ctx, ctx.version)]
        if not running:
            return Done("No target runs the version")
        if not ctx.saved.get("asked"):
            ctx.intend(asked=True, names=[device.name for device in running])
            ctx.log(f"Asking PVS to shut down {_names(running)}")
            ctx.intend(tasks=list(ctx.farm.shutdown(_ids(running))))
        _check_tasks(ctx)
        return Wait(None, f"Waiting for {_names(running)} to shut down")

    def undo(self, ctx: StepContext) -> str:
        if names := ctx.saved.get("names"):
            raise StepFailed(
                f"{_listed(names)} {_verb(names, 'was', 'were')} shut down and {_verb(names, 'stays', 'stay')} off"
            )
        return ""


def _check_tasks(ctx: StepContext) -> None:
    """A power task that ended with an exception will not happen any more; one that is forgotten says nothing."""
    for task_id in ctx.saved.get("tasks", []):
        try:
            task = ctx.farm.task(task_id)
        except NotFound:
            continue
        if task.is_finished and task.exception:
            for name in ("asked", "tasks"):  # so that who resumes asks anew
                ctx.saved.pop(name, None)
            raise StepFailed(f"PVS could not do it: {task.exception}")


def runs(device: PvsDevice, ctx: StepContext, version: int) -> bool:
    return device.active and device.disk_id == ctx.disk_id and device.disk_version == version


def _of_type(devices: Iterable[PvsDevice], kind: DeviceType) -> list[PvsDevice]:
    return sorted(
        (device for device in devices if device.type == kind and device.enabled), key=lambda found: found.name
    )


def _ids(devices: Iterable[PvsDevice]) -> list[UUID]:
    return [device.device_id for device in devices]


def _names(devices: Sequence[PvsDevice]) -> str:
    return _listed([device.name for device in devices])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _verb(several: Sequence[object], one: str, many: str) -> str:
    return one if len(several) == 1 else many
