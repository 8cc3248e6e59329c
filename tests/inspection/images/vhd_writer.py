"""Writes VHD files by the letter of the format's specification 1.0, for the tests alone."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable
from random import Random

from tests.inspection.images.sparse import Sparse

FIXED, DYNAMIC, DIFFERENCING = 2, 3, 4
_MSB_FIRST = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def summed(record: bytes, at: int) -> bytes:
    """The record with its checksum at ``at``: the complement of the sum of the other bytes."""
    blank = record[:at] + bytes(4) + record[at + 4 :]
    return blank[:at] + struct.pack(">I", ~sum(blank) & 0xFFFFFFFF) + blank[at + 4 :]


class VhdFile:
    """``parent``: unique id, time stamp and name (UTF-16) of the parent; ``locators``: platform code and raw bytes."""

    def __init__(
        self,
        name: str,
        size: int,
        *,
        kind: int = DYNAMIC,
        block: int = 2 << 20,
        parent: tuple[uuid.UUID, int, str] | None = None,
        locators: Iterable[tuple[bytes, bytes]] = (),
        random: Random | None = None,
        creator: bytes = b"win ",
    ) -> None:
        self.random = random or Random(1)
        self.name, self.size, self.kind, self.block, self.parent = name, size, kind, block, parent
        self.unique_id = uuid.UUID(int=self.random.getrandbits(128), version=4)
        self.timestamp, self.creator = self.random.getrandbits(29), creator
        self.blocks = -(-size // block)
        self.bat = [0xFFFFFFFF] * self.blocks
        self.bitmap_length = -(-(block // 512 // 8) // 512) * 512
        self.locators, self.file = list(locators), Sparse(0, name)
        self.header_at, self.table_at = 512, 1536
        self.locators_at = self.table_at + -(-4 * self.blocks // 512) * 512
        self.free = 0 if kind == FIXED else self.locators_at + 1024 * len(self.locators)

    def put(self, block: int, patches: Iterable[tuple[int, bytes]], bits: int | None = None) -> int:
        """Returns where the block's bitmap lies. Bit n of ``bits``: sector n is here; None: all."""
        at = self.free + 512 * self.random.randrange(3)
        sectors = self.block // 512
        bits = (1 << sectors) - 1 if bits is None else bits
        self.file.write(at, bits.to_bytes(sectors // 8, "little").translate(_MSB_FIRST))
        for inside, content in patches:
            self.file.write(at + self.bitmap_length + inside, content)
        self.bat[block] = at // 512
        self.free = at + self.bitmap_length + self.block
        self.file.size = max(self.file.size, self.free)
        return at

    def finish(self, *, footer_length: int = 512) -> Sparse:
        footer = self.footer()
        if self.kind == FIXED:
            self.file.resize(self.size)
        else:
            self.file.write(0, footer)
            self.file.write(self.header_at, self.header())
            self.file.write(self.table_at, struct.pack(f">{self.blocks}I", *self.bat))
            for number, (_, raw) in enumerate(self.locators):
                self.file.write(self.locators_at + 1024 * number, raw.ljust(1024, b"\0"))
            self.file.size = max(self.file.size, self.free)
        self.file.write(self.file.size, footer[:footer_length])
        return self.file

    def footer(self) -> bytes:
        record = struct.pack(
            ">8sIIQI4sI4sQQHBBII16sB",
            b"conectix",
            2,
            0x00010000,
            0xFFFFFFFFFFFFFFFF if self.kind == FIXED else self.header_at,
            self.timestamp,
            self.creator,
            0x000A0000,
            b"Wi2k",
            self.size,
            self.size,
            min(65535, self.size // 512 // (16 * 63)),
            16,
            63,
            self.kind,
            0,
            self.unique_id.bytes,
            0,
        )
        return summed(record.ljust(512, b"\0"), 64)

    def header(self) -> bytes:
        parent_id, timestamp, name = self.parent or (uuid.UUID(int=0), 0, "")
        record = struct.pack(
            ">8sQQIIII16sI4x512s",
            b"cxsparse",
            0xFFFFFFFFFFFFFFFF,
            self.table_at,
            0x00010000,
            self.blocks,
            self.block,
            0,
            parent_id.bytes,
            timestamp,
            name.encode("utf-16-be").ljust(512, b"\0"),
        )
        for number, (code, raw) in enumerate(self.locators):
            record += struct.pack(">4sIIIQ", code, 1024, len(raw), 0, self.locators_at + 1024 * number)
        return summed(record.ljust(1024, b"\0"), 36)


def names_of(parent: VhdFile) -> list[tuple[bytes, bytes]]:
    """Locators as Windows writes them."""
    return [
        (b"W2ku", f"D:\\store\\{parent.name}".encode("utf-16-le")),
        (b"W2ru", f".\\{parent.name}".encode("utf-16-le")),
    ]
