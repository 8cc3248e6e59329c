"""Every file of a volume at once, by one pass over its file table: no folder is opened, no record read twice."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from builders.inspection.errors import Damaged
from builders.inspection.volumes.records import EPOCH, FOLDER, IN_USE, LATEST

if TYPE_CHECKING:
    from builders.inspection.volumes.ntfs import Volume

ROOT = 5
EXTEND = 11
FIRST_OWN = 16
"""Records below are the file system's own; so is what lies in the folder of record 11 ($Extend)."""
SHORT = 2
"""The kind of name that DOS sees beside the true one."""
LONG_PATH = 1024
LONGEST_PATH = 32_767
"""Characters; what Windows can name at most."""
MOST_OF_LONG_PATHS = 64 << 20
_UNKNOWN = "/"
"""Stands for no prefix: none has this letter."""
FORBIDDEN = str.maketrans({"\0": "\ufffd", "\\": "\ufffd", "/": "\ufffd"})

_head = struct.Struct("<4s12xHHHHI4xQ").unpack_from
_begin = struct.Struct("<IIBB").unpack_from
_quad = struct.Struct("<Q").unpack_from
_long = struct.Struct("<I").unpack_from
_short = struct.Struct("<H").unpack_from


class FileEntry(NamedTuple):
    path: str
    """From the volume's root, as in ``Windows\\System32\\ntdll.dll``. A file of several names is listed by each."""
    size: int
    """Bytes of its unnamed stream; 0 for a folder."""
    modified_at: float
    """Seconds since 1970 (UTC), when its contents were last changed; 0.0 if the record does not say."""
    is_folder: bool
    record: int
    sequence: int


class _Facts(NamedTuple):
    """What one record tells. Names are (reference to the folder, name); ``short`` are those that DOS sees."""

    number: int
    sequence: int
    is_folder: bool
    modified: int
    size: int
    names: list[tuple[int, str]]
    short: list[tuple[int, str]]


def list_files(volume: Volume) -> Iterator[FileEntry]:
    """Files and folders in the order of the file table, those whose folder stands behind them last.

    The file system's own files ($MFT and the like) are left out. What is damaged is left out too and counted in
    ``volume.warnings`` when the listing ends.
    """
    return _Listing(volume).entries()


class _Listing:
    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._prefixes: dict[int, str | None] = {
            volume.table.reference(ROOT): "",
            volume.table.reference(EXTEND): None,
        }
        """By reference to a folder: what its files' paths begin with; None for those that are not listed."""
        self._waiting: dict[int, list[tuple[_Facts, str]]] = {}
        """By reference to a folder not yet known: files and their name in it."""
        self._spread: dict[int, _Facts] = {}
        """Files of several records, and what those others tell."""
        self._others: dict[int, list[_Facts]] = {}
        self._bad: list[int] = []
        self._lost = 0
        self._long = 0

    def entries(self) -> Iterator[FileEntry]:
        size = self._volume.table.geometry.record
        for first, chunk, damaged in self._volume.table.chunks():
            self._bad.extend(first + index for index in damaged)
            yield from self._of_chunk(first, chunk, size, damaged)
        yield from self._of_late_ones()
        self._tell()

    def _of_chunk(self, first: int, chunk: bytearray, size: int, damaged: set[int]) -> list[FileEntry]:
        found: list[FileEntry] = []
        for index, flags in enumerate(chunk[22::size]):
            if not flags & IN_USE or index in damaged:
                continue
            number = first + index
            try:
                facts = self._facts(chunk, index * size, size, number)
            except (Damaged, struct.error, IndexError):
                self._bad.append(number)
                continue
            if facts is not None:
                self._place(facts, found)
        return found

    def _facts(  # noqa: PLR0912 - called for each record: one function, no calls in it
        self, chunk: bytearray, start: int, size: int, number: int
    ) -> _Facts | None:
        """None for the file system's own, and for records that are a part of another's file."""
        signature, sequence, _, at, flags, used, base = _head(chunk, start)
        if signature != b"FILE":
            if signature == b"\0\0\0\0":
                return None
            raise Damaged("it is not a file record")
        end = start + min(used, size)
        at += start
        modified = length_of_data = 0
        names: list[tuple[int, str]] = []
        short: list[tuple[int, str]] = []
        is_spread = False
        while at + 16 <= end:
            kind, length, spread, name_length = _begin(chunk, at)
            if kind == 0xFFFFFFFF or kind > 0x80:
                break
            if length < 24 or at + length > end:
                raise Damaged("an attribute reaches out of it")
            if kind == 0x10:
                modified = _quad(chunk, at + _short(chunk, at + 20)[0] + 8)[0]
            elif kind == 0x30:
                value = at + _short(chunk, at + 20)[0]
                letters, namespace = chunk[value + 64], chunk[value + 65]
                if value + 66 + 2 * letters > at + length:
                    raise Damaged("a name reaches out of it")
                name = chunk[value + 66 : value + 66 + 2 * letters].decode("utf-16-le", "replace")
                (short if namespace == SHORT else names).append((_quad(chunk, value)[0], name))
            elif kind == 0x80 and not name_length:
                if not spread:
                    length_of_data = _long(chunk, at + 16)[0]
                elif not _quad(chunk, at + 16)[0]:
                    length_of_data = _quad(chunk, at + 48)[0]
            elif kind == 0x20:
                is_spread = True
            at += length
        facts = _Facts(number, sequence, flags & FOLDER != 0, modified, length_of_data, names, short)
        if base:
            self._others.setdefault(base, []).append(facts)
            return None
        if number < FIRST_OWN:
            return None
        if is_spread:
            self._spread[number] = facts
            return None
        return facts

    def _place(self, facts: _Facts, found: list[FileEntry]) -> None:
        """Add the file's entries where the folder is known, else keep them until it is."""
        for parent, name in facts.names or facts.short:
            prefix = self._prefixes.get(parent, _UNKNOWN)
            if prefix is _UNKNOWN:
                self._waiting.setdefault(parent, []).append((facts, name))
            elif prefix is not None:
                self._enter(facts, prefix, name, found)
            elif facts.is_folder:
                self._prefixes[facts.sequence << 48 | facts.number] = None
        if facts.is_folder and self._waiting:
            self._place_those_in(facts, found)

    def _place_those_in(self, folder: _Facts, found: list[FileEntry]) -> None:
        """What waited for a folder, and for the folders among that."""
        ready = [folder.sequence << 48 | folder.number]
        while ready:
            reference = ready.pop()
            prefix = self._prefixes.get(reference, _UNKNOWN)
            for facts, name in self._waiting.pop(reference, ()) if prefix is not _UNKNOWN else ():
                its_reference = facts.sequence << 48 | facts.number
                if prefix is not None:
                    self._enter(facts, prefix, name, found)
                elif facts.is_folder:
                    self._prefixes[its_reference] = None
                if facts.is_folder:
                    ready.append(its_reference)

    def _enter(self, facts: _Facts, prefix: str, name: str, found: list[FileEntry]) -> None:
        number, sequence, is_folder, modified, size, _, _ = facts
        if "\\" in name or "\0" in name or "/" in name:
            name = name.translate(FORBIDDEN)
        path = prefix + name
        if len(path) > LONG_PATH and not self._is_affordable(len(path)):
            self._lost += 1
            return
        if is_folder:
            self._prefixes[sequence << 48 | number] = path + "\\"
            size = 0
        modified_at = (modified - EPOCH) / 10_000_000 if EPOCH <= modified <= LATEST else 0.0
        found.append(FileEntry(path, size, modified_at, is_folder, number, sequence))

    def _is_affordable(self, length: int) -> bool:
        """Crafted folders in folders could make the paths of a small volume fill the memory."""
        self._long += length
        return length <= LONGEST_PATH and self._long <= MOST_OF_LONG_PATHS

    def _of_late_ones(self) -> Iterator[FileEntry]:
        """Files of several records, when all of these were seen."""
        found: list[FileEntry] = []
        for number, facts in self._spread.items():
            others = self._others.get(facts.sequence << 48 | number, ())
            names = [*facts.names, *(name for other in others for name in other.names)]
            short = [*facts.short, *(name for other in others for name in other.short)]
            size = max([facts.size, *(other.size for other in others)])
            self._place(facts._replace(names=names, short=short, size=size), found)
        self._lost += sum(len(kept) for kept in self._waiting.values())
        yield from found

    def _tell(self) -> None:
        if self._bad:
            words = f"{len(self._bad)} records of the file table are damaged and were left out"
            self._volume.warn(f"{words} (the first is record {min(self._bad)}).")
        if self._lost:
            self._volume.warn(f"{self._lost} files belong to a folder that is not there and were left out.")
