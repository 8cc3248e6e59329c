"""The first 320 KiB: signature, two headers of which one counts, two equal region tables."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from builders.inspection.errors import Damaged, Unsupported
from builders.inspection.images.crc32c import record_is_whole
from builders.inspection.sources import Source

KIB, MIB = 1 << 10, 1 << 20
SIGNATURE = b"vhdxfile"
HEADER_OFFSETS = (64 * KIB, 128 * KIB)
HEADER_SIZE = 4 * KIB
REGION_OFFSETS = (192 * KIB, 256 * KIB)
REGION_SIZE = 64 * KIB
MOST_ENTRIES = 2047
BAT = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
METADATA = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E")

_HEADER = struct.Struct("<4sIQ16s16s16sHHIQ")
_REGION = struct.Struct("<16sQII")


@dataclass(frozen=True)
class Header:
    """The current header."""

    sequence: int
    file_id: str
    data_id: str
    log_id: bytes
    """16 bytes; zeros when there is nothing to replay."""
    log_version: int
    log_length: int
    log_offset: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Region:
    offset: int
    length: int


def read_header(source: Source) -> Header:
    """Damaged without a header that counts; Unsupported for a later version of the format."""
    records = [source.read(offset, HEADER_SIZE) for offset in HEADER_OFFSETS]
    whole = [record for record in records if _is_whole(record, b"head", HEADER_SIZE)]
    if not whole:
        raise Damaged(f"{source.name}: both VHDX headers are damaged. Copy the file again from another server")
    record = max(whole, key=_sequence)
    warnings = []
    if len(whole) == 1:
        which = "first" if record is records[1] else "second"
        warnings.append(f"The {which} of the two headers is damaged; the other one is used")
    elif _sequence(whole[0]) == _sequence(whole[1]) and whole[0] != whole[1]:
        raise Damaged(f"{source.name}: the two VHDX headers have one number and differ: which counts cannot be told")
    _, _, sequence, file_id, data_id, log_id, log_version, version, log_length, log_offset = _HEADER.unpack_from(record)
    if version != 1:
        raise Unsupported(f"{source.name} is VHDX of version {version}; version 1 is read")
    return Header(
        sequence,
        str(uuid.UUID(bytes_le=file_id)),
        str(uuid.UUID(bytes_le=data_id)),
        log_id,
        log_version,
        log_length,
        log_offset,
        tuple(warnings),
    )


def read_regions(source: Source) -> tuple[Region, Region, tuple[str, ...]]:
    """The block allocation table's region, the metadata's, and what was found wrong with the first copy."""
    problem = ""
    for number, offset in enumerate(REGION_OFFSETS):
        record = source.read(offset, REGION_SIZE)
        if not _is_whole(record, b"regi", REGION_SIZE):
            problem = "is damaged"
            continue
        regions = _regions(source, record)
        if BAT in regions and METADATA in regions:
            warnings = ("The first of the two region tables is damaged; the other one is used",) if number else ()
            return regions[BAT], regions[METADATA], warnings
        problem = "lacks the block allocation table or the metadata"
    raise Damaged(f"{source.name}: the VHDX region table {problem}, in both its copies")


def _regions(source: Source, record: bytes) -> dict[uuid.UUID, Region]:
    count = int.from_bytes(record[8:12], "little")
    if count > MOST_ENTRIES:
        raise Damaged(
            f"{source.name}: the VHDX region table says it has {count:,} entries; {MOST_ENTRIES} are the most"
        )
    regions = {}
    for at in range(16, 16 + _REGION.size * count, _REGION.size):
        raw, offset, length, required = _REGION.unpack_from(record, at)
        name = uuid.UUID(bytes_le=raw)
        if name not in (BAT, METADATA):
            if required & 1:
                raise Unsupported(f"{source.name} has a required VHDX region of an unknown kind, {name}")
            continue
        if offset < MIB or offset % MIB or name in regions:
            raise Damaged(f"{source.name}: VHDX region {name} lies at byte {offset:,}, or is there twice")
        regions[name] = Region(offset, length)
    return regions


def _is_whole(record: bytes, signature: bytes, size: int) -> bool:
    return len(record) == size and record[:4] == signature and record_is_whole(record)


def _sequence(record: bytes) -> int:
    return int.from_bytes(record[8:16], "little")
