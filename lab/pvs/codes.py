"""Return codes of the provisioning server that the lab gives, with words of our own.

Numbers and names: Citrix Provisioning PowerShell programmer's guide, chapter "Error codes". The guide does not say
which cmdlet raises which code; the pairing is inferred and stands in `lab.pvs.lifecycle`.
"""

from typing import Final

UNKNOWN_OBJECT: Final = 10
EXECUTING: Final = 16
NOTHING_CHANGED: Final = 23
INVALID_VALUE: Final = 27
TOO_FEW_PARAMETERS: Final = 29
PARTIAL_ERROR: Final = 36
UNKNOWN_VDISK: Final = 44
FILE_NOT_FOUND: Final = 59
ACTIVE_DEVICE: Final = 100
PRIVATE_MODE: Final = 159
ALREADY_IN_CHANGE_MODE: Final = 160
CANNOT_ENTER_MAINTENANCE: Final = 161
NO_SERVER_FOR_MAINTENANCE: Final = 162
NOT_IN_MAINTENANCE: Final = 163
NO_HIGHEST_VERSION: Final = 164
INVALID_VERSION: Final = 175
IN_PROCESS: Final = 177
DATE_IN_PAST: Final = 178
TASK_CANCELLED: Final = 186
TASK_COMPLETED: Final = 187
INVALID_TASK: Final = 189
SERVER_OFFLINE: Final = 191
HIGHEST_IS_PENDING: Final = 193
NOTHING_TO_MERGE: Final = 194
INVENTORY_DIFFERS: Final = 195

WORDS: Final[dict[int, tuple[str, str]]] = {
    UNKNOWN_OBJECT: ("InvalidId", "The object that was named does not exist in the farm."),
    EXECUTING: ("Executing", "The command is being executed for another caller; only one may run at a time."),
    NOTHING_CHANGED: ("ZeroObjectsAffected", "No object was changed by the command."),
    INVALID_VALUE: ("InvalidFieldValue", "A value that was given is not valid."),
    TOO_FEW_PARAMETERS: ("TooFewParameters", "The parameters do not identify one object; more of them are needed."),
    PARTIAL_ERROR: ("PartialError", "The command failed for some of the objects."),
    UNKNOWN_VDISK: ("InvalidDiskLocator", "The vDisk does not exist."),
    FILE_NOT_FOUND: ("VDiskFileNotFound", "A file of the vDisk was not found."),
    ACTIVE_DEVICE: ("ActiveDevice", "A target device is active with this version; shut it down first."),
    PRIVATE_MODE: ("DiskIsInPrivateMode", "The vDisk is in private image mode, which has no versions."),
    ALREADY_IN_CHANGE_MODE: ("AlreadyInChangeMode", "The vDisk already has a maintenance version or a running merge."),
    CANNOT_ENTER_MAINTENANCE: ("CannotEnterMaintenance", "The version cannot be taken back."),
    NO_SERVER_FOR_MAINTENANCE: ("NoServerForMaintenance", "No server is available to create the maintenance version."),
    NOT_IN_MAINTENANCE: ("NotInMaintenanceMode", "There is no version in the mode that the command needs."),
    NO_HIGHEST_VERSION: ("NoHighestVersion", "There is no version above the base that the command could act on."),
    INVALID_VERSION: ("InvalidDiskVersion", "The version does not exist, or its state does not admit the command."),
    IN_PROCESS: ("InProcess", "The command takes longer than expected and goes on."),
    DATE_IN_PAST: ("DateMustBeInFuture", "The scheduled date must be in the future."),
    TASK_CANCELLED: ("TaskCancelled", "The task was cancelled."),
    TASK_COMPLETED: ("TaskCompleted", "The task is already complete."),
    INVALID_TASK: ("InvalidTask", "The task does not exist."),
    SERVER_OFFLINE: ("ServerOffline", "The server is offline."),
    HIGHEST_IS_PENDING: ("HighestVersionIsPending", "The highest version still waits for its scheduled date."),
    NOTHING_TO_MERGE: ("MergeInvalidWithCurrentVersions", "The versions of the vDisk give nothing to merge."),
    INVENTORY_DIFFERS: ("DiskInventoryError", "The versions are not up to date on all servers of the vDisk."),
}


class FarmError(Exception):
    """What the server refuses; becomes a PvsException with an EAException inside on the wire."""

    def __init__(self, code: int, details: str = "", *, message: str = "") -> None:
        self.code = code
        self.name = WORDS[code][0] if code in WORDS else "Error"
        self.message = message or (WORDS[code][1] if code in WORDS else f"The command failed with code {code}.")
        self.details = details
        super().__init__(f"{code} {self.name}: {self.message} {details}".strip())
