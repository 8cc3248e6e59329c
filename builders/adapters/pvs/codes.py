"""The return codes of Provisioning that matter here, with what a person can do about each.

Codes and meanings: Citrix Provisioning PowerShell programmer's guide, chapter Error codes. A name in lower case is
our own word for a code that the guide only describes. The remedies are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

EXECUTING = 16
IN_PROCESS = 177
SERVER_AWAY = frozenset({191, 192})
GONE = frozenset({44, 165, 175, 189})
UNANSWERED = frozenset({97, 172, 173, 179})  # one server asked another and got no answer: it may have been done


@dataclass(frozen=True)
class ReturnCode:
    number: int
    name: str
    remedy: str
    permanent: bool = True  # False: the same call may succeed later with nobody changing the request

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"


_RIGHTS = "Check the rights of the Provisioning service account on the store."
_IDENTIFY = "This is a fault of the portal: the object was not named completely."
_DATABASE = "The farm's database did not answer. Try again; if it lasts, look at the SQL server."
_SERVERS = "A call between Provisioning servers failed. Check that all servers of the site are up and reach each other."
_BUG = "This is a fault of the portal: it sent a value that Provisioning does not accept."
_AWAY = "Start the server, or check its Stream Service, and try again."

_TABLE = (
    ReturnCode(13, "NoFarmAccess", "Put the portal's account in a group that the farm authorises."),
    ReturnCode(EXECUTING, "Executing", "The farm runs this command one at a time. It is tried again.", False),
    ReturnCode(19, "DuplicateKey", "An object of that name exists. Nothing was changed."),
    ReturnCode(22, "InsufficientPrivileges", "Give the portal's account site administrator rights."),
    ReturnCode(23, "ZeroObjectsAffected", "Nothing was changed: it already is so, or the object is gone."),
    *(ReturnCode(code, "invalid value", _BUG) for code in (26, 27, 180, 181, 182)),
    *(ReturnCode(code, "too few identifying parameters", _IDENTIFY) for code in (10, 11, 29, 30, 35)),
    ReturnCode(31, "InconsistentData", "The servers' copies differ. Replicate the store first.", False),
    *(ReturnCode(code, "database error", _DATABASE, False) for code in (32, 118, 119, 168)),
    ReturnCode(36, "PartialError", "Some objects failed. The details name them."),
    ReturnCode(44, "InvalidDiskLocator", "The vDisk is gone. The next reading of the farm shows what is there."),
    ReturnCode(59, "VDiskFileNotFound", "A server has no file of this version. Check the store and replicate."),
    ReturnCode(60, "no server for the vDisk", "Start a server that serves this store.", False),
    ReturnCode(61, "InvalidDiskForServer", "That server lacks some versions. Replicate the store to it.", False),
    ReturnCode(91, "creation in progress", "Wait until the vDisk is created.", False),
    ReturnCode(97, "ServerTimeout", _AWAY, False),
    ReturnCode(100, "ActiveDevice", "Shut the target down first."),
    ReturnCode(101, "ActiveDiskLocator", "Shut down the targets that use this vDisk first."),
    ReturnCode(102, "AssignedDiskLocator", "Take the vDisk off its targets first."),
    ReturnCode(104, "no disk space", "Free some space in the store."),
    ReturnCode(105, "InvalidDiskName", 'The name must not hold | " \\ / : * or ?.'),
    ReturnCode(110, "LockOwnerNotFound", "The lock's owner is unknown. Look at the lock in the console."),
    ReturnCode(111, "PossiblySharedVDisk", "Another site or store uses the file. It was not deleted."),
    ReturnCode(115, "TooManyRecords", "Ask for less at once."),
    *(ReturnCode(code, "store path or permission", _RIGHTS) for code in (142, 143, 144, 145, 146)),
    ReturnCode(148, "no server for the store", "Start a server that serves this store.", False),
    ReturnCode(159, "DiskIsInPrivateMode", "A private vDisk has no versions. Change its cache type first."),
    ReturnCode(160, "AlreadyInChangeMode", "A maintenance, merge or test version exists. Promote or delete it first."),
    ReturnCode(161, "cannot create maintenance version", "Check that a server serves the store and has space."),
    ReturnCode(162, "no server for maintenance", "Start a server that serves this store.", False),
    ReturnCode(163, "NotInMaintenanceMode", "There is no version to promote. Read the vDisk again."),
    ReturnCode(164, "no highest version", "Read the vDisk again: its chain has no version to act on."),
    ReturnCode(165, "NoVersionFound", "The version is gone. The next reading of the farm shows what is there."),
    *(ReturnCode(code, "remote server call failed", _SERVERS, False) for code in (172, 173, 179)),
    ReturnCode(174, "DiskAlreadySetForUpdate", "The vDisk has an update device already."),
    ReturnCode(175, "InvalidDiskVersion", "The version is gone. The next reading of the farm shows what is there."),
    ReturnCode(IN_PROCESS, "InProcess", "It takes longer than usual. The portal keeps watching.", False),
    ReturnCode(178, "DateMustBeInFuture", "Choose a later date, and check the farm's time zone in the portal."),
    ReturnCode(184, "DiskUpdateNotEnabled", "Turn on vDisk update for the site and name its update server."),
    ReturnCode(
        185, "PvsStatusException", "A lower layer failed. If a parent's id or time differs, a copy broke the chain."
    ),
    ReturnCode(186, "task cancelled", "Somebody cancelled the task. Read the object again, then decide."),
    ReturnCode(187, "task completed", "The task is over. Read the object again."),
    ReturnCode(188, "task running", "The task is still running.", False),
    ReturnCode(189, "task invalid", "The farm no longer knows the task. Read the object again, then decide."),
    ReturnCode(191, "ServerOffline", _AWAY, False),
    ReturnCode(192, "ServerStateUnknown", _AWAY, False),
    ReturnCode(193, "HighestVersionIsPending", "The highest version waits for its date. Release it, or wait."),
    ReturnCode(194, "MergeInvalidWithCurrentVersions", "There is nothing that could be merged now."),
    ReturnCode(195, "DiskInventoryError", "Not all servers have the versions. Replicate the store first.", False),
    ReturnCode(196, "VDiskFileNotFound", "A server has no file of this version. Check the store and replicate."),
    ReturnCode(199, "MappedDiskLocator", "The vDisk is mounted on a server. Dismount it first."),
    ReturnCode(202, "creation in progress", "Wait until the vDisk is created.", False),
    ReturnCode(209, "store path or permission", "The service account lacks the right to maintain volumes."),
    ReturnCode(218, "no disk space", "Free some space in the store: the manifest could not be written."),
    ReturnCode(222, "TemporaryVersionSet", "A target runs a temporary version. End that first."),
    ReturnCode(223, "PersistentCacheOnServer", "A vDisk with a persistent cache on the server cannot do this."),
)

RETURN_CODES = {code.number: code for code in _TABLE}


def look_up(number: int) -> ReturnCode:
    unlisted = ReturnCode(number, "return code", "Look the code up in the Provisioning error code list.")
    return RETURN_CODES.get(number, unlisted)
