"""Which sectors of a block a file has. VHDX counts bits from the lowest of a byte, VHD from the highest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from builders.inspection.images.links import Run

_SAME = re.compile("0+|1+")
_KEPT_BYTES = 1 << 20


def bitmaps_kept(bitmap_bytes: int) -> int:
    """How many bitmaps of this size a file keeps in memory."""
    return max(4, min(256, _KEPT_BYTES // max(1, bitmap_bytes)))


def bit_runs(bitmap: bytes, first: int, count: int, order: Literal["big", "little"]) -> Iterator[tuple[bool, int]]:
    """Runs of equal bits from bit ``first`` on: whether they are set, and how many."""
    low = first >> 3
    piece = bitmap[low : (first + count + 7) >> 3]
    if piece.count(0) == len(piece):
        yield False, count
        return
    if piece.count(255) == len(piece):
        yield True, count
        return
    digits = format(int.from_bytes(piece, order), f"0{8 * len(piece)}b")
    if order == "little":
        digits = digits[::-1]
    skip = first - 8 * low
    digits = digits[skip : skip + count]
    for same in _SAME.finditer(digits):
        begin, end = same.span()
        yield digits[begin] == "1", end - begin


def sector_runs(
    bitmap: bytes,
    order: Literal["big", "little"],
    *,
    inside: int,
    length: int,
    sector: int,
    base: int,
    otherwise: int,
) -> Iterator[Run]:
    """The runs of ``length`` bytes from byte ``inside`` of a block whose data begins at ``base`` of the file.

    ``otherwise`` is what a sector is that the file does not have. Ends that lie within a sector are cut there.
    """
    first = inside // sector
    at, stop, edge = inside, inside + length, first * sector
    for is_here, sectors in bit_runs(bitmap, first, (stop - 1) // sector - first + 1, order):
        edge += sectors * sector
        end = min(edge, stop)
        yield end - at, base + at if is_here else otherwise
        at = end
