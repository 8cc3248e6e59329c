"""A VHD file as a link of a chain."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import lru_cache

from builders.inspection.errors import Damaged
from builders.inspection.images.bitmaps import bitmaps_kept, sector_runs
from builders.inspection.images.facts import LinkFacts
from builders.inspection.images.links import PARENT, UNREADABLE, ZEROS, Run, within_file
from builders.inspection.images.reading import exactly
from builders.inspection.images.tables import PAGE_BYTES, Table
from builders.inspection.images.vhd.footer import SECTOR, DynamicHeader, Footer, read_dynamic_header, read_footer
from builders.inspection.sources import Source

_UNUSED = 0xFFFFFFFF
_MOST_LOOKED_THROUGH = 1 << 20  # entries


def open_vhd(source: Source) -> FixedVhd | SparseVhd:
    footer = read_footer(source)
    return FixedVhd(source, footer) if footer.kind == "fixed" else SparseVhd(source, footer)


class FixedVhd:
    """The plain disk with a footer behind it. Its size is the footer's "current size", not the geometry's."""

    sector = SECTOR
    parent_ids: tuple[str, ...] = ()

    def __init__(self, source: Source, footer: Footer) -> None:
        self._file, self._end = source, footer.data_end
        self.size, self.own_id = footer.size, footer.unique_id
        self.facts = _facts(source, footer, None, zlib.crc32(footer.record))

    def runs(self, start: int, length: int) -> Iterator[Run]:
        return within_file(start, length, self._end)

    def payload(self, position: int, length: int) -> bytes:
        return exactly(self._file, position, length, "the disk's content")

    def damage(self, start: int) -> Damaged:
        return Damaged(
            f"{self._file.name} holds {self._end:,} of the disk's {self.size:,} bytes; byte {start:,} is missing: "
            "the file is cut off. Copy it again from another server"
        )

    def shortcomings(self) -> list[str]:
        if self._end >= self.size:
            return []
        return [f"{self._file.name} holds {self._end:,} of the disk's {self.size:,} bytes, so it is cut off"]

    def close(self) -> None:
        self._file.close()


class SparseVhd:
    """Dynamic or differencing: each block has a sector bitmap before its data.

    In a dynamic file a sector whose bit is not set was never written and is zero. Some software keeps no bitmaps in
    dynamic files: a block that is there with no bit set at all is taken as it is.
    """

    sector = SECTOR

    def __init__(self, source: Source, footer: Footer) -> None:
        header = read_dynamic_header(source, footer)
        self._file, self.size, self._block = source, footer.size, header.block_size
        self._differencing = footer.kind == "differencing"
        bits = self._block // SECTOR // 8
        self._bitmap_bytes = bits
        self._data_after = -(-bits // SECTOR) * SECTOR
        self._blocks = -(-self.size // self._block)
        if header.table_at + 4 * self._blocks > source.size:
            raise Damaged(
                f"{source.name} ends at byte {source.size:,}, within its block allocation table: it is cut off"
            )
        self._table = Table(source, header.table_at, self._blocks, code="I", order="big", blank=_UNUSED)
        self._bitmap = lru_cache(maxsize=bitmaps_kept(bits))(self._read_bitmap)
        self.own_id = footer.unique_id
        self.parent_ids: tuple[str, ...] = (header.parent_id,) if self._differencing else ()
        self.facts = _facts(source, footer, header, self._checksum(footer, header))

    def runs(self, start: int, length: int) -> Iterator[Run]:
        end, block_size, absent = start + length, self._block, PARENT if self._differencing else ZEROS
        while start < end:
            block, inside = divmod(start, block_size)
            entry = self._table.entry(block)
            span = min(block_size - inside, end - start)
            if entry == _UNUSED:
                span = min(end, max(start + span, self._table.blank_until(block) * block_size)) - start
                yield span, absent
            else:
                yield from self._present(block, entry * SECTOR, inside, span, absent)
            start += span

    def _present(self, block: int, position: int, inside: int, span: int, absent: int) -> Iterator[Run]:
        bitmap = self._bitmap(block)
        if bitmap is None:
            yield span, UNREADABLE
            return
        base = position + self._data_after
        if not self._differencing and bitmap.count(0) == len(bitmap):
            yield from within_file(base + inside, span, self._file.size)
            return
        runs = sector_runs(bitmap, "big", inside=inside, length=span, sector=SECTOR, base=base, otherwise=absent)
        for length, at in runs:
            if at < 0:
                yield length, at
            else:
                yield from within_file(at, length, self._file.size)

    def payload(self, position: int, length: int) -> bytes:
        return exactly(self._file, position, length, "a data block")

    def damage(self, start: int) -> Damaged:
        block = start // self._block
        position = self._table.entry(block) * SECTOR
        return Damaged(
            f"{self._file.name}: block {block:,} (from byte {block * self._block:,} of the disk) should lie at byte "
            f"{position:,}, but the file ends at byte {self._file.size:,}: it is cut off. "
            "Copy it again from another server"
        )

    def shortcomings(self) -> list[str]:
        if self._table.count > _MOST_LOOKED_THROUGH:
            return []
        missing, latest = 0, self._file.size - self._data_after - self._block
        for first, page in self._table.pages():
            for index, entry in enumerate(page, first):
                if entry != _UNUSED and entry * SECTOR > latest:
                    needed = (self.size - 1) % self._block + 1 if index == self._blocks - 1 else self._block
                    missing += entry * SECTOR + self._data_after + needed > self._file.size
        if not missing:
            return []
        where = f"{self._file.name} ends at byte {self._file.size:,}"
        return [f"{where}: {missing:,} of its blocks are missing or cut, so it was not copied whole"]

    def close(self) -> None:
        self._file.close()

    def _read_bitmap(self, block: int) -> bytes | None:
        position = self._table.entry(block) * SECTOR
        if position + self._data_after > self._file.size:
            return None
        return exactly(self._file, position, self._bitmap_bytes, "a sector bitmap")

    def _checksum(self, footer: Footer, header: DynamicHeader) -> int:
        checksum = zlib.crc32(header.record, zlib.crc32(footer.record))
        for at in range(0, 4 * self._blocks, PAGE_BYTES):
            record = self._file.read(header.table_at + at, min(PAGE_BYTES, 4 * self._blocks - at))
            checksum = zlib.crc32(record, checksum)
        return checksum


def _facts(source: Source, footer: Footer, header: DynamicHeader | None, checksum: int) -> LinkFacts:
    return LinkFacts(
        name=source.name,
        format="VHD",
        kind=footer.kind,
        file_size=source.size,
        size=footer.size,
        block_size=header.block_size if header else 0,
        sector=SECTOR,
        data_id=f"{footer.unique_id}-{footer.timestamp:08x}-{checksum:08x}",
        file_id="",
        sequence=0,
        disk_id=footer.unique_id,
        parent_id=header.parent_id if header else "",
        parent_names=header.parent_names if header else (),
        log="clean",
        warnings=footer.warnings,
    )
