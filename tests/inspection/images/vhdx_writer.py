"""Writes VHDX files by the letter of [MS-VHDX], for the tests alone; shares no line with what it tests."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable
from functools import lru_cache
from random import Random

from tests.inspection.images.sparse import Sparse

MB = 1 << 20
NOT_PRESENT, UNDEFINED, ZERO, UNMAPPED, FULL, PARTIAL = 0, 1, 2, 3, 6, 7


def _crc_table() -> list[int]:
    table = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _crc_table()


@lru_cache(maxsize=256)
def crc32c(record: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in record:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def signed(record: bytes) -> bytes:
    """The record with its checksum in bytes 4 to 7."""
    return record[:4] + struct.pack("<I", crc32c(record[:4] + bytes(4) + record[8:])) + record[8:]


def guid(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


BAT = guid("2dc27766-f623-4200-9d64-115e9bfd4a08")
METADATA = guid("8b7ca206-4790-4b9a-b8fe-575f050f886e")
FILE_PARAMETERS = guid("caa16737-fa36-4d43-b3b6-33f0aa44e76b")
DISK_SIZE = guid("2fa54224-cd1b-4876-b211-5dbed83bf4b8")
DISK_ID = guid("beca12ab-b2e6-4523-93ef-c309e000c746")
LOGICAL = guid("8141bf1d-a96f-4709-ba47-f233a8faab5f")
PHYSICAL = guid("cda348c7-445d-4471-9cc9-e9885251c556")
LOCATOR = guid("a8d35f2d-b30b-454d-abf7-d3d84834ab0c")
LOCATOR_TYPE = guid("b04aefb7-d19e-4a81-b789-25b8e9445913")


class VhdxFile:
    """Blocks are put in by state; ``finish`` writes tables and headers. ``parent``: the locator's keys and values."""

    def __init__(
        self,
        name: str,
        size: int,
        *,
        block: int = MB,
        sector: int = 512,
        parent: dict[str, str] | None = None,
        fixed: bool = False,
        random: Random | None = None,
        disk_id: uuid.UUID | None = None,
    ) -> None:
        self.random = random or Random(1)
        self.name, self.size, self.block, self.sector, self.parent, self.fixed = (
            name,
            size,
            block,
            sector,
            parent,
            fixed,
        )
        self.data_id, self.file_id = self._id(), self._id()
        self.disk_id = disk_id or self._id()
        self.sequence, self.log_id = 7, uuid.UUID(int=0)
        self.ratio = (1 << 23) * sector // block
        self.blocks = -(-size // block)
        self.chunks = -(-self.blocks // self.ratio)
        self.entries = self.chunks * (self.ratio + 1) if parent else self.blocks + (self.blocks - 1) // self.ratio
        self.bat = {}
        self.bitmaps: dict[int, int] = {}  # chunk -> position
        self.file = Sparse(0, name)
        bat_length = -(-self.entries * 8 // MB) * MB
        places = [("log", MB), ("metadata", MB), ("bat", bat_length)]
        self.random.shuffle(places)
        self.at, position = {}, MB
        for what, length in places:
            self.at[what] = position
            position += length
        self.bat_length, self.free = bat_length, position
        self.extra_regions: list[tuple[bytes, int, int, int]] = []
        self.extra_items: list[tuple[bytes, bytes, int]] = []

    def _id(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def allocate(self, length: int) -> int:
        at = self.free + MB * self.random.randrange(2)
        self.free = at + length
        return at

    def entry_of(self, block: int) -> int:
        return block // self.ratio * (self.ratio + 1) + block % self.ratio

    def set_state(self, block: int, state: int, position: int = 0) -> None:
        self.bat[self.entry_of(block)] = position | state

    def full(self, block: int, patches: Iterable[tuple[int, bytes]]) -> int:
        at = self.allocate(self.block)
        for inside, content in patches:
            self.file.write(at + inside, content)
        self.set_state(block, FULL, at)
        return at

    def partial(self, block: int, patches: Iterable[tuple[int, bytes]], bits: int) -> int:
        """Bit n of ``bits``: sector n of the block is here."""
        at = self.full(block, patches)
        self.set_state(block, PARTIAL, at)
        self.set_bits(block, bits)
        return at

    def set_bits(self, block: int, bits: int) -> None:
        """In the sector bitmap of the block's chunk, whatever state the block is in."""
        chunk, within = divmod(block, self.ratio)
        if chunk not in self.bitmaps:
            at = self.bitmaps[chunk] = self.allocate(MB)
            self.bat[chunk * (self.ratio + 1) + self.ratio] = at | 6
        count = self.block // self.sector // 8
        self.file.write(self.bitmaps[chunk] + within * count, bits.to_bytes(count, "little"))

    def finish(self) -> Sparse:
        file = self.file
        file.size = max(file.size, self.free)
        file.write(0, b"vhdxfile" + "a writer of tests".encode("utf-16-le"))
        self.write_header(64 << 10, self.sequence - 1)
        self.write_header(128 << 10, self.sequence)
        for at in (192 << 10, 256 << 10):
            file.write(at, self.region_table())
        file.write(self.at["metadata"], self.metadata())
        for index, entry in self.bat.items():
            file.write(self.at["bat"] + 8 * index, struct.pack("<Q", entry))
        return file

    def write_header(self, at: int, sequence: int) -> None:
        record = struct.pack(
            "<4sIQ16s16s16sHHIQ",
            b"head",
            0,
            sequence,
            self.file_id.bytes_le,
            self.data_id.bytes_le,
            self.log_id.bytes_le,
            0,
            1,
            MB,
            self.at["log"],
        )
        self.file.write(at, signed(record.ljust(4096, b"\0")))

    def region_table(self) -> bytes:
        regions = [
            (BAT, self.at["bat"], self.bat_length, 1),
            (METADATA, self.at["metadata"], MB, 1),
            *self.extra_regions,
        ]
        record = struct.pack("<4sIII", b"regi", 0, len(regions), 0)
        record += b"".join(struct.pack("<16sQII", *region) for region in regions)
        return signed(record.ljust(65536, b"\0"))

    def metadata(self) -> bytes:
        flags = 2 if self.parent else int(self.fixed)
        items = [
            (FILE_PARAMETERS, struct.pack("<II", self.block, flags), 4),
            (DISK_SIZE, struct.pack("<Q", self.size), 6),
            (LOGICAL, struct.pack("<I", self.sector), 6),
            (PHYSICAL, struct.pack("<I", 4096), 6),
            (DISK_ID, self.disk_id.bytes_le, 6),
            *self.extra_items,
        ]
        if self.parent:
            items.append((LOCATOR, locator(self.parent), 4))
        self.random.shuffle(items)
        table, body = struct.pack("<8sHH20s", b"metadata", 0, len(items), bytes(20)), b""
        for name, value, item_flags in items:
            table += struct.pack("<16sIIII", name, 65536 + len(body), len(value), item_flags, 0)
            body += value
        return table.ljust(65536, b"\0") + body


def locator(pairs: dict[str, str], kind: bytes = LOCATOR_TYPE) -> bytes:
    entries, texts, at = b"", b"", 20 + 12 * len(pairs)
    for key, value in pairs.items():
        raw = [key.encode("utf-16-le"), value.encode("utf-16-le")]
        entries += struct.pack("<IIHH", at, at + len(raw[0]), len(raw[0]), len(raw[1]))
        texts += raw[0] + raw[1]
        at += len(raw[0]) + len(raw[1])
    return kind + struct.pack("<HH", 0, len(pairs)) + entries + texts


def names_of(parent: VhdxFile) -> dict[str, str]:
    """A locator as Hyper-V writes it."""
    return {
        "parent_linkage": f"{{{parent.data_id}}}",
        "relative_path": f".\\{parent.name}",
        "absolute_win32_path": f"D:\\store\\{parent.name}",
    }


def log_entry(
    sequence: int,
    log_id: uuid.UUID,
    tail: int,
    writes: list[tuple[int, bytes | int]],
    *,
    flushed: int,
    last: int,
) -> bytes:
    """``writes``: position, and a page of 4096 bytes or how many bytes become zero."""
    descriptors, sectors = b"", b""
    for position, what in writes:
        if isinstance(what, int):
            descriptors += struct.pack("<4sIQQQ", b"zero", 0, what, position, sequence)
            continue
        descriptors += struct.pack("<4s4s8sQQ", b"desc", what[-4:], what[:8], position, sequence)
        sectors += struct.pack("<4sI", b"data", sequence >> 32) + what[8:-4] + struct.pack("<I", sequence & 0xFFFFFFFF)
    head_length = -(-(64 + len(descriptors)) // 4096) * 4096
    record = struct.pack(
        "<4sIIIQII16sQQ",
        b"loge",
        0,
        head_length + len(sectors),
        tail,
        sequence,
        len(writes),
        0,
        log_id.bytes_le,
        flushed,
        last,
    )
    return signed((record + descriptors).ljust(head_length, b"\0") + sectors)
