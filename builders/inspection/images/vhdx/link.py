"""A VHDX file as a link of a chain."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from builders.inspection.errors import Damaged
from builders.inspection.images.bitmaps import bitmaps_kept, sector_runs
from builders.inspection.images.facts import LinkFacts
from builders.inspection.images.links import PARENT, UNREADABLE, ZEROS, Run, within_file
from builders.inspection.images.names import plain_names
from builders.inspection.images.reading import exactly
from builders.inspection.images.tables import Table
from builders.inspection.images.vhdx.header import MIB, Region, read_header, read_regions
from builders.inspection.images.vhdx.log import replay
from builders.inspection.images.vhdx.metadata import Metadata, read_metadata
from builders.inspection.images.vhdx.patched import Patched
from builders.inspection.sources import Source

NOT_PRESENT, UNDEFINED, ZERO, UNMAPPED, UNMAPPED_OF_DRAFT, FULLY_PRESENT, PARTIALLY_PRESENT = 0, 1, 2, 3, 5, 6, 7
_STATE, _BITMAP_PRESENT = 7, 6
_BITS_OF_BITMAP_BLOCK = 8 * MIB
_MOST_LOOKED_THROUGH = 1 << 20  # entries
_PATHS = ("relative_path", "volume_path", "absolute_win32_path")


class VhdxLink:
    """States that leave the content open (undefined, unmapped) read as zeros, never as the parent's old bytes."""

    def __init__(self, source: Source) -> None:
        header = read_header(source)
        patches = replay(source, header)
        self._file: Source = Patched(source, patches) if patches else source
        bat, metadata_region, region_warnings = read_regions(self._file)
        metadata = read_metadata(self._file, metadata_region)
        self.size, self.sector, self._block = metadata.size, metadata.sector, metadata.block_size
        self._blocks = -(-self.size // self._block)
        self._differencing = metadata.kind == "differencing"
        self._per_chunk = _BITS_OF_BITMAP_BLOCK * self.sector // self._block
        self._table = self._allocation_table(bat)
        self._bitmap_bytes = self._block // self.sector // 8
        self._bitmap = lru_cache(maxsize=bitmaps_kept(self._bitmap_bytes))(self._read_bitmap)
        self.own_id = header.data_id
        self.parent_ids = _linkages(metadata.locator)
        warnings = header.warnings + region_warnings
        if patches:
            warnings += ("It was not closed in order; what its log holds is applied while it is read",)
        self.facts = LinkFacts(
            name=source.name,
            format="VHDX",
            kind=metadata.kind,
            file_size=source.size,
            size=self.size,
            block_size=self._block,
            sector=self.sector,
            data_id=header.data_id,
            file_id=header.file_id,
            sequence=header.sequence,
            disk_id=metadata.disk_id,
            parent_id=self.parent_ids[0] if self.parent_ids else "",
            parent_names=plain_names(metadata.locator.get(key, "") for key in _PATHS),
            log="dirty" if patches else "clean",
            warnings=warnings + _without_linkage(metadata),
        )

    def runs(self, start: int, length: int) -> Iterator[Run]:
        end, block_size, absent = start + length, self._block, PARENT if self._differencing else ZEROS
        while start < end:
            block, inside = divmod(start, block_size)
            state, position = self._entry(block)
            span = min(block_size - inside, end - start)
            if state == FULLY_PRESENT and position >= MIB:
                yield from within_file(position + inside, span, self._file.size)
            elif state == PARTIALLY_PRESENT and position >= MIB and self._differencing:
                yield from self._partial(block, position, inside, span)
            elif state == NOT_PRESENT:
                span = min(end, max(start + span, self._blank_until(block) * block_size)) - start
                yield span, absent
            else:
                yield span, ZEROS if state in (UNDEFINED, ZERO, UNMAPPED, UNMAPPED_OF_DRAFT) else UNREADABLE
            start += span

    def _partial(self, block: int, position: int, inside: int, span: int) -> Iterator[Run]:
        bitmap = self._bitmap(block)
        if bitmap is None:
            yield span, UNREADABLE
            return
        runs = sector_runs(
            bitmap, "little", inside=inside, length=span, sector=self.sector, base=position, otherwise=PARENT
        )
        if position + inside + span <= self._file.size:
            yield from runs
            return
        for length, at in runs:
            if at < 0:
                yield length, at
            else:
                yield from within_file(at, length, self._file.size)

    def payload(self, position: int, length: int) -> bytes:
        return exactly(self._file, position, length, "a data block")

    def damage(self, start: int) -> Damaged:
        block = start // self._block
        state, position = self._entry(block)
        where = f"{self.facts.name}: block {block:,} (from byte {block * self._block:,} of the disk)"
        if state == PARTIALLY_PRESENT and not self._differencing:
            return Damaged(f"{where} is said to be partly here, in a file that has no parent")
        if state not in (FULLY_PRESENT, PARTIALLY_PRESENT):
            return Damaged(f"{where} is in state {state}, which does not exist")
        if position < MIB:
            return Damaged(f"{where} is said to lie within the headers")
        if state == PARTIALLY_PRESENT and self._bitmap(block) is None:
            return Damaged(f"{where} is said to be partly here, and which part is missing in the file")
        return Damaged(
            f"{where} should lie at byte {position:,}, but the file ends at byte {self._file.size:,}: "
            "it is cut off. Copy it again from another server"
        )

    def shortcomings(self) -> list[str]:
        if self._table.count > _MOST_LOOKED_THROUGH:
            return []
        missing = 0
        latest = max(0, self._file.size - self._block)
        last_entry = (self._blocks - 1) + (self._blocks - 1) // self._per_chunk
        for first, page in self._table.pages():
            if max(page) >> 20 << 20 <= latest:
                continue
            for index, entry in enumerate(page, first):
                if entry & _STATE in (FULLY_PRESENT, PARTIALLY_PRESENT) and entry >> 20 << 20 > latest:
                    needed = self._needed(index, last_entry)
                    missing += (entry >> 20 << 20) + needed > self._file.size
        if not missing:
            return []
        where = f"{self.facts.name} ends at byte {self._file.size:,}"
        return [f"{where}: {missing:,} of its blocks are missing or cut, so it was not copied whole"]

    def close(self) -> None:
        self._file.close()

    def _needed(self, index: int, last_entry: int) -> int:
        """Bytes that the entry's part of the file takes: a bitmap, the last block, or any other."""
        if (index + 1) % (self._per_chunk + 1) == 0:
            return self._bitmap_bytes
        return (self.size - 1) % self._block + 1 if index == last_entry else self._block

    def _allocation_table(self, region: Region) -> Table:
        blocks = self._blocks
        chunks = -(-blocks // self._per_chunk)
        entries = chunks * (self._per_chunk + 1) if self._differencing else blocks + (blocks - 1) // self._per_chunk
        if region.length < 8 * entries:
            raise Damaged(
                f"{self._file.name}: its block allocation table has no room for the {blocks:,} blocks of the disk"
            )
        if region.offset + 8 * entries > self._file.size:
            raise Damaged(
                f"{self._file.name} ends at byte {self._file.size:,}, within its block allocation table: "
                "the file is cut off. Copy it again from another server"
            )
        return Table(self._file, region.offset, entries, code="Q", order="little", blank=0)

    def _entry(self, block: int) -> tuple[int, int]:
        """State and position of a payload block. Each chunk's entries are followed by one for its bitmap."""
        entry = self._table.entry(block + block // self._per_chunk)
        return entry & _STATE, entry >> 20 << 20

    def _blank_until(self, block: int) -> int:
        """The next block from ``block`` on that may be here, as far as one page of the table tells."""
        end = self._table.blank_until(block + block // self._per_chunk)
        chunk, rest = divmod(end, self._per_chunk + 1)
        return chunk * self._per_chunk + rest

    def _read_bitmap(self, block: int) -> bytes | None:
        """One bit for each sector of a block; None when the file lacks it."""
        chunk, within = divmod(block, self._per_chunk)
        entry = self._table.entry(chunk * (self._per_chunk + 1) + self._per_chunk)
        position = (entry >> 20 << 20) + within * self._bitmap_bytes
        if entry & _STATE != _BITMAP_PRESENT or position < MIB or position + self._bitmap_bytes > self._file.size:
            return None
        return exactly(self._file, position, self._bitmap_bytes, "a sector bitmap")


def _linkages(locator: dict[str, str]) -> tuple[str, ...]:
    found = (locator.get(key, "").strip("{} ").lower() for key in ("parent_linkage", "parent_linkage2"))
    return tuple(text for text in found if text)


def _without_linkage(metadata: Metadata) -> tuple[str, ...]:
    if metadata.kind != "differencing" or _linkages(metadata.locator):
        return ()
    return ("It says that it has a parent, but not the parent's identity",)
