"""What a volume of our own making holds: names, places, contents. Not a reader for any other volume."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.stores.hives.writer import filetime
from lab.stores.ntfs.records import (
    CLUSTER,
    FIRST_FREE_RECORD,
    IN_USE,
    RECORD,
    ROOT,
    Extents,
    guarded,
    unguarded,
    unpack_runs,
)

Read = Callable[[int, int], bytes]  # offset in the volume, length


@dataclass
class Found:
    """One file or folder: its record, the clusters that it has, or the content that stands in the record."""

    record: int
    sequence: int
    size: int = 0
    extents: Extents = field(default_factory=list)
    content: bytes | None = None


@dataclass
class Existing:
    """All files and folders by path ("" is the root), and the sequence numbers that free records go on with."""

    found: dict[str, Found]
    freed: dict[int, int]


def existing(read: Read) -> Existing:
    records, freed = _records(read)
    names = {number: (parent, text) for number, (parent, text, _) in records.items()}
    found: dict[str, Found] = {}
    for number, (_, _, one) in records.items():
        found[_path(names, number)] = one
    return Existing(found, freed)


def find(read: Read, name: str) -> tuple[int, Found]:
    """(offset of the record, file) of the first file of that plain name, without a look at all the others."""
    place, table = _table(read)
    wanted, at = name.encode("utf-16-le"), 0
    while (at := table.find(wanted, at)) >= 0:
        start = at // RECORD * RECORD
        _, text, found = _record(unguarded(table[start : start + RECORD]), Found(start // RECORD, 1))
        if text == name:  # and not the folder that lists it
            return place + start, found
        at = start + RECORD
    raise LookupError(name)


def with_time(record: bytes, at: float) -> bytes:
    """The record with another time of the last change of its content."""
    block = bytearray(unguarded(record))
    (first,) = struct.unpack_from("<H", block, 0x14)
    struct.pack_into("<Q", block, first + 24 + 8, filetime(at))
    return guarded(bytes(block), 0x30)


def content(read: Read, file: Found) -> bytes:
    if file.content is not None:
        return file.content
    pieces = [read(first * CLUSTER, count * CLUSTER) for first, count in file.extents]
    return b"".join(pieces)[: file.size]


def _records(read: Read) -> tuple[dict[int, tuple[int, str, Found]], dict[int, int]]:
    _, table = _table(read)
    records: dict[int, tuple[int, str, Found]] = {}
    freed: dict[int, int] = {}
    for number in [ROOT, *range(FIRST_FREE_RECORD, len(table) // RECORD)]:
        block = unguarded(table[number * RECORD : (number + 1) * RECORD])
        sequence, flags = struct.unpack_from("<H4xH", block, 0x10)
        if flags & IN_USE:
            records[number] = _record(block, Found(number, sequence))
        else:
            freed[number] = sequence
    return records, freed


def _table(read: Read) -> tuple[int, bytes]:
    """(offset in the volume, bytes) of the file table, which lies in one piece."""
    (first,) = struct.unpack_from("<Q", read(0, 512), 0x30)
    mft = _attributes(unguarded(read(first * CLUSTER, RECORD)))
    size = next(one.size for kind, _, one in mft if kind == 0x80)
    return first * CLUSTER, read(first * CLUSTER, size)


def _record(block: bytes, found: Found) -> tuple[int, str, Found]:
    parent, text = 0, ""
    for kind, value, one in _attributes(block):
        if kind == 0x30:
            parent = int.from_bytes(value[:6], "little")
            text = value[66 : 66 + 2 * value[64]].decode("utf-16-le")
        elif kind in {0x80, 0xA0}:
            found.size, found.extents, found.content = one.size, one.extents, one.content
    return parent, text, found


def _attributes(block: bytes) -> list[tuple[int, bytes, Found]]:
    """(type, value if it is resident, where it lies)."""
    (at,) = struct.unpack_from("<H", block, 0x14)
    attributes: list[tuple[int, bytes, Found]] = []
    while True:
        kind, length, is_elsewhere = struct.unpack_from("<IIB", block, at)
        if kind == 0xFFFFFFFF:
            return attributes
        if is_elsewhere:
            runs, size = struct.unpack_from("<H14xQ", block, at + 0x20)
            attributes.append((kind, b"", Found(0, 0, size, unpack_runs(block[at + runs : at + length]))))
        else:
            size, start = struct.unpack_from("<IH", block, at + 0x10)
            value = block[at + start : at + start + size]
            attributes.append((kind, value, Found(0, 0, size, [], value)))
        at += length


def _path(names: dict[int, tuple[int, str]], number: int) -> str:
    parts = []
    while number != ROOT:
        number, text = names[number]
        parts.append(text)
    return "\\".join(reversed(parts))
