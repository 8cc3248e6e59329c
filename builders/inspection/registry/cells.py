"""Cells of a hive: key nodes, value nodes, lists of both, and data that is spread over several cells."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from builders.inspection.errors import Damaged
from builders.inspection.registry.pages import Pages

FIRST_BIN = 4096
NONE = 0xFFFFFFFF
MOST_BELOW = 100_000
"""Keys below one key, and values of one key: far above what Windows makes, far below what exhausts a reader."""
MOST_CELLS = 2_000_000
"""Cells read in all: an inventory takes a tenth of it of the largest hives, and only a crafted one asks for more."""
MOST_DATA = 4 << 20
"""Bytes of one value that are read; what is longer is cut."""

_NAME_IS_NARROW = 0x20
_SEGMENT = 16344
_LENGTH = struct.Struct("<i")
_KEY = struct.Struct("<HQ8xI4xI4xII28xH")
_VALUE = struct.Struct("<HIIIH")


class KeyNode(NamedTuple):
    offset: int
    name: str
    written: int
    key_count: int
    keys_at: int
    value_count: int
    values_at: int


class ValueNode(NamedTuple):
    name: str
    kind: int
    size: int
    data_at: int
    inline: bytes | None


class Cells:
    """Reads cells by their offset from the first bin. Damaged where a cell is not what its owner says."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self.read = 0
        """How many cells were read so far."""

    def content(self, offset: int, at_most: int) -> bytes:
        """What a cell holds, without its length; no more than ``at_most`` bytes."""
        self.read += 1
        if self.read > MOST_CELLS:
            raise Damaged(f"its keys lead to more than {MOST_CELLS:,} cells; the rest is not read")
        if offset in (NONE, 0) or offset & 0x80000000:
            raise Damaged(f"a cell at {offset:#x}, where no cell can be")
        held = self._pages.read(FIRST_BIN + offset, 4 + max(at_most, 4) if at_most < 508 else 512)
        if len(held) < 8:
            raise Damaged(f"a cell at {offset:#x}, past the end of the hive")
        size = abs(_LENGTH.unpack_from(held)[0]) - 4
        wanted = min(size, at_most)
        if size < 4:
            raise Damaged(f"a cell of {size + 4} bytes at {offset:#x}, too small for anything")
        if wanted > len(held) - 4:
            held = self._pages.read(FIRST_BIN + offset, 4 + wanted)
        return held[4 : 4 + wanted]

    def key(self, offset: int) -> KeyNode:
        held = self.content(offset, 76 + 512)
        if held[:2] != b"nk" or len(held) < 76:
            raise Damaged(f"no key at {offset:#x}")
        flags, written, key_count, keys_at, value_count, values_at, length = _KEY.unpack_from(held, 2)
        name = _name(held[76 : 76 + length], narrow=bool(flags & _NAME_IS_NARROW))
        return KeyNode(offset, name, written, key_count, keys_at, value_count, values_at)

    def keys_below(self, node: KeyNode) -> Iterator[tuple[int, int | None]]:
        """Offset of each key below, once also where lists lead in circles, and its name's hash where one is kept.

        Damaged at the end when there were fewer than the key says it has.
        """
        count = 0
        listed = self._listed(node.keys_at, {node.offset}, depth=0) if node.keys_at != NONE else ()
        for below in listed if node.key_count else ():
            count += 1
            yield below
        if count < node.key_count:
            raise Damaged(f"it says that it has {node.key_count:,} keys, and {count:,} are listed")

    def _listed(self, offset: int, seen: set[int], depth: int) -> Iterator[tuple[int, int | None]]:
        head = self.content(offset, 8)
        sign, count = head[:2], struct.unpack_from("<H", head, 2)[0]
        step = {b"lf": 8, b"lh": 8, b"li": 4, b"ri": 4}.get(sign)
        if step is None or depth > 4:
            raise Damaged(f"no list of keys at {offset:#x}")
        held = self.content(offset, 4 + count * step)[4:]
        for at in range(0, len(held) - 3, step):
            below = struct.unpack_from("<I", held, at)[0]
            if below in seen:
                continue
            if len(seen) > MOST_BELOW:
                raise Damaged(f"more than {MOST_BELOW:,} keys below it; the rest is not read")
            seen.add(below)
            if sign == b"ri":
                yield from self._listed(below, seen, depth + 1)
            else:
                yield (
                    below,
                    struct.unpack_from("<I", held, at + 4)[0] if sign == b"lh" and len(held) >= at + 8 else None,
                )

    def values_of(self, node: KeyNode) -> list[int]:
        if not node.value_count or node.values_at == NONE:
            return []
        count = min(node.value_count, MOST_BELOW)
        held = self.content(node.values_at, count * 4)
        return list(struct.unpack_from(f"<{len(held) // 4}I", held))[:count]

    def value(self, offset: int) -> ValueNode:
        held = self.content(offset, 20 + 508)
        if held[:2] != b"vk" or len(held) < 20:
            raise Damaged(f"no value at {offset:#x}")
        length, size, data_at, kind, flags = _VALUE.unpack_from(held, 2)
        name = _name(held[20 : 20 + length], narrow=bool(flags & 1))
        if size & 0x80000000:
            size = min(size & 0x7FFFFFFF, 4)
            return ValueNode(name, kind, size, 0, held[8 : 8 + size])
        return ValueNode(name, kind, size, data_at, None)

    def data(self, value: ValueNode) -> bytes:
        """The value's bytes, at most MOST_DATA of them."""
        if value.inline is not None or not value.size:
            return value.inline or b""
        size = min(value.size, MOST_DATA)
        held = self.content(value.data_at, size)
        if value.size > _SEGMENT and held[:2] == b"db":
            return self._segments(held, size)
        return held[:size]

    def _segments(self, head: bytes, size: int) -> bytes:
        count, listed_at = struct.unpack_from("<HI", head, 2)
        listed = self.content(listed_at, count * 4)
        parts, left = [], size
        for at in range(0, len(listed) - 3, 4):
            if left <= 0:
                break
            part = self.content(struct.unpack_from("<I", listed, at)[0], min(left, _SEGMENT))
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


def _name(raw: bytes, *, narrow: bool) -> str:
    if narrow:
        return raw.decode("latin-1")
    return raw[: len(raw) & ~1].decode("utf-16-le", "replace")
