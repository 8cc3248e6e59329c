"""The master boot record's table and the chain of extended ones behind it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from builders.inspection.errors import Damaged
from builders.inspection.sources import Disk

_ENTRY = struct.Struct("<B3sB3sII")
PROTECTIVE = 0xEE
EXTENDED = frozenset({0x05, 0x0F, 0x85})
MOST_EXTENDED = 128
"""More partitions than any system made; a longer chain is damaged."""


@dataclass(frozen=True)
class _Raw:
    number: int
    kind: int
    first: int
    """Sector, counted from the table that names it."""
    sectors: int
    is_active: bool


@dataclass(frozen=True)
class Entry:
    number: int
    kind: int
    start: int
    length: int
    is_active: bool


@dataclass(frozen=True)
class Table:
    disk_id: str
    entries: tuple[_Raw, ...]

    @property
    def protects_gpt(self) -> bool:
        return any(entry.kind == PROTECTIVE for entry in self.entries)


def first_table(sector: bytes) -> Table:
    """The table in a disk's first 512 bytes. Damaged where there is none."""
    return Table(sector[440:444][::-1].hex(), tuple(_raw_entries(sector)))


def all_entries(disk: Disk, table: Table, warnings: list[str]) -> list[Entry]:
    """Primary partitions, then those inside the extended one, numbered from 5 as Windows and Linux do."""
    found: list[Entry] = []
    for raw in table.entries:
        if raw.kind in EXTENDED:
            found.extend(_logical(disk, raw.first, warnings))
        else:
            start, length = raw.first * disk.sector, raw.sectors * disk.sector
            found.append(Entry(raw.number, raw.kind, start, length, raw.is_active))
    return sorted(found, key=lambda entry: entry.number)


def _raw_entries(sector: bytes) -> Iterator[_Raw]:
    if len(sector) < 512 or sector[510:512] != b"\x55\xaa":
        raise Damaged("no table")
    for index in range(4):
        mark, _, kind, _, first, sectors = _ENTRY.unpack_from(sector, 446 + 16 * index)
        if kind and mark not in (0, 0x80):
            raise Damaged("not a table")
        if kind:
            yield _Raw(index + 1, kind, first, sectors, mark == 0x80)


def _logical(disk: Disk, extended: int, warnings: list[str]) -> Iterator[Entry]:
    """Each table of the chain holds one partition, counted from itself, and the next table, counted from the extended
    partition's beginning."""
    at, seen, number = extended, {0}, 5
    while at not in seen and len(seen) <= MOST_EXTENDED and at * disk.sector < disk.size:
        seen.add(at)
        try:
            entries = list(_raw_entries(disk.read(at * disk.sector, 512)))
        except Damaged:
            break
        for raw in (each for each in entries if each.kind not in EXTENDED):
            yield Entry(number, raw.kind, (at + raw.first) * disk.sector, raw.sectors * disk.sector, raw.is_active)
            number += 1
        following = next((each for each in entries if each.kind in EXTENDED), None)
        if following is None:
            return
        at = extended + following.first
    warnings.append("The chain of extended partitions is damaged; those before the damage were read.")
