"""Which file system begins at a place, by the marks that its first sector carries."""

from __future__ import annotations

from builders.inspection.sources import Disk

NTFS = "NTFS"
FAT = "FAT"
EXFAT = "exFAT"
REFS = "ReFS"
BITLOCKER = "BitLocker"
EMPTY = "empty"
UNKNOWN = "unknown"

_BY_MAKER = {b"NTFS    ": NTFS, b"-FVE-FS-": BITLOCKER, b"EXFAT   ": EXFAT, b"ReFS\0\0\0\0": REFS}
_BITLOCKER_TO_GO = bytes.fromhex("3bd667492e29d84a8399f6a339e3d001")
_FAT_MARKS = ((54, b"FAT12   "), (54, b"FAT16   "), (54, b"FAT     "), (82, b"FAT32   "))


def file_system_at(disk: Disk, start: int) -> str:
    """One of the words above for what begins at byte ``start``."""
    first = disk.read(start, 512)
    if not any(first):
        return EMPTY
    return file_system_of(first)


def file_system_of(first: bytes) -> str:
    """The same from the first 512 bytes."""
    if len(first) < 512:
        return UNKNOWN
    if named := _BY_MAKER.get(first[3:11]):
        return named
    if first[510:512] != b"\x55\xaa":
        return UNKNOWN
    if first[424:440] == _BITLOCKER_TO_GO:
        return BITLOCKER
    return FAT if any(first[at : at + 8] == mark for at, mark in _FAT_MARKS) else UNKNOWN
