"""Looking at tasks, ending and clearing them."""

from lab.pvs import codes, tasks
from lab.pvs.cmdlets.registry import NUMBER, NUMBERS, TEXT, Call, cmdlet
from lab.pvs.cmdlets.selectors import check_site
from lab.pvs.codes import FarmError
from lab.pvs.model import Task, TaskState
from lab.pvs.objects import places

SELECTORS = {"TaskId": NUMBERS, "SiteId": TEXT, "SiteName": TEXT}


@cmdlet("Get-PvsTask", SELECTORS, {"State": NUMBER}, fields=True)
def get_task(call: Call) -> list[object]:
    found = _named(call)
    if call.has("State"):
        found = [task for task in found if task.state == call.number("State")]
    return [places.task_bag(call.datacentre.farm, task) for task in found]


@cmdlet("Get-PvsTaskStatus", {"TaskId": NUMBER})
def get_task_status(call: Call) -> list[object]:
    number = call.number("TaskId")
    if number is None:
        raise FarmError(codes.TOO_FEW_PARAMETERS, "TaskId")
    return [_task(call, number).percent(call.datacentre.clock.now())]


@cmdlet("Stop-PvsTask", SELECTORS, changes=True)
def stop_task(call: Call) -> None:
    for task in _named(call):
        if task.state is TaskState.PROCESSING:
            tasks.cancel(call.datacentre, task)
        elif call.has("TaskId"):
            done = task.state is TaskState.COMPLETE
            raise FarmError(codes.TASK_COMPLETED if done else codes.TASK_CANCELLED, f"TaskId: {task.id}")


@cmdlet("Clear-PvsTask", SELECTORS, changes=True)
def clear_task(call: Call) -> None:
    """Forget tasks that have ended."""
    ended = {task.id for task in _named(call) if task.state is not TaskState.PROCESSING}
    farm = call.datacentre.farm
    farm.tasks = [task for task in farm.tasks if task.id not in ended]


def _named(call: Call) -> list[Task]:
    check_site(call)
    if not call.has("TaskId"):
        return list(call.datacentre.farm.tasks)
    return [_task(call, number) for number in call.numbers("TaskId")]


def _task(call: Call, number: int) -> Task:
    task = call.datacentre.farm.task(number)
    if task is None:
        raise FarmError(codes.INVALID_TASK, f"TaskId: {number}")
    return task
