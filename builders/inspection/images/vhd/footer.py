"""The footer, and the header of dynamic and differencing files."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from builders.inspection.errors import Damaged, Unsupported
from builders.inspection.images.names import plain_names
from builders.inspection.images.reading import exactly
from builders.inspection.sources import Source

SECTOR = 512
COOKIE = b"conectix"
KINDS = {2: "fixed", 3: "dynamic", 4: "differencing"}
_FOOTER = struct.Struct(">8sIIQI4sI4sQQIII16s")
_HEADER = struct.Struct(">8sQQIIII16sI4x512s")
_LOCATOR = struct.Struct(">4sIIIQ")
_HEADER_SIZE = 1024
_LOCATORS_AT, _LOCATORS = 576, 8
_LONGEST_LOCATOR = 4096
_SMALLEST_BLOCK, _LARGEST_BLOCK = 4 << 10, 256 << 20
_OLD_FOOTER = 511  # before Virtual PC 2004


@dataclass(frozen=True)
class Footer:
    kind: str
    size: int
    header_at: int
    unique_id: str
    timestamp: int
    """Seconds since 2000-01-01 UTC."""
    record: bytes
    data_end: int
    """Where the content of a fixed file must end: the footer's own position, or the file's size without one."""
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class DynamicHeader:
    table_at: int
    entries: int
    block_size: int
    parent_id: str
    parent_names: tuple[str, ...]
    record: bytes


def has_footer(source: Source) -> bool:
    """Whether there is one, sound or damaged, in any of its places."""
    return any(record[:8] == COOKIE for _, record in _candidates(source))


def read_footer(source: Source) -> Footer:
    """The footer at the end; where that is damaged, the copy that all but fixed files have at their start."""
    found = [(at, record) for at, record in _candidates(source) if record[:8] == COOKIE]
    for at, record in found:
        if _sum_is_right(record, 64):
            return _footer(source, record, at if at else source.size, at_start=at == 0 and source.size > SECTOR)
    if found:
        raise Damaged(f"{source.name}: the checksum of its VHD footer is wrong: the file is damaged")
    raise Unsupported(f"{source.name} is no VHD: it has no footer at its end, nor a copy of it at its start")


def _candidates(source: Source) -> Iterator[tuple[int, bytes]]:
    """Where a footer may be, and what is there."""
    for at, length in ((source.size - SECTOR, SECTOR), (source.size - _OLD_FOOTER, _OLD_FOOTER), (0, SECTOR)):
        if at >= 0:
            yield at, source.read(at, length).ljust(SECTOR, b"\0")


def _footer(source: Source, record: bytes, data_end: int, *, at_start: bool) -> Footer:
    fields = _FOOTER.unpack_from(record)
    _, _, version, header_at, timestamp, _, _, _, _, size, _, kind, _, unique_id = fields
    if version >> 16 != 1:
        raise Unsupported(f"{source.name} is VHD of version {version >> 16}; version 1 is read")
    if kind not in KINDS:
        raise Unsupported(f"{source.name} is VHD of kind {kind}; fixed, dynamic and differencing are read")
    if not size or size > 64 << 40:
        raise Damaged(f"{source.name}: its virtual size is given as {size:,} bytes, which cannot be")
    warnings = []
    if at_start:
        warnings.append("The footer at its end is missing or damaged; the copy at its start is used")
    if record[84]:
        warnings.append("It says that a virtual machine was saved while using it")
    return Footer(
        KINDS[kind], size, header_at, str(uuid.UUID(bytes=unique_id)), timestamp, record, data_end, tuple(warnings)
    )


def read_dynamic_header(source: Source, footer: Footer) -> DynamicHeader:
    record = exactly(source, footer.header_at, _HEADER_SIZE, "its VHD header")
    cookie, _, table_at, version, entries, block_size, _, parent_id, _, name = _HEADER.unpack_from(record)
    if cookie != b"cxsparse" or not _sum_is_right(record, 36):
        raise Damaged(f"{source.name}: its VHD header is damaged")
    if version >> 16 != 1:
        raise Unsupported(f"{source.name} has a VHD header of version {version >> 16}; version 1 is read")
    if not _SMALLEST_BLOCK <= block_size <= _LARGEST_BLOCK or block_size & (block_size - 1):
        raise Damaged(f"{source.name}: its block size is given as {block_size:,} bytes, which cannot be")
    if entries * block_size < footer.size:
        raise Damaged(
            f"{source.name}: its block allocation table has {entries:,} entries, too few for {footer.size:,} bytes"
        )
    if footer.kind != "differencing":
        return DynamicHeader(table_at, entries, block_size, "", (), record)
    names = plain_names([*_located(source, record), _text(name, "utf-16-be")])
    return DynamicHeader(table_at, entries, block_size, str(uuid.UUID(bytes=parent_id)), names, record)


def _located(source: Source, header: bytes) -> list[str]:
    """Paths of the parent by its locators, relative ones first. One that cannot be read is left out."""
    ranks = {b"W2ru": 0, b"W2ku": 1, b"MacX": 2, b"Wi2r": 3, b"Wi2k": 4}
    found = []
    for number in range(_LOCATORS):
        code, _, length, _, at = _LOCATOR.unpack_from(header, _LOCATORS_AT + number * _LOCATOR.size)
        if code in ranks and 0 < length <= _LONGEST_LOCATOR and at + length <= source.size:
            found.append((ranks[code], number, _path(code, source.read(at, length))))
    return [path for _, _, path in sorted(found)]


def _path(code: bytes, raw: bytes) -> str:
    if code in (b"W2ru", b"W2ku"):
        return _text(raw, "utf-16-le")
    if code == b"MacX":
        return unquote(urlsplit(_text(raw, "utf-8")).path)
    return _text(raw, "cp1252")


def _text(raw: bytes, encoding: str) -> str:
    return raw.decode(encoding, "replace").split("\0", 1)[0]


def _sum_is_right(record: bytes, at: int) -> bool:
    """The checksum: the complement of the sum of all bytes but its own four."""
    given = int.from_bytes(record[at : at + 4], "big")
    return ~(sum(record) - sum(record[at : at + 4])) & 0xFFFFFFFF == given
