"""The logs of a hive: what Windows had written down of its changes before it wrote them into the hive.

Since Windows 8.1 a log is a run of entries ("HvLE") with two checks each; before, one bitmap ("DIRT") and the pages
it counts. Entries count when they follow each other without a gap and their checks hold; the rest of a log is old.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from builders.inspection.registry.cells import FIRST_BIN
from builders.inspection.registry.pages import PAGE, Pages

BASE = 512
_SEED = 0x82EF4D887A4E55C5
_ENTRY = struct.Struct("<4sIIIIIQQ")
_MOST_CHECKED = 4 << 20
"""Bytes of entries whose contents are checked in one log: beyond, the check of each entry's head decides alone."""
_MOST_LOG = 128 << 20
_BINS_LIMIT = 2 << 30


@dataclass(frozen=True)
class Entry:
    sequence: int
    bins_size: int
    changes: tuple[tuple[int, bytes], ...]
    """Offset from the first bin, and what is written there."""


def entries_of(log: bytes) -> list[Entry]:
    """The sound entries of a log in their order, up to the first that is not."""
    log = log[:_MOST_LOG]
    found: list[Entry] = []
    at = BASE
    while (entry := _entry(log, at, check=at < _MOST_CHECKED)) is not None:
        if found and entry.sequence != (found[-1].sequence + 1) & 0xFFFFFFFF:
            break
        found.append(entry)
        at += struct.unpack_from("<I", log, at + 4)[0]
    return found


def old_changes(log: bytes, bins_size: int) -> list[tuple[int, bytes]]:
    """The changes in a log of the kind used up to Windows 8; none when it is not one, or is cut short."""
    if log[BASE : BASE + 4] != b"DIRT":
        return []
    length = min(bins_size, _BINS_LIMIT) // (PAGE * 8)
    bitmap = log[BASE + 4 : BASE + 4 + length]
    at = -(-(BASE + 4 + length) // PAGE) * PAGE
    changes = []
    for number, byte in enumerate(bitmap):
        for bit in range(8):
            if byte >> bit & 1:
                page = log[at : at + PAGE]
                if len(page) < PAGE:
                    return []
                changes.append(((number * 8 + bit) * PAGE, page))
                at += PAGE
    return changes


def apply(pages: Pages, logs: list[bytes], sequence: int, bins_size: int) -> int:
    """Lay what the logs hold over the hive; how many entries. ``sequence`` is that of the last finished write."""
    runs = sorted((run for log in logs if (run := entries_of(log))), key=lambda run: run[0].sequence)
    applied, expected = 0, None
    for entry in (entry for run in runs for entry in run if entry.sequence >= sequence):
        if expected is not None and entry.sequence != expected:
            if entry.sequence < expected:
                continue
            break
        for offset, content in entry.changes:
            pages.lay_over(FIRST_BIN + offset, content)
        applied, expected = applied + 1, entry.sequence + 1
    return applied or _apply_old(pages, logs, bins_size)


def _apply_old(pages: Pages, logs: list[bytes], bins_size: int) -> int:
    for log in logs:
        if changes := old_changes(log, bins_size):
            for offset, content in changes:
                pages.lay_over(FIRST_BIN + offset, content)
            return 1
    return 0


def _entry(log: bytes, at: int, *, check: bool) -> Entry | None:
    if len(log) < at + _ENTRY.size:
        return None
    sign, size, _, sequence, bins_size, count, body_check, head_check = _ENTRY.unpack_from(log, at)
    if sign != b"HvLE" or size < _ENTRY.size or size % PAGE or at + size > len(log) or bins_size > _BINS_LIMIT:
        return None
    if marvin(log[at : at + 32]) != head_check or (check and marvin(log[at + 40 : at + size]) != body_check):
        return None
    changes = _changes(log[at : at + size], count, bins_size)
    return None if changes is None else Entry(sequence, bins_size, changes)


def _changes(entry: bytes, count: int, bins_size: int) -> tuple[tuple[int, bytes], ...] | None:
    content_at = _ENTRY.size + count * 8
    if content_at > len(entry):
        return None
    changes = []
    for number in range(count):
        offset, length = struct.unpack_from("<II", entry, _ENTRY.size + number * 8)
        whole = offset % PAGE == 0 and length % PAGE == 0 and offset + length <= bins_size
        if not whole or content_at + length > len(entry):
            return None
        changes.append((offset, entry[content_at : content_at + length]))
        content_at += length
    return tuple(changes)


def marvin(content: bytes, seed: int = _SEED) -> int:
    """Marvin32 as 64 bits, with the registry's seed unless another is given."""
    low, high = seed & 0xFFFFFFFF, seed >> 32
    whole = len(content) & ~3
    tail = int.from_bytes(content[whole:] + b"\x80", "little")
    words = [word for (word,) in struct.iter_unpack("<I", content[:whole])]
    for word in (*words, tail, 0):
        low = (low + word) & 0xFFFFFFFF
        high ^= low
        low = ((low << 20 | low >> 12) + high) & 0xFFFFFFFF
        high = (high << 9 | high >> 23) & 0xFFFFFFFF ^ low
        low = ((low << 27 | low >> 5) + high) & 0xFFFFFFFF
        high = (high << 19 | high >> 13) & 0xFFFFFFFF
    return high << 32 | low
