"""How a disk is divided: by a GPT, by an MBR, or not at all."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from builders.inspection.errors import Damaged
from builders.inspection.sources import Disk
from builders.inspection.volumes import gpt, mbr
from builders.inspection.volumes.boot import backup_of
from builders.inspection.volumes.file_systems import (
    BITLOCKER,
    EMPTY,
    EXFAT,
    FAT,
    NTFS,
    REFS,
    UNKNOWN,
    file_system_at,
    file_system_of,
)
from builders.inspection.volumes.kinds import WINDOWS_DATA, gpt_kind, mbr_kind
from builders.inspection.volumes.window import Window

MOST_PARTITIONS = 128
"""As many as Windows makes."""


@dataclass(frozen=True)
class Partition:
    number: int
    """Counted from 1 in the table's order; 0 where the whole disk is one volume."""
    start: int
    """Bytes from the disk's beginning."""
    length: int
    """Bytes, never past the disk's end."""
    kind_id: str
    """The GPT's kind as a GUID, the MBR's as in ``0x07``; empty without a table."""
    kind: str
    """The same in words."""
    name: str
    """As the GPT has it; an MBR has no names."""
    file_system: str
    """NTFS, FAT, exFAT, ReFS, BitLocker, empty or unknown: what its first sector says, whatever the kind says."""
    is_active: bool = False
    """An MBR's boot mark."""
    partition_id: str = ""
    """Its own GUID in a GPT; empty elsewhere."""


@dataclass(frozen=True)
class Layout:
    style: str
    """``GPT``, ``MBR`` or ``none``."""
    partitions: tuple[Partition, ...]
    warnings: tuple[str, ...]
    disk_id: str
    """The GPT's GUID, or the eight hex digits of an MBR's signature; empty without a table."""

    def as_dict(self) -> dict[str, object]:
        return dataclasses.asdict(self)


def layout(disk: Disk) -> Layout:
    """The partitions of a disk. What is damaged is told in ``warnings``; raises only what reading the disk raises."""
    first = disk.read(0, 512)
    if len(first) < 512:
        return Layout("none", (), ("The disk is smaller than one sector.",), "")
    if file_system_of(first) in {NTFS, BITLOCKER, EXFAT, REFS, FAT} and not _has_protective_entry(first):
        return _undivided(disk)
    try:
        table = mbr.first_table(first)
    except Damaged:
        table = None
    if table is None or table.protects_gpt or not table.entries:
        return _by_gpt(disk, expected=bool(table and table.protects_gpt), no_table=table is None)
    return _by_mbr(disk, table)


def _has_protective_entry(first: bytes) -> bool:
    return first[510:512] == b"\x55\xaa" and first[450] == mbr.PROTECTIVE


def _undivided(disk: Disk) -> Layout:
    whole = Partition(0, 0, disk.size, "", "whole disk", "", file_system_at(disk, 0))
    return Layout("none", (whole,), (), "")


def _by_gpt(disk: Disk, *, expected: bool, no_table: bool) -> Layout:
    found = gpt.read_table(disk)
    warnings = list(found.warnings)
    if not found.is_there:
        if expected:
            return Layout("GPT", (), tuple(warnings), "")
        style = "none" if no_table else "MBR"
        words = "No partition table was found." if no_table else "The partition table (MBR) is empty."
        return Layout(style, (), (words,), "")
    if not expected:
        warnings.append("The disk has a GPT without the protective entry in front of it; the GPT was used.")
    partitions = []
    if len(found.entries) > MOST_PARTITIONS:
        warnings.append(f"The GPT has {len(found.entries)} partitions; the first {MOST_PARTITIONS} were read.")
    for entry in found.entries[:MOST_PARTITIONS]:
        if fitted := _fitted(disk, entry.number, entry.start, entry.length, warnings):
            start, length = fitted
            kind = gpt_kind(entry.kind_id)
            system = _system_at(disk, start, length, kind, warnings)
            own = entry.partition_id
            partitions.append(
                Partition(entry.number, start, length, entry.kind_id, kind, entry.name, system, partition_id=own)
            )
    return Layout("GPT", tuple(partitions), (*warnings, *_words_of_kinds(partitions)), found.disk_id)


def _by_mbr(disk: Disk, table: mbr.Table) -> Layout:
    warnings: list[str] = []
    partitions = []
    for entry in mbr.all_entries(disk, table, warnings):
        if fitted := _fitted(disk, entry.number, entry.start, entry.length, warnings):
            start, length = fitted
            kind = mbr_kind(entry.kind)
            system = _system_at(disk, start, length, kind, warnings)
            partitions.append(
                Partition(entry.number, start, length, f"{entry.kind:#04x}", kind, "", system, entry.is_active)
            )
    return Layout("MBR", tuple(partitions), (*warnings, *_words_of_kinds(partitions)), table.disk_id)


def _fitted(disk: Disk, number: int, start: int, length: int, warnings: list[str]) -> tuple[int, int] | None:
    """Start and length inside of the disk; None, with a warning, for a partition that lies outside of it."""
    if not 0 < start < disk.size or length <= 0:
        warnings.append(f"Partition {number} lies outside of the disk and was left out.")
        return None
    if start + length > disk.size:
        warnings.append(f"Partition {number} reaches past the end of the disk and was read up to it.")
    return start, min(length, disk.size - start)


def _system_at(disk: Disk, start: int, length: int, kind: str, warnings: list[str]) -> str:
    """What begins there; NTFS also where only its copy of the first sector, at the partition's end, is left."""
    system = file_system_at(disk, start)
    if system in {EMPTY, UNKNOWN} and kind == WINDOWS_DATA and backup_of(Window(disk, start, length)) is not None:
        warnings.append(f"The partition at byte {start} has lost its first sector; its copy at the end says NTFS.")
        return NTFS
    return system


def _words_of_kinds(partitions: list[Partition]) -> list[str]:
    words = []
    for partition in partitions:
        if partition.kind.startswith(("dynamic disk", "storage spaces")):
            words.append(f"Partition {partition.number} belongs to a {partition.kind}, whose volumes are not read.")
        elif partition.kind == WINDOWS_DATA and partition.file_system == UNKNOWN:
            words.append(f"Partition {partition.number} has a file system that is not known.")
    return words
