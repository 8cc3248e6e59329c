"""Partition tables: GPT with an EFI system partition, or MBR with one active partition."""

import struct
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

SECTOR = 512
_MB_SECTORS = 2048
_ENTRIES, _ENTRY = 128, 128
_TABLE_SECTORS = _ENTRIES * _ENTRY // SECTOR

_EFI = uuid.UUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
_RESERVED = uuid.UUID("E3C9E316-0B5C-4DB8-817D-F92DF00215AE")
_BASIC = uuid.UUID("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7")
_WINDOWS_NAME = "Basic data partition"

Piece = tuple[int, bytes]  # offset on the disk, whole sectors


class Firmware(StrEnum):
    BIOS = "BIOS"
    UEFI = "UEFI"


@dataclass(frozen=True)
class Partition:
    """In sectors of 512 bytes."""

    start: int
    sectors: int


@dataclass(frozen=True)
class Layout:
    """The partitions of a disk of `size_bytes`; `system` is the EFI system partition, where there is one."""

    size_bytes: int
    firmware: Firmware
    disk_id: uuid.UUID

    @property
    def system(self) -> Partition | None:
        return Partition(_MB_SECTORS, 100 * _MB_SECTORS) if self.firmware is Firmware.UEFI else None

    @property
    def windows(self) -> Partition:
        """To the last whole megabyte that leaves room for the second table."""
        start = (117 if self.firmware is Firmware.UEFI else 1) * _MB_SECTORS
        end = (self.size_bytes // SECTOR - _TABLE_SECTORS - 1) // _MB_SECTORS * _MB_SECTORS
        return Partition(start, end - start)

    @property
    def windows_device(self) -> bytes:
        """What Windows notes of the disk and partition that drive C lies on."""
        if self.firmware is Firmware.UEFI:
            return b"DMIO:ID:" + uuid.uuid5(self.disk_id, _WINDOWS_NAME).bytes_le
        return self.disk_id.bytes[:4] + struct.pack("<Q", self.windows.start * SECTOR)

    def tables(self) -> Iterator[Piece]:
        yield from self._gpt() if self.firmware is Firmware.UEFI else self._mbr()

    def _mbr(self) -> Iterator[Piece]:
        signature = int.from_bytes(self.disk_id.bytes[:4], "little")
        yield 0, _master_record([(0x80, 7, self.windows.start, self.windows.sectors)], signature)

    def _gpt(self) -> Iterator[Piece]:
        last = self.size_bytes // SECTOR - 1
        assert self.system is not None
        reserved = Partition(101 * _MB_SECTORS, 16 * _MB_SECTORS)
        parts = (
            (_EFI, self.system, "EFI system partition", 1 << 63),
            (_RESERVED, reserved, "Microsoft reserved partition", 1 << 63),
            (_BASIC, self.windows, _WINDOWS_NAME, 0),
        )
        table = b"".join(
            kind.bytes_le
            + uuid.uuid5(self.disk_id, name).bytes_le
            + struct.pack("<QQQ", part.start, part.start + part.sectors - 1, flags)
            + name.encode("utf-16-le").ljust(72, b"\0")
            for kind, part, name, flags in parts
        ).ljust(_ENTRIES * _ENTRY, b"\0")
        yield 0, _master_record([(0, 0xEE, 1, min(last, 0xFFFFFFFF))], 0)
        yield SECTOR, self._header(1, last, 2, table)
        yield 2 * SECTOR, table
        yield (last - _TABLE_SECTORS) * SECTOR, table
        yield last * SECTOR, self._header(last, 1, last - _TABLE_SECTORS, table)

    def _header(self, own: int, other: int, table_at: int, table: bytes) -> bytes:
        first = 2 + _TABLE_SECTORS
        last = self.size_bytes // SECTOR - 2 - _TABLE_SECTORS
        fields = struct.pack("<QQQQ16sQIII", own, other, first, last, self.disk_id.bytes_le, table_at, _ENTRIES, _ENTRY,
                             zlib.crc32(table))  # fmt: skip
        start = struct.pack("<8sII", b"EFI PART", 0x10000, 92)
        checksum = zlib.crc32(start + bytes(8) + fields)
        return (start + struct.pack("<II", checksum, 0) + fields).ljust(SECTOR, b"\0")


def _master_record(parts: list[tuple[int, int, int, int]], signature: int) -> bytes:
    """`parts`: flag, type, first sector, sectors."""
    entries = b"".join(
        struct.pack("<B3sB3sII", flag, b"\0\2\0", kind, b"\xfe\xff\xff", start, sectors)
        for flag, kind, start, sectors in parts
    )
    return bytes(440) + struct.pack("<IH", signature, 0) + entries.ljust(64, b"\0") + b"\x55\xaa"
