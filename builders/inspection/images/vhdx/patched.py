"""A file with writes over it that are kept in memory."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right

from builders.inspection.sources import Source

_PAGE = 4096


class Patches:
    """Pages of 4 KiB and stretches of zeros, the later over the earlier, and the size the file grows to.

    Collected by ``write``, ``zero`` and ``extend``, then ``settle``, then used.
    """

    def __init__(self) -> None:
        self.size = 0
        self._count = 0
        self._pages: dict[int, tuple[int, bytes]] = {}  # position: number of the write, content
        self._stretches: list[tuple[int, int, int]] = []  # begin, end, number of the write
        self._order: list[int] = []
        self._begins: list[int] = []
        self._ends: list[int] = []

    def write(self, position: int, page: bytes) -> None:
        """``position`` on a whole page."""
        self._count += 1
        self._pages[position] = (self._count, page)
        self.extend(position + len(page))

    def zero(self, position: int, length: int) -> None:
        self._count += 1
        self._stretches.append((position, position + length, self._count))
        self.extend(position + length)

    def extend(self, size: int) -> None:
        self.size = max(self.size, size)

    def settle(self) -> None:
        """Pages that were zeroed after they were written go; the stretches of zeros become disjoint."""
        self._stretches.sort()
        self._drop_zeroed_pages()
        for begin, end, _ in self._stretches:
            if self._ends and begin <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._begins.append(begin)
                self._ends.append(end)
        self._stretches.clear()
        self._order = sorted(self._pages)

    def _drop_zeroed_pages(self) -> None:
        """A page goes when a stretch of a later number covers it. Stretches are looked at as their begin is passed."""
        open_ones: list[tuple[int, int]] = []  # number, negated so that the latest comes first; end
        upcoming = iter([*self._stretches, (1 << 63, 0, 0)])
        begin, end, number = next(upcoming)
        for position in sorted(self._pages):
            while begin <= position:
                heapq.heappush(open_ones, (-number, end))
                begin, end, number = next(upcoming)
            while open_ones and open_ones[0][1] <= position:
                heapq.heappop(open_ones)
            if open_ones and -open_ones[0][0] > self._pages[position][0]:
                del self._pages[position]

    def over(self, found: bytes, position: int) -> bytes:
        """What is at ``position`` after the writes, where ``found`` is before them."""
        end = position + len(found)
        first, last = bisect_right(self._ends, position), bisect_left(self._begins, end)
        pages = self._order[bisect_right(self._order, position - _PAGE) : bisect_left(self._order, end)]
        if first >= last and not pages:
            return found
        result = bytearray(found)
        for begin, stop in zip(self._begins[first:last], self._ends[first:last], strict=True):
            low, high = max(begin, position), min(stop, end)
            result[low - position : high - position] = bytes(high - low)
        for at in pages:
            low, high = max(at, position), min(at + _PAGE, end)
            result[low - position : high - position] = self._pages[at][1][low - at : high - at]
        return bytes(result)


class Patched:
    """A Source that reads as the file will be when the writes are done."""

    def __init__(self, source: Source, patches: Patches) -> None:
        self.name = source.name
        self.size = max(source.size, patches.size)
        self._source, self._patches = source, patches

    def read(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        found = self._source.read(offset, length) if offset < self._source.size else b""
        return self._patches.over(found.ljust(length, b"\0"), offset)

    def close(self) -> None:
        self._source.close()
