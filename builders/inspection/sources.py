"""Where bytes come from: a file of a store, wherever it lies, and a disk, whatever lies under it."""

from __future__ import annotations

from typing import Protocol


class Source(Protocol):
    """One file, read only, at any offset, from any thread."""

    name: str
    """File name without a folder, as in ``W11.4.avhdx``."""
    size: int
    """Bytes, as it was when it was opened."""

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes at ``offset``; fewer only where the file ends. OSError when it cannot be read."""
        ...

    def close(self) -> None: ...


class Folder(Protocol):
    """The files that may be opened together: a store, or what a command was given."""

    def open(self, name: str) -> Source:
        """A plain file name. OutOfPlace for anything else; FileNotFoundError; OSError when it cannot be opened."""
        ...

    def names(self) -> list[str]:
        """The plain files in it, links left out."""
        ...


class Disk(Protocol):
    """A virtual disk as its guest sees it."""

    size: int
    sector: int
    """Bytes of a logical sector: 512 or 4096."""

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes at ``offset``, any alignment; fewer only where the disk ends."""
        ...
