"""File records and their attributes (NTFS 3.1), little-endian, with the guarded sector ends of the format."""

import struct
from dataclasses import dataclass, field

from lab.stores.hives.writer import filetime

SECTOR = 512
CLUSTER = 4096
RECORD = 1024
ROOT = 5
FIRST_FREE_RECORD = 24

IN_USE, IS_FOLDER, IS_VIEW = 1, 2, 8
HIDDEN_SYSTEM, ARCHIVE, FOLDER_ATTRIBUTE = 0x06, 0x20, 0x10000000
SECURITY_ID = 0x100

_ATTRIBUTES_AT = 0x38
_END = struct.pack("<II", 0xFFFFFFFF, 0)
INDEX_NAME = "$I30"

Extents = list[tuple[int, int]]  # (first cluster, clusters)


@dataclass(frozen=True)
class Times:
    """Unix times of a file or folder."""

    created: float
    modified: float


@dataclass(frozen=True)
class Name:
    """What a folder's index and the record itself say of a file."""

    parent: int  # file reference
    text: str
    times: Times
    size: int
    allocated: int
    attributes: int

    def pack(self) -> bytes:
        created, modified = filetime(self.times.created), filetime(self.times.modified)
        text = self.text.encode("utf-16-le")
        kind = 3 if is_short(self.text) else 0  # a long name alone, as where short names are switched off
        fields = (self.parent, created, modified, modified, modified, self.allocated, self.size, self.attributes, 0)
        return struct.pack("<QQQQQQQIIBB", *fields, len(text) // 2, kind) + text


def is_short(name: str) -> bool:
    """A name that needs no second, short one: eight characters, a dot and three."""
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem, extension = name, ""
    plain = all(character.isalnum() or character in "$_-~" for character in stem + extension)
    return name == "." or (plain and name.isascii() and 0 < len(stem) <= 8 and len(extension) <= 3)


def reference(record: int, sequence: int) -> int:
    return record | sequence << 48


@dataclass
class Record:
    """One record under construction; attributes are added in the order of their types."""

    number: int
    sequence: int = 1
    flags: int = IN_USE
    _parts: list[bytes] = field(default_factory=list)

    def add(self, kind: int, value: bytes, *, name: str = "", is_indexed: bool = False) -> None:
        """A resident attribute: the value stands in the record."""
        text = name.encode("utf-16-le")
        start = _aligned(24 + len(text))
        header = struct.pack("<IIBBHHHIHBB", kind, _aligned(start + len(value)), 0, len(name), 24, 0, len(self._parts),
                             len(value), start, 1 if is_indexed else 0, 0)  # fmt: skip
        self._parts.append(_padded((header + text).ljust(start, b"\0") + value))

    def add_elsewhere(
        self, kind: int, extents: Extents, size: int, *, name: str = "", initialized: int | None = None
    ) -> None:
        """A non-resident attribute: its clusters lie at `extents`; a negative first cluster is a hole."""
        text = name.encode("utf-16-le")
        start = _aligned(64 + len(text))
        runs = pack_runs(extents)
        clusters = sum(count for _, count in extents)
        header = struct.pack("<IIBBHHHQQHHIQQQ", kind, _aligned(start + len(runs)), 1, len(name), 64, 0,
                             len(self._parts), 0, clusters - 1, start, 0, 0, clusters * CLUSTER, size,
                             size if initialized is None else initialized)  # fmt: skip
        self._parts.append(_padded((header + text).ljust(start, b"\0") + runs))

    @property
    def room(self) -> int:
        """Bytes that are left for further attributes."""
        return RECORD - _ATTRIBUTES_AT - sum(map(len, self._parts)) - len(_END)

    def pack(self) -> bytes:
        body = b"".join(self._parts) + _END
        used = _ATTRIBUTES_AT + len(body)
        if used > RECORD:
            raise ValueError(f"record {self.number} takes {used} bytes")
        head = struct.pack("<4sHHQHHHHIIQHHI", b"FILE", 0x30, RECORD // SECTOR + 1, 0, self.sequence,
                           1 if self._parts else 0, _ATTRIBUTES_AT, self.flags, used, RECORD, 0, len(self._parts), 0,
                           self.number)  # fmt: skip
        return guarded((head.ljust(_ATTRIBUTES_AT, b"\0") + body).ljust(RECORD, b"\0"), 0x30)


def standard_information(times: Times, attributes: int) -> bytes:
    created, modified = filetime(times.created), filetime(times.modified)
    own = attributes & ~FOLDER_ATTRIBUTE
    fields = (created, modified, modified, modified, own, 0, 0, 0, 0, SECURITY_ID, 0, 0)
    return struct.pack("<QQQQIIIIIIQQ", *fields)


def guarded(block: bytes, array_at: int) -> bytes:
    """Put a number at the end of each sector and the true bytes into the array, so that torn writes are seen."""
    result = bytearray(block)
    number = b"\x01\x00"
    result[array_at : array_at + 2] = number
    for index in range(len(block) // SECTOR):
        end = (index + 1) * SECTOR - 2
        result[array_at + 2 + 2 * index : array_at + 4 + 2 * index] = block[end : end + 2]
        result[end : end + 2] = number
    return bytes(result)


def unguarded(block: bytes) -> bytes:
    """The inverse of `guarded`, for blocks of our own making."""
    result = bytearray(block)
    (array_at,) = struct.unpack_from("<H", block, 4)
    for index in range(len(block) // SECTOR):
        end = (index + 1) * SECTOR - 2
        result[end : end + 2] = block[array_at + 2 + 2 * index : array_at + 4 + 2 * index]
    return bytes(result)


def pack_runs(extents: Extents) -> bytes:
    """The format's list of runs: lengths, and places relative to the run before."""
    packed, before = b"", 0
    for first, count in extents:
        length = _signed(count)
        place = b"" if first < 0 else _signed(first - before)
        packed += bytes([len(place) << 4 | len(length)]) + length + place
        before = before if first < 0 else first
    return packed + b"\0"


def unpack_runs(packed: bytes) -> Extents:
    extents: Extents = []
    at, before = 0, 0
    while packed[at]:
        lengths, places = packed[at] & 15, packed[at] >> 4
        count = int.from_bytes(packed[at + 1 : at + 1 + lengths], "little", signed=True)
        place = packed[at + 1 + lengths : at + 1 + lengths + places]
        before += int.from_bytes(place, "little", signed=True)
        extents.append((before if places else -1, count))
        at += 1 + lengths + places
    return extents


def _signed(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)


def _aligned(length: int) -> int:
    return (length + 7) & ~7


def _padded(attribute: bytes) -> bytes:
    return attribute.ljust(_aligned(len(attribute)), b"\0")
