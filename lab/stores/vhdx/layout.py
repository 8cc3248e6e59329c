"""Numbers and records of the VHDX format ([MS-VHDX], "Virtual Hard Disk v2 File Format").

All multi-byte numbers are little-endian; every region and block starts on a megabyte.
"""

import struct
import uuid
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

KB = 1 << 10
MB = 1 << 20

FILE_IDENTIFIER = b"vhdxfile"
HEADER_OFFSETS = (64 * KB, 128 * KB)
HEADER_SIZE = 4 * KB
REGION_TABLE_OFFSETS = (192 * KB, 256 * KB)
REGION_TABLE_SIZE = 64 * KB
LOG_OFFSET = 1 * MB
METADATA_OFFSET = 2 * MB
METADATA_TABLE_SIZE = 64 * KB
BAT_OFFSET = 3 * MB
BITS_IN_BITMAP_BLOCK = 8 * MB


def _guid(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


BAT_REGION = _guid("2DC27766-F623-4200-9D64-115E9BFD4A08")
METADATA_REGION = _guid("8B7CA206-4790-4B9A-B8FE-575F050F886E")
FILE_PARAMETERS = _guid("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
VIRTUAL_DISK_SIZE = _guid("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
VIRTUAL_DISK_ID = _guid("BECA12AB-B2E6-4523-93EF-C309E000C746")
LOGICAL_SECTOR_SIZE = _guid("8141BF1D-A96F-4709-BA47-F233A8FAAB5F")
PHYSICAL_SECTOR_SIZE = _guid("CDA348C7-445D-4471-9CC9-E9885251C556")
PARENT_LOCATOR = _guid("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C")
VHDX_PARENT_LOCATOR_TYPE = _guid("B04AEFB7-D19E-4A81-B789-25B8E9445913")

HAS_PARENT = 2  # bit of the file parameters
IS_VIRTUAL_DISK, IS_REQUIRED = 2, 4  # bits of a metadata table entry


class BlockState(IntEnum):
    """State of a payload block in the block allocation table."""

    NOT_PRESENT = 0  # base: zeros; differencing: the parent's data
    UNDEFINED = 1
    ZERO = 2
    UNMAPPED = 3
    FULLY_PRESENT = 6
    PARTIALLY_PRESENT = 7  # the sector bitmap says which sectors are here


BITMAP_PRESENT = 6


@dataclass(frozen=True)
class Geometry:
    """Sizes of one virtual disk; a differencing file has one sector bitmap for every chunk of blocks."""

    size_bytes: int
    block_bytes: int = 32 * MB
    sector_bytes: int = 512
    differencing: bool = False

    @property
    def blocks(self) -> int:
        return -(-self.size_bytes // self.block_bytes)

    @property
    def chunk_ratio(self) -> int:
        """Payload blocks that share one sector bitmap block."""
        return BITS_IN_BITMAP_BLOCK * self.sector_bytes // self.block_bytes

    @property
    def chunks(self) -> int:
        return -(-self.blocks // self.chunk_ratio)

    @property
    def bat_entries(self) -> int:
        if self.differencing:
            return self.chunks * (self.chunk_ratio + 1)
        return self.blocks + (self.blocks - 1) // self.chunk_ratio

    @property
    def bat_bytes(self) -> int:
        """The table's region, rounded up to whole megabytes."""
        return -(-self.bat_entries * 8 // MB) * MB

    @property
    def sectors_per_block(self) -> int:
        return self.block_bytes // self.sector_bytes

    def payload_entry(self, block: int) -> int:
        return block + block // self.chunk_ratio

    def bitmap_entry(self, chunk: int) -> int:
        return chunk * (self.chunk_ratio + 1) + self.chunk_ratio


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli). The records of the format end in long runs of zeros, which are taken in one step."""
    content = data.rstrip(b"\0")
    crc = 0xFFFFFFFF
    for byte in content:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return _applied(_zeros(len(data) - len(content)), crc) ^ 0xFFFFFFFF


# A zero byte changes the register linearly over GF(2): 32 columns say what becomes of each bit, and columns multiply.
_Columns = tuple[int, ...]


def _applied(columns: _Columns, register: int) -> int:
    result = 0
    for bit, column in enumerate(columns):
        if register >> bit & 1:
            result ^= column
    return result


@lru_cache(maxsize=256)
def _zeros(count: int) -> _Columns:
    """The step for `count` zero bytes, by squaring."""
    if count == 0:
        return tuple(1 << bit for bit in range(32))
    if count == 1:
        return tuple((1 << bit) >> 8 ^ _CRC_TABLE[1 << bit & 0xFF] for bit in range(32))
    half = _zeros(count // 2)
    whole = tuple(_applied(half, column) for column in half)
    return tuple(_applied(_zeros(1), column) for column in whole) if count % 2 else whole


def with_checksum(record: bytes) -> bytes:
    """The record with its CRC-32C at offset 4, where the zeros stood while it was computed."""
    return record[:4] + struct.pack("<I", crc32c(record)) + record[8:]
