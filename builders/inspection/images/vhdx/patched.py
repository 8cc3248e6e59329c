"""A file with writes over it that are kept in memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

from builders.inspection.sources import Source

_PAGE = 4096


class Patches:
    """Pages of 4 KiB and stretches of zeros, the later over the earlier, and the size the file grows to."""

    def __init__(self) -> None:
        self.size = 0
        self._pages: dict[int, bytes] = {}
        self._order: list[int] = []
        self._zeros: list[tuple[int, int]] = []  # begin and end, apart from each other, in order

    def write(self, position: int, page: bytes) -> None:
        """``position`` on a whole page."""
        if position not in self._pages:
            insort(self._order, position)
        self._pages[position] = page
        self.extend(position + len(page))

    def zero(self, position: int, length: int) -> None:
        end = position + length
        low, high = bisect_left(self._order, position), bisect_left(self._order, end)
        for gone in self._order[low:high]:
            del self._pages[gone]
        del self._order[low:high]
        first = bisect_left([stop for _, stop in self._zeros], position)
        last = bisect_right([start for start, _ in self._zeros], end)
        touched = self._zeros[first:last]
        begin = min([position, *(start for start, _ in touched)])
        self._zeros[first:last] = [(begin, max([end, *(stop for _, stop in touched)]))]
        self.extend(end)

    def extend(self, size: int) -> None:
        self.size = max(self.size, size)

    def over(self, found: bytes, position: int) -> bytes:
        """What is at ``position`` after the writes, where ``found`` is before them."""
        end = position + len(found)
        zeros = [(max(a, position), min(b, end)) for a, b in self._zeros if a < end and b > position]
        pages = self._order[bisect_right(self._order, position - _PAGE) : bisect_left(self._order, end)]
        if not zeros and not pages:
            return found
        result = bytearray(found)
        for start, stop in zeros:
            result[start - position : stop - position] = bytes(stop - start)
        for at in pages:
            start, stop = max(at, position), min(at + _PAGE, end)
            result[start - position : stop - position] = self._pages[at][start - at : stop - at]
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
