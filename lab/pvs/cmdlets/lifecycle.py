"""The cmdlets of a version's life: each picks its action from the switches; the table does the rest."""

from lab.pvs import codes
from lab.pvs.cmdlets.registry import DATE, FLAG, NUMBER, ONE_DISK, TEXT, Call, cmdlet
from lab.pvs.cmdlets.selectors import one_disk
from lab.pvs.codes import FarmError
from lab.pvs.lifecycle import Action, perform
from lab.pvs.model import MergeMode, Version
from lab.pvs.objects import vdisks
from lab.pvs.situation import Situation

LONGEST_DESCRIPTION = 250


@cmdlet("New-PvsDiskMaintenanceVersion", ONE_DISK, changes=True)
def new_maintenance_version(call: Call) -> list[object]:
    version = _perform(call, Action.NEW_MAINTENANCE)
    if version is None:
        raise LookupError("the action made no version")
    return [vdisks.version_bag(call.datacentre, one_disk(call), version)]


@cmdlet(
    "Invoke-PvsPromoteDiskVersion",
    ONE_DISK,
    {"Test": FLAG, "TestVersion": NUMBER, "ScheduledDate": DATE},
    changes=True,
)
def promote(call: Call) -> None:
    if call.has("TestVersion"):
        _perform(call, Action.PROMOTE_TEST_VERSION, version=call.number("TestVersion"))
    else:
        _perform(call, Action.PROMOTE_TO_TEST if call.flag("Test") else Action.PROMOTE_TO_PRODUCTION)


@cmdlet("Invoke-PvsRevertDiskVersion", ONE_DISK, {"Test": FLAG, "Version": NUMBER}, changes=True)
def revert(call: Call) -> None:
    if call.has("Version"):
        _perform(call, Action.REVERT_VERSION_TO_TEST, version=call.number("Version"))
    else:
        _perform(call, Action.REVERT_TO_TEST if call.flag("Test") else Action.REVERT_TO_MAINTENANCE)


@cmdlet("Remove-PvsDiskVersion", ONE_DISK, {"Version": NUMBER}, changes=True)
def remove(call: Call) -> None:
    """Without a version: the highest."""
    _perform(call, Action.REMOVE, version=call.number("Version"))


@cmdlet("Merge-PvsDisk", ONE_DISK, {"NewBase": FLAG, "Access": NUMBER}, changes=True)
def merge(call: Call) -> None:
    """Returns nothing: the task is found on the new version."""
    access = call.number("Access")
    if access is not None and access not in set(MergeMode):
        raise FarmError(codes.INVALID_VALUE, f"Access {access}")
    mode = None if access is None else MergeMode(access)
    _perform(call, Action.MERGE_TO_BASE if call.flag("NewBase") else Action.MERGE, mode=mode)


@cmdlet("Set-PvsOverrideVersion", ONE_DISK, {"Version": NUMBER}, changes=True)
def set_override(call: Call) -> None:
    """Without a version: no override any more."""
    if call.has("Version"):
        _perform(call, Action.SET_OVERRIDE, version=call.number("Version"))
    else:
        _perform(call, Action.CLEAR_OVERRIDE)


@cmdlet(
    "Set-PvsDiskVersion",
    ONE_DISK,
    {"Version": NUMBER, "Description": TEXT, "ScheduledDate": DATE, "PassThru": FLAG},
    changes=True,
)
def set_disk_version(call: Call) -> list[object]:
    number, description = call.number("Version"), call.text("Description")
    if number is None:
        raise FarmError(codes.TOO_FEW_PARAMETERS, "Version")
    if description is not None and len(description) > LONGEST_DESCRIPTION:
        raise FarmError(codes.INVALID_VALUE, f"Description has more than {LONGEST_DESCRIPTION} characters.")
    if call.has("ScheduledDate"):  # first, because it can be refused: then nothing is changed
        _perform(call, Action.SET_DATE, version=number)
    _perform(call, Action.DESCRIBE, version=number, keep_description=description is None)
    disk = one_disk(call)
    version = disk.version(number)
    return [vdisks.version_bag(call.datacentre, disk, version)] if call.flag("PassThru") and version else []


def _perform(
    call: Call,
    action: Action,
    *,
    version: int | None = None,
    mode: MergeMode | None = None,
    keep_description: bool = False,
) -> Version | None:
    disk = one_disk(call)
    present = disk.version(version) if version is not None else None
    description = present.description if present and keep_description else call.text("Description")
    case = Situation(
        call.datacentre,
        disk,
        call.datacentre.clock.now(),
        asked_version=version,
        date=call.date("ScheduledDate"),
        description=description,
        merge_mode=mode,
        server=call.connection.server or call.server,
    )
    return perform(action, case)
