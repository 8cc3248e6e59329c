"""One record of the file table: its attributes, and the streams that attributes of several records make."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from builders.inspection.errors import Damaged
from builders.inspection.volumes.runs import Run, decoded

STANDARD, LIST, NAME, VOLUME_NAME, DATA = 0x10, 0x20, 0x30, 0x60, 0x80
INDEX_ROOT, INDEX, BITMAP, REPARSE = 0x90, 0xA0, 0xB0, 0xC0
IN_USE, FOLDER = 1, 2
COMPRESSED, ENCRYPTED = 0x00FF, 0x4000
STRIDE = 512
"""Every so many bytes of a record end in two that stand for others; the true ones lie in its head."""
NUMBER = (1 << 48) - 1
"""Of a reference to a record: the lower bits are its number, the sixteen above its sequence."""
EPOCH = 116_444_736_000_000_000
LATEST = EPOCH + 253_402_300_799 * 10_000_000

_HEAD = struct.Struct("<4sHHQHHHHIIQ")
_ATTRIBUTE = struct.Struct("<IIBBHHH")
_RESIDENT = struct.Struct("<IH")
_SPREAD = struct.Struct("<QQH6xQQQ")


@dataclass(frozen=True)
class Attribute:
    kind: int
    name: str
    flags: int
    value: bytes | None
    """What it holds where that lies in the record itself; None where it lies in clusters of its own."""
    first: int = 0
    """For those in clusters: number of the stream's cluster that ``runs`` begin with."""
    runs: tuple[Run, ...] = ()
    size: int = 0
    valid: int = 0
    """Bytes that were ever written; what follows up to ``size`` is zeros. Both stand in a stream's first attribute."""


@dataclass(frozen=True)
class Record:
    number: int
    sequence: int
    flags: int
    base: int
    """Reference to the record that this one goes on with; 0 if it is a file's first."""
    attributes: tuple[Attribute, ...] = field(repr=False)

    def of_kind(self, kind: int) -> Iterator[Attribute]:
        return (each for each in self.attributes if each.kind == kind)


def seconds(filetime: int) -> float:
    """Windows' time as seconds since 1970; 0.0 for what lies before it or past the year 9999."""
    return (filetime - EPOCH) / 10_000_000 if EPOCH <= filetime <= LATEST else 0.0


def mended(raw: bytes, signature: bytes = b"FILE") -> bytearray:
    """The record, or index block, with the two last bytes of each stretch put back. Damaged where they do not fit
    together, as after a write that was cut short."""
    record = bytearray(raw)
    at, count = int.from_bytes(raw[4:6], "little"), int.from_bytes(raw[6:8], "little")
    if raw[:4] != signature or count != len(raw) // STRIDE + 1 or at + 2 * count > len(raw):
        raise Damaged(f"it does not begin with {signature.decode()}")
    mark = raw[at : at + 2]
    for index in range(1, count):
        end = index * STRIDE
        if record[end - 2 : end] != mark:
            raise Damaged("it was written in part only")
        record[end - 2 : end] = raw[at + 2 * index : at + 2 * index + 2]
    return record


def parsed(raw: bytes, number: int, clusters: int) -> Record:
    """Everything in one record. ``clusters`` is the volume's number of them. Damaged for whatever does not fit."""
    record = mended(raw)
    head = _HEAD.unpack_from(record)
    sequence, at, flags, used, base = head[4], head[6], head[7], head[8], head[10]
    try:
        attributes = tuple(_attributes(record, at, min(used, len(record)), clusters))
    except (struct.error, IndexError, ValueError) as problem:
        raise Damaged(f"an attribute reaches out of it ({problem})") from problem
    return Record(number, sequence, flags, base, attributes)


def _attributes(record: bytearray, at: int, end: int, clusters: int) -> Iterator[Attribute]:
    while at + 8 <= end:
        kind, length = struct.unpack_from("<II", record, at)
        if kind == 0xFFFFFFFF:
            return
        if length < 24 or at + length > end:
            raise Damaged("an attribute reaches out of it")
        yield _attribute(bytes(record[at : at + length]), clusters)
        at += length


def _attribute(raw: bytes, clusters: int) -> Attribute:
    kind, _, spread, name_length, name_at, flags, _ = _ATTRIBUTE.unpack_from(raw)
    name = raw[name_at : name_at + 2 * name_length].decode("utf-16-le", "replace")
    if not spread:
        size, at = _RESIDENT.unpack_from(raw, 16)
        if at + size > len(raw):
            raise Damaged("an attribute's value reaches out of it")
        return Attribute(kind, name, flags, raw[at : at + size], size=size, valid=size)
    first, _, at, _, size, valid = _SPREAD.unpack_from(raw, 16)
    return Attribute(kind, name, flags, None, first, tuple(decoded(raw[at:], clusters)), size, valid)


@dataclass(frozen=True)
class Stream:
    """Attributes of one kind and name put together in order."""

    kind: int
    name: str
    flags: int
    value: bytes | None
    runs: tuple[Run, ...]
    size: int
    valid: int


def streams(attributes: Iterable[Attribute]) -> list[Stream]:
    """Damaged where a piece in the middle of one is missing."""
    pieces: dict[tuple[int, str], list[Attribute]] = {}
    for attribute in attributes:
        pieces.setdefault((attribute.kind, attribute.name), []).append(attribute)
    return [_joined(sorted(found, key=lambda each: each.first)) for found in pieces.values()]


def _joined(found: list[Attribute]) -> Stream:
    first = found[0]
    runs: list[Run] = []
    cluster = 0
    for piece in found if first.value is None else ():
        if piece.first != cluster:
            raise Damaged("a part of its list of clusters is missing")
        runs.extend(piece.runs)
        cluster += sum(count for _, count in piece.runs)
    return Stream(first.kind, first.name, first.flags, first.value, tuple(runs), first.size, first.valid)
