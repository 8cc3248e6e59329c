"""The log of a VHDX file that was not closed in order: found as the format says, and applied in memory alone."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from builders.inspection.errors import Damaged, Unsupported
from builders.inspection.images.crc32c import record_is_whole
from builders.inspection.images.reading import exactly
from builders.inspection.images.vhdx.header import MIB, Header
from builders.inspection.images.vhdx.patched import Patches
from builders.inspection.sources import Source

SECTOR = 4096
_LARGEST_LOG = 64 * MIB
_LARGEST_FILE = 1 << 47
_ENTRY = struct.Struct("<4sIIIQII16sQQ")
_DESCRIPTOR = struct.Struct("<4s4s8sQQ")


@dataclass(frozen=True)
class _Entry:
    at: int
    """Where it begins in the log; it may run over the log's end to its beginning."""
    length: int
    tail: int
    sequence: int
    flushed_size: int
    last_size: int
    descriptors: tuple[tuple[bytes, bytes, bytes, int], ...]
    """Signature, the last 4 bytes, the first 8 (or the length of zeros), position in the file."""
    data: bytes
    """One sector for each descriptor that is not of zeros, in order."""


def replay(source: Source, header: Header) -> Patches | None:
    """What the log still has to write, or None when the file was closed in order.

    Damaged when there is a log and no whole sequence in it, or the file is shorter than the log saw it: then nobody
    can tell what the tables should be.
    """
    if not any(header.log_id):
        return None
    if header.log_version != 0:
        raise Unsupported(f"{source.name} has a VHDX log of version {header.log_version}; version 0 is read")
    if header.log_length > _LARGEST_LOG:
        raise Unsupported(
            f"{source.name} has a VHDX log of {header.log_length:,} bytes; up to {_LARGEST_LOG:,} are read"
        )
    if header.log_length % MIB or header.log_offset % MIB or header.log_offset < MIB:
        raise Damaged(f"{source.name}: its VHDX log is said to lie where none can, at byte {header.log_offset:,}")
    log = _Log(source, header)
    active = log.active()
    if not active:
        raise Damaged(
            f"{source.name} was not closed in order, and its VHDX log holds no whole sequence to put it right. "
            "Let the system that wrote it open and close it, then read it again"
        )
    if active[-1].flushed_size > source.size:
        raise Damaged(
            f"{source.name} is {source.size:,} bytes long; its log saw {active[-1].flushed_size:,}: the file is cut off"
        )
    return _applied(source, active)


def _applied(source: Source, entries: list[_Entry]) -> Patches:
    patches = Patches()
    for entry in entries:
        sectors = (entry.data[at : at + SECTOR] for at in range(0, len(entry.data), SECTOR))
        for signature, trailing, leading, position in entry.descriptors:
            length = int.from_bytes(leading, "little") if signature == b"zero" else SECTOR
            if position + length > _LARGEST_FILE:
                raise Damaged(f"{source.name}: its VHDX log writes at byte {position:,}, where no file reaches")
            if signature == b"zero":
                patches.zero(position, length)
            else:
                patches.write(position, leading + next(sectors)[8:-4] + trailing)
    patches.extend(min(entries[-1].last_size, _LARGEST_FILE))
    patches.settle()
    return patches


class _Log:
    def __init__(self, source: Source, header: Header) -> None:
        self._ring = exactly(source, header.log_offset, header.log_length, "its log")
        self._id = header.log_id
        self._entries: dict[int, _Entry | None] = {}
        self._to_check = 4 * len(self._ring)

    def active(self) -> list[_Entry]:
        """The newest whole sequence, from the entry its last one names as tail; empty when there is none."""
        best: list[_Entry] = []
        tail = 0
        while tail < len(self._ring):
            sequence = list(self._sequence(tail))
            head = sequence[-1] if sequence else None
            begin = next((i for i, entry in enumerate(sequence) if head and entry.at == head.tail), None)
            if head is None or begin is None:
                tail += SECTOR
                continue
            if not best or head.sequence > best[-1].sequence:
                best = sequence[begin:]
            tail = tail + sum(entry.length for entry in sequence)
        return best

    def _sequence(self, at: int) -> Iterator[_Entry]:
        """Entries that follow one another in the ring, each numbered one more than the one before."""
        number, room = None, len(self._ring)
        while True:
            entry = self._entry(at)
            if entry is None or (number is not None and entry.sequence != number + 1) or entry.length > room:
                return
            yield entry
            number, room, at = entry.sequence, room - entry.length, (at + entry.length) % len(self._ring)

    def _entry(self, at: int) -> _Entry | None:
        if at not in self._entries:
            self._entries[at] = self._read(at)
        return self._entries[at]

    def _read(self, at: int) -> _Entry | None:
        fields = _ENTRY.unpack_from(self._ring, at)
        signature, _, length, tail, sequence, count, _, log_id, flushed, last = fields
        if signature != b"loge" or log_id != self._id or not sequence or tail % SECTOR:
            return None
        begin = -(-(_ENTRY.size + count * _DESCRIPTOR.size) // SECTOR) * SECTOR
        if length % SECTOR or not begin <= length <= len(self._ring):
            return None
        record = self._ring[at : at + length] + self._ring[: max(0, at + length - len(self._ring))]
        data = record[begin:]
        found = list(_DESCRIPTOR.iter_unpack(record[_ENTRY.size : _ENTRY.size + count * _DESCRIPTOR.size]))
        if not _descriptors_fit(found, sequence) or not _data_fit(found, data, sequence):
            return None
        # A made-up log can have an entry in every sector, each as long as the log: that much is not computed.
        self._to_check -= length
        if self._to_check < 0 or not record_is_whole(record):
            return None
        return _Entry(at, length, tail, sequence, flushed, last, tuple(item[:4] for item in found), data)


def _descriptors_fit(found: list[tuple[bytes, bytes, bytes, int, int]], sequence: int) -> bool:
    return all(
        number == sequence
        and not position % SECTOR
        and (signature == b"desc" or (signature == b"zero" and not int.from_bytes(leading, "little") % SECTOR))
        for signature, _, leading, position, number in found
    )


def _data_fit(found: list[tuple[bytes, bytes, bytes, int, int]], data: bytes, sequence: int) -> bool:
    count = sum(item[0] == b"desc" for item in found)
    high, low = (sequence >> 32).to_bytes(4, "little"), (sequence & 0xFFFFFFFF).to_bytes(4, "little")
    return len(data) >= count * SECTOR and all(
        data[at : at + 8] == b"data" + high and data[at + SECTOR - 4 : at + SECTOR] == low
        for at in range(0, count * SECTOR, SECTOR)
    )
