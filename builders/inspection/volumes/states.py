"""One state of a volume for a comparison: single files of it by their record, without a listing of all."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache

from builders.inspection.errors import Damaged
from builders.inspection.volumes.listing import EXTEND, FIRST_OWN, FORBIDDEN, LONGEST_PATH, ROOT, SHORT, FileEntry
from builders.inspection.volumes.ntfs import Volume
from builders.inspection.volumes.records import (
    DATA,
    FOLDER,
    IN_USE,
    NAME,
    NUMBER,
    REPARSE,
    STANDARD,
    Attribute,
    Record,
    Stream,
    seconds,
    streams,
)
from builders.inspection.volumes.stretches import Stretch

BITMAP = 6


class State:
    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self.table = volume.table
        self.damaged: set[int] = set()
        self._prefixes: dict[int, str | None] = {
            self.table.reference(ROOT): "",
            self.table.reference(EXTEND): None,
        }
        self._file = lru_cache(maxsize=4096)(self._read_file)

    def base_of(self, number: int) -> int | None:
        """The first record of the file that a record belongs to; None for one that is not in use."""
        try:
            record = self.table.record(number)
        except Damaged:
            if number < self.table.count and self.table.raw(number)[:4] in (b"FILE", b"BAAD"):
                self.damaged.add(number)
            return None
        if not record.flags & IN_USE:
            return None
        return record.base & NUMBER if record.base else number

    def entries(self, number: int) -> list[FileEntry]:
        """As the listing has them: one for each name; none for the file system's own and for what is damaged."""
        found = self._file(number)
        if found is None or number < FIRST_OWN:
            return []
        record, attributes = found
        standard = next((each.value for each in attributes if each.kind == STANDARD and each.value), b"")
        modified = seconds(int.from_bytes(standard[8:16], "little"))
        is_folder = record.flags & FOLDER != 0
        data = (each.size for each in attributes if each.kind == DATA and not each.name and not each.first)
        size = 0 if is_folder else max(data, default=0)
        entries = []
        for parent, name in _names(attributes):
            prefix = self._prefix(parent)
            if prefix is not None:
                entries.append(FileEntry(prefix + name, size, modified, is_folder, number, record.sequence))
        return entries

    def is_own(self, number: int) -> bool:
        """Whether a record is the file system's own: one of the first, or in $Extend."""
        if number < FIRST_OWN:
            return True
        found = self._file(number)
        return found is not None and any(parent & NUMBER == EXTEND for parent, _ in _names(found[1]))

    def folders_of(self, number: int) -> set[int]:
        """The folders that a file has a name in."""
        found = self._file(number)
        return {parent & NUMBER for parent, _ in _names(found[1])} if found else set()

    def is_folder(self, number: int) -> bool:
        found = self._file(number)
        return found is not None and found[0].flags & FOLDER != 0

    def contents(self, number: int) -> dict[tuple[int, str], Stream]:
        """Streams of a file, and what it stands for if it is a link. Damaged if a part is missing."""
        found = self._file(number)
        if found is None:
            raise Damaged(f"record {number} cannot be read")
        wanted = streams(each for each in found[1] if each.kind in (DATA, REPARSE))
        return {(each.kind, each.name): each for each in wanted}

    def stretches(self, number: int) -> Iterator[Stretch]:
        """Where all attributes of a file lie that have clusters of their own."""
        found = self._file(number)
        cluster = self.volume.geometry.cluster
        for attribute in found[1] if found else ():
            for first, count in attribute.runs:
                if first >= 0:
                    yield first * cluster, (first + count) * cluster

    def in_use(self, stretches: list[Stretch]) -> list[Stretch]:
        """Those of them that the volume's bitmap marks as somebody's; all where the bitmap cannot be read. It is
        believed: a file in clusters that it calls free is one that chkdsk would have to mend first."""
        cluster = self.volume.geometry.cluster
        try:
            bitmap = self.table.extents_of(self.contents(BITMAP)[(DATA, "")])
            found = []
            for start, end in stretches:
                first, last = start // cluster, (end - 1) // cluster
                bits = bitmap.read(first // 8, last // 8 - first // 8 + 1)
                for number in range(first, last + 1):
                    at = number // 8 - first // 8
                    if at >= len(bits) or bits[at] >> number % 8 & 1:
                        found.append((max(start, number * cluster), min(end, (number + 1) * cluster)))
        except (Damaged, KeyError):
            return stretches
        return found

    def _read_file(self, number: int) -> tuple[Record, list[Attribute]] | None:
        try:
            record, attributes = self.table.file(number)
        except Damaged:
            return None
        return (record, attributes) if record.flags & IN_USE and not record.base else None

    def _prefix(self, reference: int) -> str | None:
        """What paths in a folder begin with; None if the folder is not listed or not there."""
        above: list[tuple[int, str]] = []
        length = 0
        while reference not in self._prefixes:
            found = self._file(reference & NUMBER)
            names = list(_names(found[1])) if found and found[0].flags & FOLDER else []
            if found is None or not names or found[0].sequence != reference >> 48 or length > LONGEST_PATH:
                self._prefixes.update((below, None) for below, _ in above)
                return None
            parent, name = names[-1]
            above.append((reference, name))
            length += len(name) + 1
            reference = parent
        prefix = self._prefixes[reference]
        for below, name in reversed(above):
            prefix = None if prefix is None else f"{prefix}{name}\\"
            self._prefixes[below] = prefix
        return prefix


def _names(attributes: list[Attribute]) -> Iterator[tuple[int, str]]:
    """Folder's reference and name; those that DOS sees only where a file has no others."""
    found: dict[bool, list[tuple[int, str]]] = {True: [], False: []}
    for value in (each.value for each in attributes if each.kind == NAME and each.value):
        try:
            parent, letters, namespace = struct.unpack_from("<Q56xBB", value)
        except struct.error:
            continue
        name = value[66 : 66 + 2 * letters].decode("utf-16-le", "replace").translate(FORBIDDEN)
        found[namespace == SHORT].append((parent, name))
    return iter(found[False] or found[True])
