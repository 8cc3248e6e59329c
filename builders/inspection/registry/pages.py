"""The bytes of a hive at any offset: from memory or a file, with the pages that logs have changed laid over them."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Protocol

BLOCK = 16 << 10
MOST_BLOCKS = 2048
"""32 MiB kept of a hive that may be ten times as large."""
PAGE = 512
"""Logs speak of pages of this size or of multiples of it."""


class BinaryFile(Protocol):
    """What a volume hands out: a file read only, at any offset."""

    def read(self, length: int = -1, /) -> bytes: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...


class Pages:
    """``size`` bytes that can be read at any offset; shorter answers only at the end."""

    def __init__(self, held: bytes | BinaryFile) -> None:
        self._bytes = held if isinstance(held, bytes) else None
        self._file = None if isinstance(held, bytes) else held
        self.size = len(held) if isinstance(held, bytes) else _size_of(held)
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._changed: dict[int, bytes] = {}

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length <= 0 or offset >= self.size:
            return b""
        end = min(offset + length, self.size)
        found = self._below(offset, end)
        return self._laid_over(offset, end, found) if self._changed else found

    def lay_over(self, offset: int, content: bytes) -> None:
        """From now on ``content`` (a multiple of PAGE, at a multiple of PAGE) is read at ``offset``."""
        for at in range(0, len(content), PAGE):
            self._changed[offset + at] = content[at : at + PAGE]
        self.size = max(self.size, offset + len(content))

    def _laid_over(self, offset: int, end: int, found: bytes) -> bytes:
        first = offset - offset % PAGE
        if not any(at in self._changed for at in range(first, end, PAGE)):
            return found
        whole = bytearray(end - offset)
        whole[: len(found)] = found
        for at in range(first, end, PAGE):
            page = self._changed.get(at)
            if page is not None:
                start, stop = max(at, offset), min(at + PAGE, end)
                whole[start - offset : stop - offset] = page[start - at : stop - at]
        return bytes(whole)

    def _below(self, offset: int, end: int) -> bytes:
        if self._bytes is not None:
            return self._bytes[offset:end]
        first, last = offset // BLOCK, (end - 1) // BLOCK
        if first == last:
            return self._block(first)[offset - first * BLOCK : end - first * BLOCK]
        joined = b"".join(self._block(number) for number in range(first, last + 1))
        return joined[offset - first * BLOCK : end - first * BLOCK]

    def _block(self, number: int) -> bytes:
        kept = self._blocks.get(number)
        if kept is not None:
            return kept
        assert self._file is not None
        self._file.seek(number * BLOCK)
        block = self._file.read(BLOCK)
        if len(self._blocks) >= MOST_BLOCKS:
            self._blocks.popitem(last=False)
        self._blocks[number] = block
        return block


def _size_of(file: BinaryFile) -> int:
    size = getattr(file, "size", None)
    if isinstance(size, int):
        return size
    return file.seek(0, os.SEEK_END)
