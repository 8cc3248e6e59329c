"""Stretches of a volume: (start, end) in bytes, sorted, none touching the next; and which of them differ in bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from builders.inspection.sources import Disk

Stretch = tuple[int, int]
AT_ONCE = 1 << 20


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Any stretches, put in order and together."""
    whole: list[Stretch] = []
    for start, end in sorted(each for each in stretches if each[0] < each[1]):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole


def without(stretches: list[Stretch], taken: list[Stretch]) -> list[Stretch]:
    """What is left of the first when the second are taken away."""
    left: list[Stretch] = []
    for start, end in stretches:
        at = start
        for low, high in within(taken, start, end):
            if at < low:
                left.append((at, low))
            at = high
        if at < end:
            left.append((at, end))
    return left


def within(stretches: list[Stretch], start: int, end: int) -> Iterator[Stretch]:
    """The parts of them between two places."""
    index = max(bisect_right(stretches, (start, start)) - 1, 0)
    while index < len(stretches) and stretches[index][0] < end:
        low, high = max(stretches[index][0], start), min(stretches[index][1], end)
        if low < high:
            yield low, high
        index += 1


def differing(before: Disk, after: Disk, stretches: list[Stretch], grain: int) -> list[Stretch]:
    """Those parts, in steps of ``grain`` bytes, whose bytes are not the same on both."""
    found: list[Stretch] = []
    for start, end in stretches:
        for at in range(start - start % grain, end, AT_ONCE):
            length = min(AT_ONCE, end - at)
            old, new = before.read(at, length), after.read(at, length)
            if old == new:
                continue
            for inside in range(0, max(len(old), len(new)), grain):
                if old[inside : inside + grain] != new[inside : inside + grain]:
                    _add(found, at + inside, at + inside + grain)
    return joined(found)


def _add(found: list[Stretch], start: int, end: int) -> None:
    """At the end of a list, or to its last stretch."""
    if found and found[-1][1] == start:
        found[-1] = (found[-1][0], end)
    else:
        found.append((start, end))
