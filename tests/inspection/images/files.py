"""A folder of plain files for the tests, which counts what is read of it."""

from __future__ import annotations

import os
from pathlib import Path

from builders.inspection.errors import OutOfPlace


class FileSource:
    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._fd = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._fd).st_size
        self.bytes_read = self.reads = 0
        self.closed = False

    def read(self, offset: int, length: int) -> bytes:
        found = os.pread(self._fd, length, offset)
        self.bytes_read += len(found)
        self.reads += 1
        return found

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        self.closed = True


class FileFolder:
    """Keeps every source it opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened: list[FileSource] = []

    def open(self, name: str) -> FileSource:
        if "/" in name or name in ("", ".", ".."):
            raise OutOfPlace(name)
        self.opened.append(FileSource(self.path / name))
        return self.opened[-1]

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.path.iterdir() if entry.is_file() and not entry.is_symlink())

    @property
    def bytes_read(self) -> int:
        return sum(source.bytes_read for source in self.opened)


class BytesSource:
    """A file held in memory, for damaged ones by the hundred."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self.content, self.size = name, content, len(content)

    def read(self, offset: int, length: int) -> bytes:
        return self.content[offset : offset + length]

    def close(self) -> None:
        return


class BytesFolder:
    def __init__(self, **files: bytes) -> None:
        self.files = {name.replace("__", "."): content for name, content in files.items()}

    def open(self, name: str) -> BytesSource:
        if name not in self.files:
            raise FileNotFoundError(name)
        return BytesSource(name, self.files[name])

    def names(self) -> list[str]:
        return sorted(self.files)
