"""What differs between two states of one volume, file by file, read from what differs between the disks.

The stretches in which the disks may differ are compared byte by byte. Where the file table differs stand the files that
came, went or changed; whatever else differs belongs to these, to the file system itself, to nobody, or to a file that
was written in place: its owner is then looked for in the whole table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builders.inspection.errors import Damaged
from builders.inspection.volumes.listing import FileEntry, list_files
from builders.inspection.volumes.ntfs import Volume
from builders.inspection.volumes.owners import owners_of
from builders.inspection.volumes.records import Stream
from builders.inspection.volumes.states import State
from builders.inspection.volumes.stretches import Stretch, differing, joined, within, without

AT_ONCE = 1 << 20
_FIRST_FILES = 64
"""The file system's own files stand among the first so many records."""


@dataclass(frozen=True)
class FileChange:
    before: FileEntry
    after: FileEntry
    what: str
    """``contents`` (other bytes, in any of its streams), or ``time`` (touched, the bytes are the same)."""


@dataclass(frozen=True)
class FileChanges:
    """Sorted by path. A file or folder that was renamed is removed under one name and added under the other."""

    added: tuple[FileEntry, ...]
    removed: tuple[FileEntry, ...]
    changed: tuple[FileChange, ...]
    """Files alone: what changes in a folder is in the entries of its files."""
    warnings: tuple[str, ...]


def changed_files(before: Volume, after: Volume, ranges: Sequence[tuple[int, int]] | None = None) -> FileChanges:
    """From ``before`` to ``after``. ``ranges`` are the stretches (start and length in bytes of the disk) in which the
    two disks may differ; elsewhere nothing is read but the file table. None where that is not known, as for volumes
    of two origins: then files of the same size and time are taken as equal."""
    is_one = before.geometry == after.geometry and before.window.start == after.window.start
    if ranges is None or not is_one:
        return _compared_by_listing(before, after)
    return _Comparison(before, after, ranges).changes()


def _compared_by_listing(before: Volume, after: Volume) -> FileChanges:
    old = {entry.path: entry for entry in list_files(before)}
    new = {entry.path: entry for entry in list_files(after)}
    changed = [
        FileChange(entry, new[path], "contents" if entry.size != new[path].size else "time")
        for path, entry in old.items()
        if path in new and not new[path].is_folder and entry[1:4] != new[path][1:4]
    ]
    words = "Files of the same size and time were taken as equal: the volumes are not two states of one."
    return _sorted(old, new, changed, (*before.warnings, *after.warnings, words))


def _sorted(
    old: dict[str, FileEntry], new: dict[str, FileEntry], changed: list[FileChange], warnings: Sequence[str]
) -> FileChanges:
    return FileChanges(
        tuple(sorted(entry for path, entry in new.items() if path not in old)),
        tuple(sorted(entry for path, entry in old.items() if path not in new)),
        tuple(sorted(changed, key=lambda each: each.after.path)),
        tuple(dict.fromkeys(warnings)),
    )


class _Comparison:
    def __init__(self, before: Volume, after: Volume, ranges: Sequence[tuple[int, int]]) -> None:
        self._before, self._after = State(before), State(after)
        geometry, start = after.geometry, after.window.start
        inside = ((max(at - start, 0), min(at - start + length, geometry.size)) for at, length in ranges)
        grain = min(geometry.record, geometry.cluster)
        self._differing = differing(before.window, after.window, joined(inside), grain)
        self._most_compared = geometry.size + (64 << 20)

    def changes(self) -> FileChanges:
        touched = self._touched()
        old = {entry.path: entry for number in touched for entry in self._before.entries(number)}
        new = {entry.path: entry for number in touched for entry in self._after.entries(number)}
        if self._has_moved_folder(touched):
            old = {entry.path: entry for entry in list_files(self._before.volume)}
            new = {entry.path: entry for entry in list_files(self._after.volume)}
        changed = [
            FileChange(entry, new[path], what)
            for path, entry in old.items()
            if path in new and (what := self._what_changed(entry, new[path], touched))
        ]
        changed.extend(self._written_in_place(touched))
        return _sorted(old, new, changed, [*self._before.volume.warnings, *self._after.volume.warnings, *self._words()])

    def _touched(self) -> set[int]:
        """First records of the files that a differing record belongs to, before or after."""
        numbers: set[int] = set()
        for record in self._records():
            for state in (self._before, self._after):
                base = state.base_of(record)
                if base is not None:
                    numbers.add(base)
        return numbers

    def _records(self) -> set[int]:
        """Numbers of the records whose bytes or place differ."""
        size = self._after.table.geometry.record
        old, new = (list(_pieces(state)) for state in (self._before, self._after))
        found: set[int] = set()
        for at, place, length in old + new:
            for start, end in within(self._differing, place, place + length):
                found.update(range((at + start - place) // size, (at + end - place - 1) // size + 1))
        for start, end in (*_elsewhere(old, new), *_elsewhere(new, old)):
            found.update(range(start // size, (end - 1) // size + 1))
        return found

    def _has_moved_folder(self, touched: set[int]) -> bool:
        """Whether the paths of files changed that are themselves as they were."""
        for number in touched:
            if self._before.is_folder(number) and self._after.is_folder(number):
                old, new = self._before.entries(number), self._after.entries(number)
                if [entry.path for entry in old] != [entry.path for entry in new]:
                    return True
        return False

    def _what_changed(self, old: FileEntry, new: FileEntry, touched: set[int]) -> str:
        if new.is_folder and old.is_folder:
            return ""
        is_other = (old.record, old.sequence) != (new.record, new.sequence)
        if (old.size, old.is_folder) != (new.size, new.is_folder):
            return "contents"
        if (is_other or old.record in touched) and not self._have_same_contents(old.record, new.record):
            return "contents"
        return "time" if old.modified_at != new.modified_at else ""

    def _written_in_place(self, touched: set[int]) -> Iterator[FileChange]:
        """Files whose record says nothing of it: their owner is found by the clusters that differ. A folder's index
        repeats what its files' records say, so it differs with them."""
        known = [place for _, place in self._table_places()]
        for state in (self._before, self._after):
            own = (number for number in range(min(_FIRST_FILES, state.table.count)) if state.is_own(number))
            folders = {folder for number in touched for folder in state.folders_of(number)}
            for number in {*own, *touched, *folders}:
                known.extend(state.stretches(number))
        left = self._after.in_use(without(self._differing, joined(known)))
        for number in owners_of(self._after.table, joined(left)) - touched:
            if self._after.is_own(number) or self._after.is_folder(number):
                continue
            if not self._have_same_contents(number, number):
                pairs = zip(self._before.entries(number), self._after.entries(number), strict=False)
                yield from (FileChange(old, new, "contents") for old, new in pairs)

    def _table_places(self) -> Iterator[tuple[int, Stretch]]:
        for state in (self._before, self._after):
            yield from ((at, (place, place + length)) for at, place, length in _pieces(state))

    def _have_same_contents(self, old: int, new: int) -> bool:
        try:
            before, after = self._before.contents(old), self._after.contents(new)
        except Damaged:
            return False
        return before.keys() == after.keys() and all(self._same(before[key], after[key]) for key in before)

    def _same(self, old: Stream, new: Stream) -> bool:
        if old.size != new.size:
            return False
        if old.value is not None and new.value is not None:
            return old.value == new.value
        if (old.runs, old.valid, old.flags) == (new.runs, new.valid, new.flags):
            places = self._after.table.extents_of(new).places(0, new.size)
            return all(self._is_alike(at, length) for at, length in places if at >= 0)
        return self._read_alike(old, new)

    def _is_alike(self, at: int, length: int) -> bool:
        """Whether a stretch of the volume is the same. What differs is known in steps, not by the byte."""
        before, after = self._before.volume.window, self._after.volume.window
        for start, end in within(self._differing, at, at + length):
            for step in range(start, end, AT_ONCE):
                size = min(AT_ONCE, end - step)
                if before.read(step, size) != after.read(step, size):
                    return False
        return True

    def _read_alike(self, old: Stream, new: Stream) -> bool:
        """By reading both; holes in both are not read. What would take too long counts as different."""
        first, second = _Pieces(self._before, old), _Pieces(self._after, new)
        at = 0
        while at < new.size:
            length = min(AT_ONCE, new.size - at)
            hole = min(first.hole(at), second.hole(at))
            if hole:
                at += hole
                continue
            self._most_compared -= length
            if self._most_compared < 0:
                return False
            try:
                if first.read(at, length) != second.read(at, length):
                    return False
            except Damaged:
                return False
            at += length
        return True

    def _words(self) -> Iterator[str]:
        damaged = self._before.damaged | self._after.damaged
        if damaged:
            words = f"{len(damaged)} records of the file table that differ are damaged"
            yield f"{words} (the first is record {min(damaged)}); their files are left out."
        if self._most_compared < 0:
            yield "More was to be compared than the volume holds; files not compared count as changed."


class _Pieces:
    """Bytes of a stream wherever they lie, and how far a hole goes on."""

    def __init__(self, state: State, stream: Stream) -> None:
        self._value = stream.value
        self._extents = state.table.extents_of(stream)
        self._size = stream.size

    def hole(self, at: int) -> int:
        """Bytes of zeros that need no reading from ``at`` on."""
        if self._value is not None:
            return 0
        if at >= self._extents.size:
            return self._size - at
        place, length = next(iter(self._extents.places(at, self._extents.size)))
        return length if place < 0 else 0

    def read(self, at: int, length: int) -> bytes:
        if self._value is not None:
            return self._value[at : at + length]
        return self._extents.read(at, length).ljust(length, b"\0")


def _elsewhere(pieces: list[tuple[int, int, int]], others: list[tuple[int, int, int]]) -> Iterator[Stretch]:
    """Stretches of the first table that lie in another place than in the second, or not at all."""
    for shift in {place - at for at, place, _ in pieces}:
        mine, theirs = (
            joined((at, at + length) for at, place, length in each if place - at == shift) for each in (pieces, others)
        )
        yield from without(mine, theirs)


def _pieces(state: State) -> Iterator[tuple[int, int, int]]:
    """Of the file table: offset in it, offset in the volume, and length."""
    at = 0
    for place, length in state.table.extents.places(0, state.table.extents.size):
        if place >= 0:
            yield at, place, length
        at += length
