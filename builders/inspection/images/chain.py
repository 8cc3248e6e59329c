"""A chain of files as the one disk its guest sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NamedTuple

from builders.inspection.images.facts import LinkFacts
from builders.inspection.images.links import PARENT, UNREADABLE, ZEROS, Link

BELOW = -4
"""In place of a position: in a layer that was not asked into."""

_WINDOW = 8 << 20
_FEW = 4
_SCATTERED = 128 << 10  # larger buffers come fresh from the system each time, which costs more than reading
_GAP = 16 << 10


class Extent(NamedTuple):
    """A stretch of the disk. Without a layer: zeros. With a layer and no offset: it should be there and is not."""

    start: int
    length: int
    layer: int | None
    """Index into ``Chain.links``; 0 is the top."""
    file_offset: int | None


class Piece(NamedTuple):
    """As Extent, with ``position`` as ``Link.runs`` gives it, or BELOW."""

    start: int
    length: int
    layer: int
    position: int


class Chain:
    """A Disk. Reads may come from any thread. Damaged is raised for just the bytes that cannot be had."""

    def __init__(self, opened: Sequence[Link], warnings: Sequence[str] = ()) -> None:
        """``opened``: the top first. The chain closes them."""
        self._links = tuple(opened)
        self.size, self.sector = opened[0].size, opened[0].sector
        self.links: tuple[LinkFacts, ...] = tuple(link.facts for link in opened)
        self.warnings = list(warnings)

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes at ``offset``, any alignment; fewer only where the disk ends."""
        if offset < 0 or length < 0:
            raise ValueError(f"{length} bytes at {offset} cannot be read")
        end = min(offset + length, self.size)
        if end - offset <= _WINDOW:
            return self._read(offset, end - offset) if end > offset else b""
        return b"".join(self._read(at, min(_WINDOW, end - at)) for at in range(offset, end, _WINDOW))

    def extents(self) -> Iterator[Extent]:
        """The whole disk in order, without reading its content."""
        for start, length, layer, position in self.pieces():
            if position == ZEROS:
                yield Extent(start, length, None, None)
            else:
                yield Extent(start, length, layer, None if position == UNREADABLE else position)

    def allocated(self) -> int:
        """Bytes in the files that are the disk's content."""
        return sum(length for _, length, _, position in self.pieces() if position >= 0)

    def pieces(self, start: int = 0, length: int | None = None, depth: int | None = None) -> Iterator[Piece]:
        """The stretch in order, neighbours joined. Layers from ``depth`` on are not looked into: BELOW."""
        length = self.size - start if length is None else length
        depth = len(self._links) if depth is None else depth
        return _joined(self._pieces(start, length, 0, depth))

    def close(self) -> None:
        for link in self._links:
            link.close()

    def __enter__(self) -> Chain:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pieces(self, start: int, length: int, layer: int, depth: int) -> Iterator[Piece]:
        if layer == depth:
            yield Piece(start, length, layer, ZEROS if layer == len(self._links) else BELOW)
            return
        link = self._links[layer]
        there = max(0, min(length, link.size - start))
        at = start
        for span, position in link.runs(start, there):
            if position == PARENT:
                yield from self._pieces(at, span, layer + 1, depth)
            else:
                yield Piece(at, span, layer, position)
            at += span
        if there < length:  # a child may be larger than its parent
            yield Piece(start + there, length - there, layer, ZEROS)

    def _read(self, start: int, length: int) -> bytes:
        pieces = list(self.pieces(start, length))
        if len(pieces) > _FEW:
            if length <= _SCATTERED:
                return self._gathered(pieces)
            ends = start + length
            return b"".join(self._read(at, min(_SCATTERED, ends - at)) for at in range(start, ends, _SCATTERED))
        parts = [self._bytes(piece) for piece in pieces]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _bytes(self, piece: Piece) -> bytes:
        start, length, layer, position = piece
        if position == ZEROS:
            return bytes(length)
        if position == UNREADABLE:
            raise self._links[layer].damage(start)
        return self._links[layer].payload(position, length)

    def _gathered(self, pieces: list[Piece]) -> bytes:
        """Many small pieces: those of one block are fetched by one read with what lies between them."""
        spans: dict[tuple[int, int], list[_Span]] = {}
        plan: list[tuple[Piece, _Span | None]] = []
        for piece in pieces:
            start, length, layer, position = piece
            if position < 0:
                plan.append((piece, None))
                continue
            known = spans.setdefault((layer, position - start), [])
            if not known or start - known[-1].end > _GAP:
                known.append(_Span(layer, position, start, start))
            known[-1].end = start + length
            plan.append((piece, known[-1]))
        parts: list[bytes | memoryview] = []
        for piece, span in plan:
            if span is None:
                parts.append(self._bytes(piece))
                continue
            if span.content is None:
                span.content = memoryview(self._links[span.layer].payload(span.position, span.end - span.start))
            parts.append(span.content[piece.start - span.start : piece.start - span.start + piece.length])
        return b"".join(parts)


class _Span:
    """A stretch of one block that is read at once."""

    __slots__ = ("content", "end", "layer", "position", "start")

    def __init__(self, layer: int, position: int, start: int, end: int) -> None:
        self.layer, self.position, self.start, self.end = layer, position, start, end
        self.content: memoryview | None = None


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Neighbours that are zeros, or lie one behind the other in a file, as one."""
    held = next(pieces, None)
    if held is None:
        return
    start, length, layer, position = held
    for piece in pieces:
        _, more, next_layer, next_position = piece
        if (position == next_position and position in (ZEROS, BELOW)) or (
            position >= 0 and layer == next_layer and next_position == position + length
        ):
            length += more
            continue
        yield Piece(start, length, layer, position)
        start, length, layer, position = piece
    yield Piece(start, length, layer, position)
