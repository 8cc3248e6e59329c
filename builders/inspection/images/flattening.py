"""One plain copy of a disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from builders.inspection.images.chain import Chain
from builders.inspection.images.links import ZEROS

_AT_ONCE = 128 << 10
_GRAIN = 64 << 10
_NOTHING = bytes(_GRAIN)


def flatten(chain: Chain, target: BinaryIO) -> int:
    """Write the disk to ``target``, a fresh file at its start, with holes where it is zero. Returns the bytes written.

    Damaged where a part cannot be had: a copy with a silent gap would be worse than none.
    """
    written = 0
    for start, length in _stretches(chain):
        for at in range(start, start + length, _AT_ONCE):
            written += _write(target, at, chain.read(at, min(_AT_ONCE, start + length - at)))
    target.truncate(chain.size)
    target.seek(chain.size)
    return written


def _stretches(chain: Chain) -> Iterator[tuple[int, int]]:
    """Where the disk may be other than zero, whatever files it comes from."""
    begin = end = 0
    for start, length, _, position in chain.pieces():
        if position == ZEROS:
            continue
        if start != end:
            if end > begin:
                yield begin, end - begin
            begin = start
        end = start + length
    if end > begin:
        yield begin, end - begin


def _write(target: BinaryIO, at: int, content: bytes) -> int:
    """Leave out grains that are zero."""
    view = memoryview(content)
    begin = None
    written = 0
    for grain in range(0, len(view), _GRAIN):
        if content.startswith(_NOTHING[: len(content) - grain], grain):
            if begin is not None:
                written += _put(target, at + begin, view[begin:grain])
            begin = None
        elif begin is None:
            begin = grain
    if begin is not None:
        written += _put(target, at + begin, view[begin:])
    return written


def _put(target: BinaryIO, at: int, content: memoryview) -> int:
    target.seek(at)
    target.write(content)
    return len(content)
