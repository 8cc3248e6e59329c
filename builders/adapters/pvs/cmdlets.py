"""The Provisioning cmdlets this adapter may call, with the parameters it gives: the whole authority of a session.

Names and types: Citrix Provisioning PowerShell programmer's guide, chapter Cmdlets.
"""

from __future__ import annotations

from builders.adapters.powershell.allowlist import AllowList, Kind

MODULE = "Citrix.PVS.SnapIn"


def qualified(name: str) -> str:
    return f"{MODULE}\\{name}"


_VDISK = {"DiskLocatorId": Kind.ID}
_VERSION = {**_VDISK, "Version": Kind.NUMBER}
_SITE = {"SiteId": Kind.ID}
_TARGETS = {"DeviceId": Kind.IDS}

READS: AllowList = {
    "Get-PvsVersion": {},
    "Get-PvsServerName": {},
    "Get-PvsFarm": {},
    "Get-PvsSite": {},
    "Get-PvsStore": {},
    "Get-PvsServer": _SITE,
    "Get-PvsServerStatus": {"ServerId": Kind.ID},
    "Get-PvsCollection": _SITE,
    "Get-PvsDiskInfo": {**_SITE, **_VDISK},
    "Get-PvsDiskVersion": _VERSION,
    "Get-PvsDiskInventory": _VDISK,
    "Get-PvsDevice": {**_VDISK, "Fields": Kind.TEXTS},
    "Get-PvsDeviceInfo": {**_SITE, **_VDISK, "DeviceId": Kind.ID, "Fields": Kind.TEXTS},
    "Get-PvsTask": {"TaskId": Kind.NUMBER},
    "Get-PvsTaskStatus": {"TaskId": Kind.NUMBER},
}

WRITES: AllowList = {
    "New-PvsDiskMaintenanceVersion": _VDISK,
    "Invoke-PvsPromoteDiskVersion": {
        **_VDISK,
        "Test": Kind.SWITCH,
        "TestVersion": Kind.NUMBER,
        "ScheduledDate": Kind.MOMENT,
    },
    "Invoke-PvsRevertDiskVersion": {**_VERSION, "Test": Kind.SWITCH},
    "Remove-PvsDiskVersion": _VERSION,
    "Merge-PvsDisk": {**_VDISK, "NewBase": Kind.SWITCH, "Access": Kind.NUMBER},
    "Set-PvsDiskVersion": {**_VERSION, "Description": Kind.TEXT, "ScheduledDate": Kind.MOMENT},
    "Set-PvsOverrideVersion": _VERSION,
    "Update-PvsInventory": {},
    "Start-PvsDeviceBoot": _TARGETS,
    "Start-PvsDeviceReboot": {**_TARGETS, "Message": Kind.TEXT, "Delay": Kind.NUMBER},
    "Start-PvsDeviceShutdown": {**_TARGETS, "Message": Kind.TEXT, "Delay": Kind.NUMBER},
}

ALLOWED: AllowList = {
    qualified(name): parameters
    for name, parameters in {
        "Set-PvsConnection": {"Server": Kind.TEXT, "Port": Kind.NUMBER},
        **READS,
        **WRITES,
    }.items()
}
