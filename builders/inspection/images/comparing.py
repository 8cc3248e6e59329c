"""Where two disks may differ, told from tables alone: what both have from the same files is not looked at."""

from __future__ import annotations

from collections.abc import Iterator

from builders.inspection.images.chain import BELOW, Chain, Piece
from builders.inspection.images.facts import LinkFacts
from builders.inspection.images.links import ZEROS


def changed(a: Chain, b: Chain) -> list[tuple[int, int]]:
    """Start and length of the ranges in which the disks may differ, in order, apart from each other.

    What lies in the files that both chains end with is equal. A range that one disk has and the other ends before is
    among the results.
    """
    shared = _shared_files(a.links, b.links)
    ranges: list[tuple[int, int]] = []
    ends = min(a.size, b.size)
    left = a.pieces(0, ends, len(a.links) - shared)
    right = b.pieces(0, ends, len(b.links) - shared)
    for start, length, same in _side_by_side(left, right):
        if not same:
            _add(ranges, start, length)
    if a.size != b.size:
        _add(ranges, ends, max(a.size, b.size) - ends)
    return ranges


def _shared_files(a: tuple[LinkFacts, ...], b: tuple[LinkFacts, ...]) -> int:
    """How many files the chains have in common, from the base on."""
    count = 0
    for one, other in zip(reversed(a), reversed(b), strict=False):
        if not _is_same_file(one, other):
            break
        count += 1
    return count


def _is_same_file(one: LinkFacts, other: LinkFacts) -> bool:
    """VHDX marks every write to a file. VHD does not, so a VHD must have the same name too."""
    if one.format == "VHD" and one.name != other.name:
        return False
    return _identity(one) == _identity(other)


def _identity(link: LinkFacts) -> tuple[object, ...]:
    return link.format, link.kind, link.file_size, link.size, link.data_id, link.file_id, link.sequence, link.parent_id


def _side_by_side(left: Iterator[Piece], right: Iterator[Piece]) -> Iterator[tuple[int, int, bool]]:
    """Start, length and whether both are the same there. Both cover the same stretch."""
    one, other = next(left, None), next(right, None)
    while one is not None and other is not None:
        start = max(one.start, other.start)
        one_ends, other_ends = one.start + one.length, other.start + other.length
        end = min(one_ends, other_ends)
        yield start, end - start, one.position == other.position and one.position in (ZEROS, BELOW)
        if one_ends == end:
            one = next(left, None)
        if other_ends == end:
            other = next(right, None)


def _add(ranges: list[tuple[int, int]], start: int, length: int) -> None:
    if ranges and sum(ranges[-1]) == start:
        start, length = ranges[-1][0], ranges[-1][1] + length
        ranges.pop()
    ranges.append((start, length))
