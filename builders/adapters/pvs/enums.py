"""The numbers of the Provisioning object model, named.

Beware of four different orders of 0, 1, 2: `Access` of a version, `DeviceType`, `MergeAccess` and `VersionFilter`
do not agree. Never turn one into another by its number.
(Citrix Provisioning PowerShell programmer's guide, chapter Objects.)
"""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class PvsNumber(IntEnum):
    """A number that a newer Provisioning may extend: an unlisted one stays a number and says so in `word`."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        return self.name in type(self).__members__

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", " ") if self.is_known else f"unknown ({self.value})"


class Access(PvsNumber):
    """What a version is for now. 4, 5 and 6 are merges under way."""

    PRODUCTION = 0
    MAINTENANCE = 1
    MAINTENANCE_HIGHEST_VERSION = 2
    OVERRIDE = 3
    MERGE = 4
    MERGE_MAINTENANCE = 5
    MERGE_TEST = 6
    TEST = 7

    @property
    def is_maintenance(self) -> bool:
        return self in (Access.MAINTENANCE, Access.MAINTENANCE_HIGHEST_VERSION)

    @property
    def is_merging(self) -> bool:
        return self in (Access.MERGE, Access.MERGE_MAINTENANCE, Access.MERGE_TEST)


class VersionType(PvsNumber):
    """How a version came to be."""

    BASE = 0
    MANUAL = 1
    AUTOMATIC = 2
    MERGE = 3
    MERGE_BASE = 4


class VersionFilter(PvsNumber):
    """The values of `Get-PvsDiskVersion -Type`."""

    MAINTENANCE = 1
    TEST = 2
    OVERRIDE = 3


class MergeAccess(PvsNumber):
    """Where a merged version goes: `Merge-PvsDisk -Access` and the farm's MergeMode."""

    PRODUCTION = 0
    TEST = 1
    MAINTENANCE = 2


class DeviceType(PvsNumber):
    """Which versions a target may boot. 3 and 4 are left from personal vDisks."""

    PRODUCTION = 0
    TEST = 1
    MAINTENANCE = 2
    PERSONAL_VDISK = 3
    PERSONAL_VDISK_TEST = 4


class InventoryState(PvsNumber):
    """How a server's copy of one version compares with the farm's."""

    UP_TO_DATE = 0
    FILE_MISSING = 1
    FILE_OUT_OF_DATE = 2
    PROPERTIES_MISSING = 3
    PROPERTIES_OUT_OF_DATE = 4
    SERVER_NOT_REACHABLE = 5


class ServerState(PvsNumber):
    DOWN = 0
    UP = 1
    UNKNOWN = 2


class TaskState(PvsNumber):
    PROCESSING = 0
    CANCELLED = 1
    COMPLETE = 2


class WriteCacheType(PvsNumber):
    """Where a target writes. The two private ones mean one target, writing into the image itself."""

    PRIVATE = 0
    SERVER = 1
    DEVICE_RAM = 3
    DEVICE_HARD_DISK = 4
    SERVER_PERSISTENT = 7
    DEVICE_RAM_OVERFLOW_TO_DISK = 9
    PRIVATE_ASYNC = 10
    SERVER_PERSISTENT_ASYNC = 11
    DEVICE_RAM_OVERFLOW_TO_DISK_ASYNC = 12

    @property
    def is_private(self) -> bool:
        return self in (WriteCacheType.PRIVATE, WriteCacheType.PRIVATE_ASYNC)
