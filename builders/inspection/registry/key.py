"""One key of a hive: what is below it and what it says."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Protocol, TypeVar

from builders.inspection.errors import Unreadable
from builders.inspection.registry import values
from builders.inspection.registry.cells import MOST_BELOW, Cells, KeyNode, ValueNode

T = TypeVar("T")

ERRORS = (Unreadable, OSError, ValueError, struct.error, IndexError, OverflowError)
"""What a damaged cell can end in; each is caught where it stands and told to the hive."""
SCANNED_WITHOUT_HASH = 256
"""Below a key of no more keys than this, each name is looked at when the hashes of the list find nothing."""


class Owner(Protocol):
    cells: Cells

    def note(self, where: str, words: str) -> None: ...


class Key:
    """Names are compared as Windows compares them, case aside. What cannot be read is noted and left out."""

    def __init__(self, owner: Owner, node: KeyNode, path: str) -> None:
        self.name = node.name
        self.path = path
        self._owner = owner
        self._node = node

    @property
    def written_at(self) -> str:
        """When a value or a key below it last changed, as in ``2024-03-12T08:00:00Z``; "" when it does not say."""
        return values.moment_of(self._node.written)

    def keys(self) -> Iterator[Key]:
        """The keys below, in the hive's order."""
        for offset, _ in self._below():
            if node := self._attempt(self.path, lambda offset=offset: self._owner.cells.key(offset)):  # type: ignore[misc]
                yield self._child(node)

    def __iter__(self) -> Iterator[Key]:
        return self.keys()

    def names(self) -> list[str]:
        return [key.name for key in self.keys()]

    def key(self, path: str) -> Key | None:
        """The key below by its name, or by a path of names joined by backslashes."""
        found: Key | None = self
        for name in path.split("\\"):
            if found is None:
                return None
            if name:
                found = found._named(name)
        return found

    def holds_text(self, name: str) -> bool:
        """Whether a value is there and is text by its type, or bytes that hold text; not so a number."""
        kind, raw = self._kind_and_raw(name)
        return self.has(name) and values.is_text(kind, raw)

    def text(self, name: str) -> str:
        """A value as one line of text, "" when there is none. "" as name asks for the default value."""
        kind, raw = self._kind_and_raw(name)
        found = values.text_of(kind, raw)
        if len(found) >= values.MOST_LETTERS:
            self._owner.note(f"{self.path}\\{name}", f"only its first {values.MOST_LETTERS:,} letters were read")
        return found

    def texts(self, name: str) -> list[str]:
        kind, raw = self._kind_and_raw(name)
        found = values.texts_of(kind, raw)
        if len(found) >= values.MOST_LETTERS:
            self._owner.note(f"{self.path}\\{name}", f"only its first {values.MOST_LETTERS:,} texts were read")
        return found

    def number(self, name: str) -> int | None:
        kind, raw = self._kind_and_raw(name)
        return values.number_of(kind, raw)

    def raw(self, name: str) -> bytes:
        """The bytes of a value, at most 4 MiB; empty when there is none."""
        return self._kind_and_raw(name)[1]

    def has(self, name: str) -> bool:
        return name.lower() in self._values

    def value_names(self) -> list[str]:
        return [value.name for value in self._values.values()]

    @cached_property
    def _values(self) -> dict[str, ValueNode]:
        cells = self._owner.cells
        found: dict[str, ValueNode] = {}
        if self._node.value_count > MOST_BELOW:
            self._owner.note(self.path, f"it has {self._node.value_count:,} values; the first {MOST_BELOW:,} are read")
        for offset in self._attempt(self.path, lambda: cells.values_of(self._node)) or []:
            value = self._attempt(self.path, lambda offset=offset: cells.value(offset))  # type: ignore[misc]
            if value is not None:
                found.setdefault(value.name.lower(), value)
        return found

    def _kind_and_raw(self, name: str) -> tuple[int, bytes]:
        value = self._values.get(name.lower())
        if value is None:
            return values.REG_SZ, b""
        read = self._attempt(f"{self.path}\\{name}", lambda: self._owner.cells.data(value))
        if read is not None and len(read) < value.size:
            words = f"it says that it holds {value.size:,} bytes; {len(read):,} were read"
            self._owner.note(f"{self.path}\\{name}", words)
        return value.kind, read or b""

    def _named(self, name: str) -> Key | None:
        wanted, hashed = name.upper(), _hash(name)
        below = list(self._below())
        for offset, hint in below:
            if (hint is None or hint == hashed) and (key := self._if_named(offset, wanted)):
                return key
        if len(below) <= SCANNED_WITHOUT_HASH:
            for offset, hint in below:
                if hint is not None and hint != hashed and (key := self._if_named(offset, wanted)):
                    return key
        return None

    def _if_named(self, offset: int, wanted: str) -> Key | None:
        node = self._attempt(self.path, lambda: self._owner.cells.key(offset))
        return self._child(node) if node is not None and node.name.upper() == wanted else None

    def _child(self, node: KeyNode) -> Key:
        return Key(self._owner, node, f"{self.path}\\{node.name}" if self.path else node.name)

    def _below(self) -> Iterator[tuple[int, int | None]]:
        listed = self._owner.cells.keys_below(self._node)
        while True:
            below = self._attempt(self.path, lambda: next(listed, None))
            if below is None:
                return
            yield below

    def _attempt(self, where: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except ERRORS as error:
            self._owner.note(where, str(error) or type(error).__name__)
            return None


def _hash(name: str) -> int:
    """What lists of the kind lh keep beside each key."""
    found = 0
    for letter in name:
        upper = letter.upper()
        found = (found * 37 + ord(upper if len(upper) == 1 else letter)) & 0xFFFFFFFF
    return found
