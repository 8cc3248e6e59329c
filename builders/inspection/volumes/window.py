"""A stretch of a disk as bytes of their own, and the same as a file object for the NTFS library."""

from __future__ import annotations

import io

from builders.inspection.errors import Unreadable
from builders.inspection.sources import Disk


class Window:
    """``length`` bytes of ``disk`` from ``start``; ``first``, where given, stands in for its first bytes."""

    def __init__(self, disk: Disk, start: int, length: int, first: bytes = b"") -> None:
        self.start = start
        self.size = max(min(length, disk.size - start), 0)
        self.sector = disk.sector
        self._disk = disk
        self._first = first[: self.size]

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length <= 0 or offset >= self.size:
            return b""
        taken = self._disk.read(self.start + offset, min(length, self.size - offset))
        if offset >= len(self._first):
            return taken
        stood_in = self._first[offset : offset + len(taken)]
        return stood_in + taken[len(stood_in) :]


class AsFile:
    """What the library asks of a file object. It turns our errors into its own words; ``problem`` keeps ours."""

    def __init__(self, window: Window) -> None:
        self.problem: Unreadable | OSError | None = None
        self._window = window
        self._at = 0

    def read(self, size: int) -> bytes:
        try:
            taken = self._window.read(self._at, size)
        except (Unreadable, OSError) as problem:
            self.problem = problem
            raise
        self._at += len(taken)
        return taken

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._window.size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def get_size(self) -> int:
        return self._window.size
