"""One VHDX file: create it, write into it, read what it holds itself (a parent is the caller's business)."""

import os
import struct
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.stores.vhdx.layout import (
    BAT_OFFSET,
    BITMAP_PRESENT,
    FILE_IDENTIFIER,
    HEADER_OFFSETS,
    HEADER_SIZE,
    MB,
    METADATA_OFFSET,
    METADATA_TABLE_SIZE,
    REGION_TABLE_OFFSETS,
    BlockState,
    Geometry,
)
from lab.stores.vhdx.records import (
    Header,
    ParentLocator,
    metadata,
    read_disk_id,
    read_geometry,
    read_parent_name,
    region_table,
)

_METADATA_READ = METADATA_TABLE_SIZE + 8192  # table and items: a parent locator is at most some kilobytes


def create_image(
    path: Path, geometry: Geometry, *, parent: ParentLocator | None = None, disk_id: uuid.UUID | None = None
) -> None:
    """Write an empty file: no block present, so a differencing one reads as its parent and a base as zeros."""
    header = Header(sequence=1, file_write_guid=uuid.uuid4(), data_write_guid=uuid.uuid4())
    with path.open("wb") as file:
        file.write(FILE_IDENTIFIER + "Lab".encode("utf-16-le"))
        for number, offset in enumerate(HEADER_OFFSETS):
            file.seek(offset)
            file.write(Header(number + 1, header.file_write_guid, header.data_write_guid).pack())
        for offset in REGION_TABLE_OFFSETS:
            file.seek(offset)
            file.write(region_table(geometry))
        file.seek(METADATA_OFFSET)
        file.write(metadata(geometry, disk_id or uuid.uuid4(), parent))
        file.truncate(BAT_OFFSET + geometry.bat_bytes)


class Image:
    """An open VHDX file. Writing changes its DataWriteGuid once, at the first write of each opening."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        self._file = path.open("r+b" if writable else "rb", buffering=0)
        self._fd = self._file.fileno()
        self._guid_renewed = False
        try:
            self._read_tables()
        except BaseException:
            self._file.close()
            raise

    def _read_tables(self) -> None:
        record = os.pread(self._fd, _METADATA_READ, METADATA_OFFSET)
        self.geometry = read_geometry(record)
        self.disk_id = read_disk_id(record)
        self.parent_name = read_parent_name(record)
        self._header_slot, self.header = self._current_header()
        self._bat = bytearray(os.pread(self._fd, self.geometry.bat_entries * 8, BAT_OFFSET))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    @property
    def data_write_guid(self) -> uuid.UUID:
        return self.header.data_write_guid

    def state(self, block: int) -> BlockState:
        return BlockState(self._entry(self.geometry.payload_entry(block)) & 7)

    def runs(self, block: int) -> Iterator[tuple[int, int]]:
        """Stretches (offset in block, length in bytes) whose data lies in this file, in order."""
        state = self.state(block)
        if state is BlockState.FULLY_PRESENT:
            yield from self._data_extents(block)
        elif state is BlockState.PARTIALLY_PRESENT:
            yield from self._present_sectors(block)

    def read(self, block: int, offset: int, length: int) -> bytes:
        """Bytes of a present block; the caller knows from `runs` that they are here."""
        return os.pread(self._fd, length, self._payload_offset(block) + offset)

    def write(self, offset: int, data: bytes) -> None:
        """Write whole sectors at a byte offset of the virtual disk, over as many blocks as it takes."""
        sector = self.geometry.sector_bytes
        if offset % sector or len(data) % sector or offset + len(data) > self.geometry.size_bytes:
            raise ValueError("a write covers whole sectors inside the disk")
        self._renew_data_write_guid()
        while data:
            block, start = divmod(offset, self.geometry.block_bytes)
            piece = data[: self.geometry.block_bytes - start]
            self._write_in_block(block, start, piece)
            offset, data = offset + len(piece), data[len(piece) :]

    def set_state(self, block: int, state: BlockState) -> None:
        """Give a block one of the states that need no data, or make it fully present and zero."""
        if state is BlockState.PARTIALLY_PRESENT:
            raise ValueError("a partially present block comes from writing into it")
        self._renew_data_write_guid()
        offset = self._allocate(self.geometry.block_bytes) if state is BlockState.FULLY_PRESENT else 0
        self._set_entry(self.geometry.payload_entry(block), state, offset)

    def _write_in_block(self, block: int, start: int, data: bytes) -> None:
        state = self.state(block)
        if state not in (BlockState.FULLY_PRESENT, BlockState.PARTIALLY_PRESENT):
            # What is absent shows the parent, so a part of it can be here. Zeros must stay zeros around the new data.
            absent = self.geometry.differencing and state is BlockState.NOT_PRESENT
            state = BlockState.PARTIALLY_PRESENT if absent else BlockState.FULLY_PRESENT
            place = self._allocate(self.geometry.block_bytes)
            if absent:
                self._clear_bits(block)
            self._set_entry(self.geometry.payload_entry(block), state, place)
        os.pwrite(self._fd, data, self._payload_offset(block) + start)
        if state is BlockState.PARTIALLY_PRESENT:
            sector = self.geometry.sector_bytes
            self._set_bits(block, start // sector, len(data) // sector)

    def _present_sectors(self, block: int) -> Iterator[tuple[int, int]]:
        """Runs of set bits, each found in one step of arithmetic on the whole bitmap."""
        sector, count = self.geometry.sector_bytes, self.geometry.sectors_per_block
        bits = int.from_bytes(self._bits(block), "little") & ((1 << count) - 1)
        at = 0
        while bits:
            gap = (bits & -bits).bit_length() - 1
            bits >>= gap
            length = (~bits & (bits + 1)).bit_length() - 1
            yield (at + gap) * sector, length * sector
            bits >>= length
            at += gap + length

    def _data_extents(self, block: int) -> Iterator[tuple[int, int]]:
        """Skip the holes of a sparse file, where the system can tell them; a hole reads as zeros anyway."""
        begin = self._payload_offset(block)
        end, at = begin + self.geometry.block_bytes, begin
        while at < end:
            try:
                data = os.lseek(self._fd, at, os.SEEK_DATA)
                stop = min(os.lseek(self._fd, data, os.SEEK_HOLE), end)
            except OSError:  # only holes are left
                return
            except AttributeError:  # a system without these calls
                data, stop = at, end
            if data >= end:
                return
            yield data - begin, stop - data
            at = stop

    def _bitmap_place(self, block: int) -> tuple[int, int]:
        """(file offset of the chunk's sector bitmap or 0, byte of this block's first bit in it)."""
        chunk, index = divmod(block, self.geometry.chunk_ratio)
        entry = self._entry(self.geometry.bitmap_entry(chunk))
        return (entry >> 20) * MB, index * self.geometry.sectors_per_block // 8

    def _bits(self, block: int) -> bytes:
        bitmap, first = self._bitmap_place(block)
        return os.pread(self._fd, max(1, self.geometry.sectors_per_block // 8), bitmap + first)

    def _clear_bits(self, block: int) -> None:
        bitmap, first = self._bitmap_place(block)
        if bitmap:
            os.pwrite(self._fd, bytes(max(1, self.geometry.sectors_per_block // 8)), bitmap + first)
            return
        place = self._allocate(MB)
        self._set_entry(self.geometry.bitmap_entry(block // self.geometry.chunk_ratio), BITMAP_PRESENT, place)

    def _set_bits(self, block: int, first_sector: int, count: int) -> None:
        bitmap, first = self._bitmap_place(block)
        begin, end = first_sector // 8, (first_sector + count + 7) // 8
        bits = bytearray(os.pread(self._fd, end - begin, bitmap + first + begin))
        for sector in range(first_sector, first_sector + count):
            bits[(sector >> 3) - begin] |= 1 << (sector & 7)
        os.pwrite(self._fd, bits, bitmap + first + begin)

    def _entry(self, index: int) -> int:
        return int(struct.unpack_from("<Q", self._bat, index * 8)[0])

    def _set_entry(self, index: int, state: int, offset: int) -> None:
        packed = struct.pack("<Q", state | (offset // MB) << 20)
        self._bat[index * 8 : index * 8 + 8] = packed
        os.pwrite(self._fd, packed, BAT_OFFSET + index * 8)

    def _payload_offset(self, block: int) -> int:
        return (self._entry(self.geometry.payload_entry(block)) >> 20) * MB

    def _allocate(self, length: int) -> int:
        """A new place at the end of the file; it stays a hole until something is written there."""
        end = -(-os.fstat(self._fd).st_size // MB) * MB
        os.ftruncate(self._fd, end + length)
        return end

    def _current_header(self) -> tuple[int, Header]:
        found = [(slot, Header.unpack(os.pread(self._fd, HEADER_SIZE, at))) for slot, at in enumerate(HEADER_OFFSETS)]
        valid = [(slot, header) for slot, header in found if header]
        if not valid:
            raise ValueError("the file has no valid VHDX header")
        return max(valid, key=lambda pair: pair[1].sequence)

    def _renew_data_write_guid(self) -> None:
        """Write the other header with new identities: the old one stays valid until this one is whole."""
        if self._guid_renewed:
            return
        self._header_slot = 1 - self._header_slot
        self.header = Header(self.header.sequence + 1, uuid.uuid4(), uuid.uuid4())
        os.pwrite(self._fd, self.header.pack(), HEADER_OFFSETS[self._header_slot])
        self._guid_renewed = True
