"""A registry hive: its head, whether it was closed cleanly, and its keys by path."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from builders.inspection.errors import Damaged
from builders.inspection.registry import logs as hive_logs
from builders.inspection.registry.cells import FIRST_BIN, Cells
from builders.inspection.registry.key import ERRORS, Key
from builders.inspection.registry.pages import BinaryFile, Pages

MOST_PROBLEMS = 200
_ROOT_CELL = 0x20
"""Where the root key lies in every hive that Windows makes."""


class Hive:
    """Keys by path from the root, case aside. Damaged when it is no hive at all or its root cannot be read.

    ``is_dirty``: Windows did not finish writing it. ``log_entries``: how many changes its logs added, in memory.
    ``state``: the same in words, "" for a hive that was closed cleanly.
    ``problems``: (place, words) of all that could not be read, at most MOST_PROBLEMS and
    a last one that says that there are more.
    """

    def __init__(self, held: bytes | BinaryFile, *, logs: Sequence[bytes] = (), name: str = "hive") -> None:
        self.name = name
        self.problems: list[tuple[str, str]] = []
        self.is_dirty = False
        self.state = ""
        self.log_entries = 0
        self._pages = Pages(held)
        self.cells = Cells(self._pages)
        root = self._open(self._head(logs), list(logs))
        self.root = self._root(root)

    def key(self, path: str) -> Key | None:
        """The key at a path such as ``Microsoft\\Windows NT\\CurrentVersion``; "" is the root."""
        return self.root.key(path)

    def note(self, where: str, words: str) -> None:
        if (where, words) in self.problems:
            return
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append((where, words))
        elif len(self.problems) == MOST_PROBLEMS:
            self.problems.append(("", f"more than {MOST_PROBLEMS} things in it cannot be read; the rest is not listed"))

    def _head(self, logs: Sequence[bytes]) -> bytes:
        head = self._pages.read(0, 512)
        if head[:4] == b"regf" and len(head) == 512:
            return head
        for log in logs:
            if log[:4] == b"regf" and len(log) >= 512 and self._pages.size > FIRST_BIN:
                self.note("", "the hive's head is destroyed; the one in its log was used")
                self.is_dirty = True
                return log[:512]
        raise Damaged(f"{self.name} is not a registry hive: it does not begin with the mark of one")

    def _open(self, head: bytes, logs: list[bytes]) -> int:
        secondary = struct.unpack_from("<I", head, 8)[0]
        root, bins_size = struct.unpack_from("<II", head, 36)
        self.is_dirty = self.is_dirty or not was_closed(head)
        if self.is_dirty:
            self.log_entries = hive_logs.apply(self._pages, logs, secondary, bins_size)
            self.state = _state(self.log_entries, given=bool(logs))
        if self._pages.size < FIRST_BIN + bins_size:
            self.note("", f"the hive says it holds {bins_size:,} bytes, and {self._pages.size - FIRST_BIN:,} are there")
        return int(root)

    def _root(self, offset: int) -> Key:
        for place in (offset, _ROOT_CELL):
            try:
                return Key(self, self.cells.key(place), "")
            except ERRORS as error:
                self.note("", f"the root key: {error}")
        raise Damaged(f"{self.name} has no root key that can be read")


def was_closed(head: bytes) -> bool:
    """Whether the first 512 bytes of a hive say that Windows finished writing it; if not, its logs are needed."""
    if len(head) < 512 or head[:4] != b"regf":
        return False
    primary, secondary = struct.unpack_from("<II", head, 4)
    return bool(primary == secondary and _checksum(head) == struct.unpack_from("<I", head, 508)[0])


def _checksum(head: bytes) -> int:
    found = 0
    for (word,) in struct.iter_unpack("<I", head[:508]):
        found ^= word
    return {0xFFFFFFFF: 0xFFFFFFFE, 0: 1}.get(found, found)


def _state(entries: int, *, given: bool) -> str:
    if entries:
        return f"the hive was not closed cleanly; {entries} change(s) from its logs are included"
    if given:
        return "the hive was not closed cleanly and its logs hold nothing that fits; its last changes may be missing"
    return "the hive was not closed cleanly and has no logs; its last changes may be missing"
