"""The file table of a volume ($MFT): single records, whole files of several records, and all records in bulk."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from builders.inspection.errors import Damaged
from builders.inspection.volumes.boot import Geometry
from builders.inspection.volumes.records import (
    DATA,
    IN_USE,
    LIST,
    NUMBER,
    STRIDE,
    Attribute,
    Record,
    Stream,
    mended,
    parsed,
    streams,
)
from builders.inspection.volumes.runs import Extents
from builders.inspection.volumes.window import Window

MOST_RECORDS = 4_000_000
"""Ten times what a large Windows image has; a table that says it is longer is read up to here."""
MOST_OF_ONE_FILE = 4096
"""Records that one file may have."""
MOST_OF_THE_TABLE = 512
"""Records that hold the table's own list of clusters."""
LONGEST_LIST = 1 << 20
AT_ONCE = 1 << 20
"""Bytes read at once when all records are wanted."""
_SIGNATURES = (bytearray(b"FILE"), bytearray(b"BAAD"))
_LISTED = struct.Struct("<IHBBQQ")


class FileTable:
    """``extents`` where the table lies, ``count`` its number of records, ``warnings`` what was found on opening."""

    def __init__(self, volume: Window, geometry: Geometry) -> None:
        self.geometry = geometry
        self.warnings: list[str] = []
        self._volume = volume
        self.extents = self._opened()
        self.count = self.extents.size // geometry.record
        if self.count > MOST_RECORDS:
            self.warnings.append(f"The file table says it has {self.count} records; {MOST_RECORDS} were read.")
            self.count = MOST_RECORDS

    def raw(self, number: int) -> bytes:
        """Bytes of a record as they lie on the disk. Damaged for a number the table does not have."""
        if not 0 <= number < self.count:
            raise Damaged(f"there is no record {number}")
        return self.extents.read(number * self.geometry.record, self.geometry.record)

    def reference(self, number: int) -> int:
        """What folders and files use to name a record: its number and its sequence. Where the record is damaged, as
        if it had never been used again, which is so for the file system's own."""
        try:
            sequence = self.record(number).sequence
        except Damaged:
            sequence = number
        return sequence << 48 | number

    def record(self, number: int) -> Record:
        return parsed(self.raw(number), number, self.geometry.clusters)

    def file(self, number: int) -> tuple[Record, list[Attribute]]:
        """A file's first record and the attributes of all its records. Damaged if one of them is not its own."""
        first = self.record(number)
        return first, list(self._with_others(first))

    def extents_of(self, stream: Stream) -> Extents:
        """The bytes of a stream that lies in clusters of its own."""
        return Extents(self._volume, stream.runs, self.geometry.cluster, stream.size, stream.valid)

    def chunks(self) -> Iterator[tuple[int, bytearray, set[int]]]:
        """All records in bulk: number of the first, the records put right, and which of these (counted from the first)
        are damaged."""
        size = self.geometry.record
        step = max(AT_ONCE // size, 1)
        for first in range(0, self.count, step):
            count = min(step, self.count - first)
            chunk = bytearray(self.extents.read(first * size, count * size))
            yield first, chunk, mended_in_bulk(chunk, size)

    def _opened(self) -> Extents:
        first = self._first_record()
        self.extents = self._extents([each for each in first.of_kind(DATA) if not each.name])
        self.count = self.extents.size // self.geometry.record
        if not any(first.of_kind(LIST)):
            return self.extents
        return self._grown(first)

    def _grown(self, first: Record) -> Extents:
        """A table in so many pieces that other records hold the rest of its list: each is found by those before."""
        found = {each.first: each for each in first.of_kind(DATA) if not each.name}
        for number in self._listed(first, DATA)[:MOST_OF_THE_TABLE]:
            try:
                other = self.record(number)
            except Damaged as problem:
                self.warnings.append(f"A part of the file table was not found ({problem}); files may be missing.")
                break
            if other.base & NUMBER == 0:
                found |= {each.first: each for each in other.of_kind(DATA) if not each.name}
            self.extents = self._extents(_in_a_row(found))
            self.count = self.extents.size // self.geometry.record
        return self.extents

    def _extents(self, attributes: list[Attribute]) -> Extents:
        stream = next(iter(streams(attributes)), None)
        if stream is None or stream.value is not None or not stream.runs:
            raise Damaged("The volume's file table does not say where it lies.")
        size = min(stream.size, stream.valid) if stream.valid else stream.size
        return Extents(self._volume, stream.runs, self.geometry.cluster, size, size)

    def _first_record(self) -> Record:
        """The table's own record, or what the mirror has of it."""
        geometry = self.geometry
        try:
            return parsed(self._volume.read(geometry.table_at, geometry.record), 0, geometry.clusters)
        except Damaged as problem:
            try:
                copy = parsed(self._volume.read(geometry.mirror_at, geometry.record), 0, geometry.clusters)
            except Damaged:
                raise Damaged(f"The volume's file table is damaged ({problem}), and so is its mirror.") from problem
            self.warnings.append(f"The first record of the file table is damaged ({problem}); its mirror was used.")
            return copy

    def _with_others(self, first: Record) -> Iterator[Attribute]:
        yield from first.attributes
        reference = first.sequence << 48 | first.number
        for number in self._listed(first):
            other = self.record(number)
            if not other.flags & IN_USE or other.base != reference:
                raise Damaged(f"record {number} should go on with it and does not")
            yield from other.attributes

    def _listed(self, first: Record, kind: int | None = None) -> list[int]:
        """Numbers of the other records that a file's list of attributes names, each once."""
        attributes = list(first.of_kind(LIST))
        if not attributes:
            return []
        stream = streams(attributes)[0]
        raw = stream.value
        if raw is None:
            size = min(stream.size, LONGEST_LIST)
            raw = Extents(self._volume, stream.runs, self.geometry.cluster, size, stream.valid).read(0, size)
        numbers: dict[int, None] = {}
        at = 0
        while at + _LISTED.size <= len(raw):
            found, length, _, _, _, reference = _LISTED.unpack_from(raw, at)
            if length < _LISTED.size:
                break
            if kind in (None, found) and reference & NUMBER != first.number:
                numbers[reference & NUMBER] = None
            at += length
        if len(numbers) > MOST_OF_ONE_FILE:
            raise Damaged(f"it says that it has {len(numbers)} records")
        return list(numbers)


def _in_a_row(found: dict[int, Attribute]) -> list[Attribute]:
    """Pieces up to the first gap."""
    row: list[Attribute] = []
    cluster = 0
    while (piece := found.get(cluster)) and piece.runs:
        row.append(piece)
        cluster += sum(count for _, count in piece.runs)
    return row


def mended_in_bulk(chunk: bytearray, size: int) -> set[int]:
    """``mended`` for many records at once, in place: bytes at the same place of each record are one strided slice.

    Returns those that claim to be file records and are damaged. Records that differ in how they are built (as in the
    unused tail of a table) are put right one by one.
    """
    count = len(chunk) // size
    parts = size // STRIDE + 1
    heads = [bytes(chunk[at::size]) for at in range(4, 8)]
    at = heads[0][0] | heads[1][0] << 8
    alike = all(column.count(column[0]) == count for column in heads)
    if not alike or heads[2][0] | heads[3][0] << 8 != parts or at + 2 * parts > size:
        return _mended_one_by_one(chunk, size)
    for index in range(1, parts):
        for byte in (0, 1):
            if chunk[at + byte :: size] != chunk[index * STRIDE - 2 + byte :: size]:
                return _mended_one_by_one(chunk, size)
    for index in range(1, parts):
        for byte in (0, 1):
            chunk[index * STRIDE - 2 + byte :: size] = chunk[at + 2 * index + byte :: size]
    return set()


def _mended_one_by_one(chunk: bytearray, size: int) -> set[int]:
    bad = set()
    for index in range(len(chunk) // size):
        start = index * size
        if chunk[start : start + 4] in _SIGNATURES:
            try:
                chunk[start : start + size] = mended(bytes(chunk[start : start + size]))
            except Damaged:
                bad.add(index)
    return bad
