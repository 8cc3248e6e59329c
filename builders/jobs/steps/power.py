"""Starting, restarting and shutting down targets, and waiting until it has happened."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from builders.adapters.errors import NotAuthenticated, NotFound, Refused, Unreachable
from builders.adapters.pvs.enums import DeviceType
from builders.adapters.pvs.model import PvsDevice
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed, Wait


class BootTargets(Step):
    """Every chosen target ends up running it; those that run something else are restarted."""

    needs = ("vdisk", "version")
    remembers = ("names",)
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
        if off := [device for device in fresh if not device.active]:
            self._ask(ctx, off, ctx.farm.boot, f"Asking PVS to start {_names(off)}")
        if other := [device for device in fresh if device.active]:
            runs_other = f"which {_verb(other, 'runs', 'run')} another version"
            self._ask(ctx, other, ctx.farm.reboot, f"Asking PVS to restart {_names(other)}, {runs_other}")
        progress = 100 * (len(devices) - len(waiting)) // len(devices)
        return Wait(None, f"Waiting for {_names(waiting)} to run version {ctx.version}", progress)

    def stays(self, ctx: StepContext) -> str:
        """Who works at a target now is not to lose it."""
        return _told(ctx, ("was started and goes on", "were started and go on"))

    @abstractmethod
    def choose(self, ctx: StepContext, devices: Sequence[PvsDevice]) -> list[PvsDevice]:
        """The targets to start; StepFailed when there is none."""

    def _ask(
        self, ctx: StepContext, devices: Sequence[PvsDevice], call: Callable[[list[UUID]], tuple[int, ...]], line: str
    ) -> None:
        asked, names, tasks = (list(ctx.saved.get(name, [])) for name in ("asked", "names", "tasks"))
        fresh = {device.name for device in devices}
        ctx.log(line)
        ctx.intend(
            asked=sorted({*asked, *(str(device.device_id) for device in devices)}), names=sorted({*names, *fresh})
        )
        try:
            tasks += call(_ids(devices))
        except (Refused, Unreachable, NotAuthenticated):
            ctx.saved.update(asked=asked, names=names)  # none of these was reached
            raise
        ctx.intend(tasks=tasks, failed=False)


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
    remembers = ("names",)
    limit = timedelta(minutes=15)

    def run(self, ctx: StepContext) -> Outcome:
        running = [device for device in ctx.farm.devices_of(ctx.disk_id) if runs(device, ctx, ctx.version)]
        if not running:
            return Done("No target runs the version")
        if not ctx.saved.get("asked"):
            ctx.log(f"Asking PVS to shut down {_names(running)}")
            ctx.intend(asked=True, names=[device.name for device in running])
            try:
                tasks = list(ctx.farm.shutdown(_ids(running)))
            except (Refused, Unreachable, NotAuthenticated):
                del ctx.saved["asked"], ctx.saved["names"]  # none of them was reached
                raise
            ctx.intend(tasks=tasks, failed=False)
        _check_tasks(ctx)
        return Wait(None, f"Waiting for {_names(running)} to shut down")

    def stays(self, ctx: StepContext) -> str:
        return _told(ctx, ("was told to shut down and stays off", "were told to shut down and stay off"))


def _told(ctx: StepContext, one_or_many: tuple[str, str]) -> str:
    """What became of the targets that PVS was asked about; no claim where PVS said that it could not do it."""
    names = ctx.saved.get("names")
    if not names:
        return ""
    if ctx.saved.get("failed"):
        return f"What PVS was asked to do with {_listed(names)} is not taken back"
    return f"{_listed(names)} {_verb(names, *one_or_many)}"


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
            ctx.saved["failed"] = True
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
