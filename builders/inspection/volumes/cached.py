"""A disk that keeps the blocks it read and reads on ahead of whoever goes forward."""

from __future__ import annotations

from collections import OrderedDict

from builders.inspection.sources import Disk

MOST_AHEAD = 1 << 20
"""Bytes fetched at once where reads follow each other, as in a hive read from its beginning to its end."""
PAST_THE_CACHE = 1 << 20
"""Reads of this many bytes go straight to the disk: whoever takes so much at once does not come back for it."""


class Cached:
    """Itself a Disk; for one thread. ``budget`` is the most bytes it keeps, ``bytes_read`` what it took from below."""

    def __init__(self, disk: Disk, block: int = 64 << 10, budget: int = 32 << 20) -> None:
        self.size = disk.size
        self.sector = disk.sector
        self.bytes_read = 0
        self._disk = disk
        self._block = block
        self._most = max(budget // block, 1)
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._after_last = -1
        self._ahead = 1

    def read(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        if offset < 0 or length <= 0:
            return b""
        if length >= PAST_THE_CACHE:
            return self._take(offset, length)
        first, last = offset // self._block, (offset + length - 1) // self._block
        if first == last:
            start = offset - first * self._block
            return self._block_at(first)[start : start + length]
        parts = self._blocks_from(first, last)
        start = offset - first * self._block
        return b"".join(parts)[start : start + length]

    def _block_at(self, number: int) -> bytes:
        kept = self._blocks.get(number)
        if kept is None:
            return self._fetch(number, number)[0]
        self._blocks.move_to_end(number)
        return kept

    def _blocks_from(self, first: int, last: int) -> list[bytes]:
        """Blocks in a row, those that are missing next to each other fetched in one read."""
        parts: list[bytes] = []
        number = first
        while number <= last:
            kept = self._blocks.get(number)
            if kept is not None:
                self._blocks.move_to_end(number)
                parts.append(kept)
                number += 1
                continue
            end = number
            while end < last and end + 1 not in self._blocks:
                end += 1
            parts.extend(self._fetch(number, end))
            number = end + 1
        return parts

    def _fetch(self, first: int, last: int) -> list[bytes]:
        """Blocks ``first`` to ``last``, and twice as many more as last time if they follow what was fetched last."""
        follows = first == self._after_last
        self._ahead = min(self._ahead * 2, MOST_AHEAD // self._block) if follows else 1
        end = max(last, first + self._ahead - 1)
        while end > last and end in self._blocks:
            end -= 1
        taken = self._take(first * self._block, (end - first + 1) * self._block)
        self._after_last = end + 1
        blocks = [taken[at : at + self._block] for at in range(0, (end - first + 1) * self._block, self._block)]
        for number, block in enumerate(blocks, first):
            if block:
                self._blocks[number] = block
                self._blocks.move_to_end(number)
        while len(self._blocks) > self._most:
            self._blocks.popitem(last=False)
        return blocks[: last - first + 1]

    def _take(self, offset: int, length: int) -> bytes:
        taken = self._disk.read(offset, min(length, self.size - offset))
        self.bytes_read += len(taken)
        return taken
