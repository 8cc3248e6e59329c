"""The GUID partition table: two copies, each with checksums of its header and of its entries."""

from __future__ import annotations

import struct
import uuid
import zlib
from dataclasses import dataclass, field

from builders.inspection.errors import Damaged
from builders.inspection.sources import Disk

_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
"""Signature, revision, header bytes, its CRC, reserved, own sector, the other copy's sector, first and last usable
sector, disk id, sector of the entries, number of entries, bytes of one, CRC of all."""
_ENTRY = struct.Struct("<16s16sQQQ72s")
MOST_BYTES_OF_ENTRIES = 1 << 20


@dataclass(frozen=True)
class Entry:
    number: int
    kind_id: str
    start: int
    length: int
    name: str
    partition_id: str


@dataclass(frozen=True)
class Table:
    is_there: bool
    """Whether either copy could be used."""
    disk_id: str = ""
    entries: tuple[Entry, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Copy:
    sector: int
    other: int
    disk_id: str
    entries: tuple[Entry, ...] = field(repr=False)


def read_table(disk: Disk) -> Table:
    """The first copy that is whole: at the disk's beginning, else at its end, by the disk's sector size, else by the
    other one. Each copy that is not whole is a warning."""
    for sector in (disk.sector, 4096 if disk.sector == 512 else 512):
        table = _read_by_sector(disk, sector)
        if table.is_there and sector != disk.sector:
            words = f"The GPT was written for sectors of {sector} bytes; this disk says {disk.sector}."
            return Table(True, table.disk_id, table.entries, (*table.warnings, words))
        if table.is_there:
            return table
    return Table(False, warnings=("Both copies of the partition table (GPT) are damaged; no partition is known.",))


def _read_by_sector(disk: Disk, sector: int) -> Table:
    last = disk.size // sector - 1
    primary, problem = _copy_or_words(disk, sector, 1)
    if primary is None:
        backup, _ = _copy_or_words(disk, sector, last)
        if backup is None:
            return Table(False)
        words = (
            f"The partition table (GPT) at the disk's beginning is damaged ({problem}); its copy at the end was used."
        )
        return Table(True, backup.disk_id, backup.entries, (words,))
    backup, problem = _copy_or_words(disk, sector, primary.other)
    if backup is None:
        words = (
            f"The copy of the partition table (GPT) at the disk's end is damaged ({problem}); the first one was used."
        )
        return Table(True, primary.disk_id, primary.entries, (words,))
    if (backup.disk_id, backup.entries) != (primary.disk_id, primary.entries):
        words = "The two copies of the partition table (GPT) differ; the first one was used."
        return Table(True, primary.disk_id, primary.entries, (words,))
    return Table(True, primary.disk_id, primary.entries)


def _copy_or_words(disk: Disk, sector: int, at: int) -> tuple[_Copy | None, str]:
    try:
        return _read_copy(disk, sector, at), ""
    except Damaged as problem:
        return None, str(problem)


def _read_copy(disk: Disk, sector: int, at: int) -> _Copy:
    if not 0 < at < disk.size // sector:
        raise Damaged(f"sector {at} lies outside of the disk")
    raw = disk.read(at * sector, sector)
    if raw[:8] != b"EFI PART" or len(raw) < _HEADER.size:
        raise Damaged(f"no header in sector {at}")
    fields = _HEADER.unpack_from(raw)
    _, _, size, checksum, _, own, other, _, _, disk_id, first_entry, count, entry_size, entries_checksum = fields
    if not _HEADER.size <= size <= sector or zlib.crc32(raw[:16] + bytes(4) + raw[20:size]) != checksum:
        raise Damaged("its header's checksum does not match")
    if own != at:
        raise Damaged(f"its header says that it lies in sector {own}, not {at}")
    if entry_size < _ENTRY.size or entry_size % 8 or count * entry_size > MOST_BYTES_OF_ENTRIES:
        raise Damaged(f"it says that it has {count} entries of {entry_size} bytes")
    entries = disk.read(first_entry * sector, count * entry_size) if first_entry * sector < disk.size else b""
    if len(entries) != count * entry_size or zlib.crc32(entries) != entries_checksum:
        raise Damaged("its entries' checksum does not match")
    return _Copy(at, other, str(uuid.UUID(bytes_le=disk_id)), tuple(_entries(entries, entry_size, sector)))


def _entries(raw: bytes, entry_size: int, sector: int) -> list[Entry]:
    found = []
    for index in range(len(raw) // entry_size):
        kind, own, first, last, _, name = _ENTRY.unpack_from(raw, index * entry_size)
        if any(kind):
            words = name.decode("utf-16-le", "replace").split("\0", 1)[0]
            kind_id = str(uuid.UUID(bytes_le=kind))
            length, partition_id = (last - first + 1) * sector, str(uuid.UUID(bytes_le=own))
            found.append(Entry(index + 1, kind_id, first * sector, length, words, partition_id))
    return found
