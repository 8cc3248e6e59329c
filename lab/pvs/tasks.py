"""Tasks come to an end: boots and shutdowns, merges, and calls that were answered "in process"."""

from datetime import datetime
from xml.sax.saxutils import escape

from lab.pvs import effects
from lab.pvs.codes import FarmError
from lab.pvs.datacentre import Datacentre
from lab.pvs.journal import Picture, picture
from lab.pvs.model import Task, TaskState, VDisk, Version

MERGED, MERGE_CANCELLED = "merge finished", "merge cancelled"
DEFERRED = "Deferred"  # the command of a task that ends with its deferred call, not by itself


def advance(datacentre: Datacentre, now: datetime) -> bool:
    """Finish what is due; True when something changed."""
    due = [task for task in datacentre.farm.tasks if task.state is TaskState.PROCESSING and task.due <= now]
    changed = False
    for task in due:
        merged = _merge_of(datacentre, task)
        if merged:
            _finish_merge(datacentre, task, *merged)
        elif task.command.startswith(DEFERRED):
            continue
        else:
            finish(task)
        changed = True
    for disk in datacentre.farm.vdisks:
        for version in disk.versions:
            if version.is_released(now):
                effects.mark_obsolete(disk, version)
    return changed


def finish(task: Task, error: FarmError | None = None) -> None:
    task.state = TaskState.COMPLETE
    task.results = results_xml(task.device_names)
    task.exception = exception_xml(error) if error else ""


def cancel(datacentre: Datacentre, task: Task) -> None:
    merged = _merge_of(datacentre, task)
    if merged:
        _cancel_merge(datacentre, *merged)
    datacentre.farm.deferred = [call for call in datacentre.farm.deferred if call.task_id != task.id]
    task.state = TaskState.CANCELLED


def results_xml(names: list[str]) -> str:
    """One record for each target that was reached, its name as the first pair."""
    records = "".join(f'<Record><Field Name="deviceName">{escape(name)}</Field></Record>' for name in names)
    return f"<Records>{records}</Records>"


def exception_xml(error: FarmError) -> str:
    return (
        f"<MapiException><returnCode>{error.code}</returnCode><Message>{escape(error.message)}</Message>"
        f"<Details>{escape(error.details)}</Details></MapiException>"
    )


def _merge_of(datacentre: Datacentre, task: Task) -> tuple[VDisk, Version] | None:
    for disk in datacentre.farm.vdisks:
        for version in disk.versions:
            if version.task_id == task.id:
                return disk, version
    return None


def _finish_merge(datacentre: Datacentre, task: Task, disk: VDisk, version: Version) -> None:
    before = picture(disk)
    try:
        effects.finish_merge(datacentre, disk, version)
    except FarmError as error:
        _cancel_merge(datacentre, disk, version)
        finish(task, error)
    else:
        _note(datacentre, MERGED, disk, version, before)
        finish(task)


def _cancel_merge(datacentre: Datacentre, disk: VDisk, version: Version) -> None:
    before = picture(disk)
    effects.cancel_merge(disk)
    _note(datacentre, MERGE_CANCELLED, disk, version, before)


def _note(datacentre: Datacentre, what: str, disk: VDisk, version: Version, before: Picture) -> None:
    now = datacentre.clock.now()
    datacentre.journal.note_version(datacentre.farm, now, what, disk=disk, version=version, before=before)
