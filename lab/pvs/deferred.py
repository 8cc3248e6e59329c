"""Calls that were answered "in process" (code 177) and take effect a little later under their task."""

from datetime import datetime

from lab.powershell.cmdlet import bind
from lab.pvs import codes, tasks
from lab.pvs.cmdlets import REGISTRY
from lab.pvs.cmdlets.registry import Call, Connection
from lab.pvs.codes import FarmError
from lab.pvs.datacentre import IN_PROCESS_SECONDS, Datacentre
from lab.pvs.effects import new_task
from lab.pvs.model import DeferredCall


def defer(datacentre: Datacentre, cmdlet: str, parameters: dict[str, object], *, server: str) -> FarmError:
    """Note the call; the error to answer with carries the TaskId in its words, as the server does."""
    short = cmdlet.rpartition("\\")[2]
    task = new_task(datacentre, f"{tasks.DEFERRED} {short}", server=server, seconds=IN_PROCESS_SECONDS)
    datacentre.farm.deferred.append(DeferredCall(cmdlet, parameters, server, task.id, task.due))
    words = codes.WORDS[codes.IN_PROCESS][1]
    return FarmError(codes.IN_PROCESS, f"TaskId: {task.id}", message=f"{words} TaskId: {task.id}")


def run_deferred(datacentre: Datacentre, now: datetime) -> bool:
    """Carry out what is due; the outcome is found in the task. True when something changed."""
    farm = datacentre.farm
    due = [call for call in farm.deferred if call.due <= now]
    farm.deferred = [call for call in farm.deferred if call.due > now]
    for one in due:
        cmdlet = REGISTRY[one.cmdlet.lower()]
        call = Call(datacentre, one.server, Connection(one.server), bind(cmdlet.signature, one.parameters))
        error = None
        try:
            with datacentre.journal.asked_by(f"{one.server} task {one.task_id}"):
                cmdlet.body(call)
        except FarmError as refused:
            error = refused
        task = farm.task(one.task_id)
        if task:
            tasks.finish(task, error)
    return bool(due)
