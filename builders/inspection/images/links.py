"""One file of a chain, as the chain sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from builders.inspection.errors import Damaged
from builders.inspection.images.facts import LinkFacts

ZEROS = -1
"""In place of a position: the file says that these bytes are zero."""
PARENT = -2
"""The bytes are the parent's."""
UNREADABLE = -3
"""They should be in this file and are not; ``Link.damage`` says why."""

Run = tuple[int, int]
"""Length in bytes, and the position in the file or one of the words above."""


class Link(Protocol):
    """A VHD or VHDX file without its parents."""

    facts: LinkFacts
    size: int
    sector: int
    own_id: str
    """What a child names as its parent's id."""
    parent_ids: tuple[str, ...]

    def runs(self, start: int, length: int) -> Iterator[Run]:
        """Where the bytes of the virtual disk are, in order; the lengths add up to ``length``. Within ``size``."""
        ...

    def payload(self, position: int, length: int) -> bytes:
        """Bytes of the file at a position that ``runs`` gave."""
        ...

    def damage(self, start: int) -> Damaged:
        """Why the byte of the virtual disk at ``start`` is UNREADABLE."""
        ...

    def shortcomings(self) -> list[str]:
        """How many blocks should be in the file and are not, in words; nothing for a table too long to look through."""
        ...

    def close(self) -> None: ...


def within_file(position: int, length: int, file_size: int) -> Iterator[Run]:
    """A run of the file, cut where the file ends."""
    there = min(length, max(0, file_size - position))
    if there:
        yield there, position
    if length > there:
        yield length - there, UNREADABLE
