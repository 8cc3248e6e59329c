"""One file of a volume, read at any place."""

from __future__ import annotations

import io
from typing import Protocol

from builders.inspection.errors import Unsupported

MOST_AT_ONCE = 2 << 30
"""A file may say that it is of any size, with holes."""


class Bytes(Protocol):
    size: int

    def read(self, offset: int, length: int) -> bytes: ...


class Held:
    """Bytes that lie in the file's record."""

    def __init__(self, value: bytes) -> None:
        self.size = len(value)
        self._value = value

    def read(self, offset: int, length: int) -> bytes:
        return self._value[offset : offset + length] if offset >= 0 and length > 0 else b""


class OpenedFile(io.RawIOBase):
    """A file object, read only; ``size`` in bytes. Raises the Unreadable family and what the disk below raises."""

    def __init__(self, path: str, content: Bytes) -> None:
        super().__init__()
        self.path = path
        self.size = content.size
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(self.size - self._at, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > MOST_AT_ONCE:
            raise Unsupported(f"{self.path} has {self.size} bytes, which is too much to be read at once.")
        taken = self.read_at(self._at, wanted)
        self._at += len(taken)
        return taken

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        taken = self.read(len(buffer))
        buffer[: len(taken)] = taken
        return len(taken)

    def read_at(self, offset: int, length: int) -> bytes:
        """The same without a position of its own; fewer bytes only where the file ends."""
        return self._content.read(offset, length)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"a place before the beginning of {self.path}")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def get_size(self) -> int:
        """What libregf and its kin ask for."""
        return self.size
