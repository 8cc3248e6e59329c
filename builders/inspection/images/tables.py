"""A block allocation table, read by pages when asked: the one of a 64 TB disk has half a gigabyte."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from builders.inspection.images.reading import exactly
from builders.inspection.sources import Source

PAGE_BYTES = 64 << 10
_PAGES_KEPT = 16


class Table:
    """``count`` unsigned numbers of 4 or 8 bytes at ``offset``. A page that holds ``blank`` alone is None."""

    def __init__(
        self,
        source: Source,
        offset: int,
        count: int,
        *,
        code: Literal["I", "Q"],
        order: Literal["big", "little"],
        blank: int,
    ) -> None:
        self.source, self.offset, self.count, self.blank = source, offset, count, blank
        self._code, self._swap, self._width = code, order != sys.byteorder, array(code).itemsize
        self.per_page = PAGE_BYTES // self._width
        self._blank_page = blank.to_bytes(self._width, order) * self.per_page
        self.page = lru_cache(maxsize=_PAGES_KEPT)(self._page)
        self._occupied = lru_cache(maxsize=_PAGES_KEPT)(self._find_occupied)

    def _page(self, number: int) -> array[int] | None:
        first = number * self.per_page
        entries = min(self.per_page, self.count - first)
        record = exactly(
            self.source, self.offset + first * self._width, entries * self._width, "its block allocation table"
        )
        if record == self._blank_page[: len(record)]:
            return None
        page = array(self._code, record)
        if self._swap:
            page.byteswap()
        return page

    def entry(self, index: int) -> int:
        page = self.page(index // self.per_page)
        return self.blank if page is None else page[index % self.per_page]

    def blank_until(self, index: int) -> int:
        """The next entry from ``index`` on that is not blank, or the end of the page of ``index``."""
        number = index // self.per_page
        occupied = self._occupied(number)
        place = bisect_left(occupied, index)
        return occupied[place] if place < len(occupied) else min(self.count, (number + 1) * self.per_page)

    def _find_occupied(self, number: int) -> list[int]:
        page, first, blank = self.page(number), number * self.per_page, self.blank
        return [] if page is None else [index for index, entry in enumerate(page, first) if entry != blank]

    def pages(self) -> Iterator[tuple[int, array[int]]]:
        """First index and entries of each page that is not blank."""
        for number in range(-(-self.count // self.per_page)):
            page = self.page(number)
            if page is not None:
                yield number * self.per_page, page
