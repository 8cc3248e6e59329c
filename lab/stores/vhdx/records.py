"""The fixed records of a VHDX file: header, region table, metadata with parent locator."""

import struct
import uuid
from dataclasses import dataclass

from lab.stores.vhdx.layout import (
    BAT_OFFSET,
    BAT_REGION,
    FILE_PARAMETERS,
    HAS_PARENT,
    HEADER_SIZE,
    IS_REQUIRED,
    IS_VIRTUAL_DISK,
    LOG_OFFSET,
    LOGICAL_SECTOR_SIZE,
    MB,
    METADATA_OFFSET,
    METADATA_REGION,
    METADATA_TABLE_SIZE,
    PARENT_LOCATOR,
    PHYSICAL_SECTOR_SIZE,
    REGION_TABLE_SIZE,
    VHDX_PARENT_LOCATOR_TYPE,
    VIRTUAL_DISK_ID,
    VIRTUAL_DISK_SIZE,
    Geometry,
    with_checksum,
)

_HEADER = struct.Struct("<4sIQ16s16s16sHHIQ")


@dataclass(frozen=True)
class Header:
    """One of the two headers; the valid one with the higher sequence number counts."""

    sequence: int
    file_write_guid: uuid.UUID
    data_write_guid: uuid.UUID

    def pack(self) -> bytes:
        record = _HEADER.pack(
            b"head",
            0,
            self.sequence,
            self.file_write_guid.bytes_le,
            self.data_write_guid.bytes_le,
            bytes(16),  # no log to replay
            0,
            1,
            MB,
            LOG_OFFSET,
        )
        return with_checksum(record.ljust(HEADER_SIZE, b"\0"))

    @classmethod
    def unpack(cls, record: bytes) -> "Header | None":
        signature, _, sequence, file_guid, data_guid, *_ = _HEADER.unpack_from(record)
        if signature != b"head" or with_checksum(record[:4] + bytes(4) + record[8:]) != record:
            return None
        return cls(sequence, uuid.UUID(bytes_le=file_guid), uuid.UUID(bytes_le=data_guid))


@dataclass(frozen=True)
class ParentLocator:
    """How a differencing file names its parent."""

    linkage: uuid.UUID  # the parent's DataWriteGuid
    relative_path: str
    absolute_win32_path: str

    def pack(self) -> bytes:
        pairs = {
            "parent_linkage": f"{{{self.linkage}}}",
            "relative_path": self.relative_path,
            "absolute_win32_path": self.absolute_win32_path,
        }
        offset = 20 + 12 * len(pairs)
        entries = texts = b""
        for key, value in pairs.items():
            key_bytes, value_bytes = key.encode("utf-16-le"), value.encode("utf-16-le")
            start = offset + len(texts)
            entries += struct.pack("<IIHH", start, start + len(key_bytes), len(key_bytes), len(value_bytes))
            texts += key_bytes + value_bytes
        return VHDX_PARENT_LOCATOR_TYPE + struct.pack("<HH", 0, len(pairs)) + entries + texts


def region_table(geometry: Geometry) -> bytes:
    record = struct.pack("<4sIII", b"regi", 0, 2, 0)
    record += struct.pack("<16sQII", BAT_REGION, BAT_OFFSET, geometry.bat_bytes, 1)
    record += struct.pack("<16sQII", METADATA_REGION, METADATA_OFFSET, MB, 1)
    return with_checksum(record.ljust(REGION_TABLE_SIZE, b"\0"))


def metadata(geometry: Geometry, disk_id: uuid.UUID, parent: ParentLocator | None) -> bytes:
    """The metadata table and its items; the rest of the region stays a hole."""
    flags = HAS_PARENT if parent else 0
    of_disk = IS_VIRTUAL_DISK | IS_REQUIRED
    items = [
        (FILE_PARAMETERS, struct.pack("<II", geometry.block_bytes, flags), IS_REQUIRED),
        (VIRTUAL_DISK_SIZE, struct.pack("<Q", geometry.size_bytes), of_disk),
        (LOGICAL_SECTOR_SIZE, struct.pack("<I", geometry.sector_bytes), of_disk),
        (PHYSICAL_SECTOR_SIZE, struct.pack("<I", 4096), of_disk),
        (VIRTUAL_DISK_ID, disk_id.bytes_le, of_disk),
    ]
    if parent:
        items.append((PARENT_LOCATOR, parent.pack(), IS_REQUIRED))
    table = struct.pack("<8sHH20s", b"metadata", 0, len(items), bytes(20))
    body = b""
    for guid, value, item_flags in items:
        table += struct.pack("<16sIIII", guid, METADATA_TABLE_SIZE + len(body), len(value), item_flags, 0)
        body += value
    return table.ljust(METADATA_TABLE_SIZE, b"\0") + body


def read_geometry(record: bytes) -> Geometry:
    """The inverse of `metadata`, for files of our own making."""
    items = _items(record)
    block_bytes, flags = struct.unpack("<II", items[FILE_PARAMETERS])
    return Geometry(
        size_bytes=struct.unpack("<Q", items[VIRTUAL_DISK_SIZE])[0],
        block_bytes=block_bytes,
        sector_bytes=struct.unpack("<I", items[LOGICAL_SECTOR_SIZE])[0],
        differencing=bool(flags & HAS_PARENT),
    )


def read_disk_id(record: bytes) -> uuid.UUID:
    """The identity that all files of one chain share."""
    return uuid.UUID(bytes_le=_items(record)[VIRTUAL_DISK_ID])


def read_parent_name(record: bytes) -> str:
    """The plain file name of the parent, empty when there is none."""
    locator = _items(record).get(PARENT_LOCATOR, b"")
    count = struct.unpack_from("<H", locator, 18)[0] if locator else 0
    for number in range(count):
        key, value, key_length, value_length = struct.unpack_from("<IIHH", locator, 20 + 12 * number)
        if locator[key : key + key_length].decode("utf-16-le") == "relative_path":
            return locator[value : value + value_length].decode("utf-16-le").rpartition("\\")[2]
    return ""


def _items(record: bytes) -> dict[bytes, bytes]:
    count = struct.unpack_from("<H", record, 10)[0]
    items = {}
    for number in range(count):
        guid, offset, length = struct.unpack_from("<16sII", record, 32 + 32 * number)
        items[guid] = record[offset : offset + length]
    return items
