"""The metadata region: sizes, identity and the parent locator."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from builders.inspection.errors import Damaged, Unsupported
from builders.inspection.images.reading import exactly
from builders.inspection.images.vhdx.header import KIB, MIB, MOST_ENTRIES, Region
from builders.inspection.sources import Source

_TABLE_SIZE = 64 * KIB
_LARGEST_ITEM = MIB
_LARGEST_DISK = 64 << 40
_SMALLEST_BLOCK, _LARGEST_BLOCK = MIB, 256 * MIB

_FILE_PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
_VIRTUAL_DISK_SIZE = uuid.UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
_VIRTUAL_DISK_ID = uuid.UUID("BECA12AB-B2E6-4523-93EF-C309E000C746")
_LOGICAL_SECTOR = uuid.UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F")
_PHYSICAL_SECTOR = uuid.UUID("CDA348C7-445D-4471-9CC9-E9885251C556")
_PARENT_LOCATOR = uuid.UUID("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C")
_KNOWN = {
    _FILE_PARAMETERS: "file parameters",
    _VIRTUAL_DISK_SIZE: "virtual disk size",
    _VIRTUAL_DISK_ID: "virtual disk id",
    _LOGICAL_SECTOR: "logical sector size",
    _PHYSICAL_SECTOR: "physical sector size",
    _PARENT_LOCATOR: "parent locator",
}
_VHDX_LOCATOR = uuid.UUID("B04AEFB7-D19E-4A81-B789-25B8E9445913")
_IS_USER, _IS_REQUIRED = 1, 4
_LEAVE_ALLOCATED, _HAS_PARENT = 1, 2
_ENTRY = struct.Struct("<16sIIII")
_PAIR = struct.Struct("<IIHH")


@dataclass(frozen=True)
class Metadata:
    size: int
    block_size: int
    sector: int
    kind: str
    disk_id: str
    locator: dict[str, str]
    """Keys and values of the parent locator; empty without a parent."""


def read_metadata(source: Source, region: Region) -> Metadata:
    """Damaged where a number cannot be; Unsupported for required items of an unknown kind."""
    items = _items(source, region)
    block_size, flags = struct.unpack("<II", _item(source, items, _FILE_PARAMETERS, 8))
    size = int.from_bytes(_item(source, items, _VIRTUAL_DISK_SIZE, 8), "little")
    sector = int.from_bytes(_item(source, items, _LOGICAL_SECTOR, 4), "little")
    if sector not in (512, 4096):
        raise Damaged(f"{source.name}: its logical sector size is given as {sector:,} bytes; 512 and 4096 exist")
    if not _SMALLEST_BLOCK <= block_size <= _LARGEST_BLOCK or block_size & (block_size - 1):
        raise Damaged(f"{source.name}: its block size is given as {block_size:,} bytes; 1 to 256 MiB exist")
    if not 0 < size <= _LARGEST_DISK or size % sector:
        raise Damaged(f"{source.name}: its virtual size is given as {size:,} bytes, which cannot be")
    has_parent = bool(flags & _HAS_PARENT)
    kind = "differencing" if has_parent else "fixed" if flags & _LEAVE_ALLOCATED else "dynamic"
    disk_id = str(uuid.UUID(bytes_le=_item(source, items, _VIRTUAL_DISK_ID, 16))) if _VIRTUAL_DISK_ID in items else ""
    return Metadata(size, block_size, sector, kind, disk_id, _locator(source, items) if has_parent else {})


def _items(source: Source, region: Region) -> dict[uuid.UUID, tuple[int, int]]:
    """Offset in the file and length of each known item."""
    table = exactly(source, region.offset, min(_TABLE_SIZE, region.length), "its metadata table")
    if table[:8] != b"metadata":
        raise Damaged(f"{source.name}: no VHDX metadata table where the region table says, at byte {region.offset:,}")
    count = int.from_bytes(table[10:12], "little")
    if count > MOST_ENTRIES or 32 + count * _ENTRY.size > len(table):
        raise Damaged(f"{source.name}: the VHDX metadata table says it has {count:,} entries")
    items = {}
    for at in range(32, 32 + count * _ENTRY.size, _ENTRY.size):
        raw, offset, length, flags, _ = _ENTRY.unpack_from(table, at)
        name = uuid.UUID(bytes_le=raw)
        if flags & _IS_USER or name not in _KNOWN:
            if flags & _IS_REQUIRED:
                raise Unsupported(f"{source.name} has required VHDX metadata of an unknown kind, {name}")
            continue
        if length > _LARGEST_ITEM or offset + length > region.length:
            raise Damaged(f"{source.name}: the VHDX item {_KNOWN[name]} lies outside of the metadata")
        items[name] = (region.offset + offset, length)
    return items


def _item(source: Source, items: dict[uuid.UUID, tuple[int, int]], name: uuid.UUID, size: int) -> bytes:
    offset, length = items.get(name, (0, 0))
    if length < size:
        raise Damaged(f"{source.name}: the VHDX metadata have no {_KNOWN[name]}")
    return exactly(source, offset, size, f"the {_KNOWN[name]}")


def _locator(source: Source, items: dict[uuid.UUID, tuple[int, int]]) -> dict[str, str]:
    if _PARENT_LOCATOR not in items:
        raise Damaged(f"{source.name} says that it has a parent, but not which: the parent locator is missing")
    offset, length = items[_PARENT_LOCATOR]
    record = exactly(source, offset, length, "the parent locator")
    if length < 20:
        raise Damaged(f"{source.name}: the parent locator is cut off")
    kind = uuid.UUID(bytes_le=record[:16])
    if kind != _VHDX_LOCATOR:
        raise Unsupported(f"{source.name} names its parent in an unknown way, {kind}")
    count = int.from_bytes(record[18:20], "little")
    if 20 + count * _PAIR.size > length:
        raise Damaged(f"{source.name}: the parent locator says it has {count:,} entries")
    pairs = {}
    for at in range(20, 20 + count * _PAIR.size, _PAIR.size):
        key_at, value_at, key_length, value_length = _PAIR.unpack_from(record, at)
        if key_at + key_length > length or value_at + value_length > length:
            raise Damaged(f"{source.name}: an entry of the parent locator lies outside of it")
        pairs[_text(record, key_at, key_length)] = _text(record, value_at, value_length)
    return pairs


def _text(record: bytes, at: int, length: int) -> str:
    return record[at : at + length].decode("utf-16-le", "replace").rstrip("\0")
