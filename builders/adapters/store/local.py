"""A store on this machine: a local disk, or a share that is mounted."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from builders.adapters.store.errors import FileMissing, StoreRefused, StoreTimedOut, StoreUnreachable
from builders.adapters.store.names import plain
from builders.inspection.errors import OutOfPlace

T = TypeVar("T")
LOST = frozenset({errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ESTALE, errno.EIO, errno.ENODEV})
LATE = frozenset({errno.ETIMEDOUT})
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# NONBLOCK: a pipe that slipped in between look and open must not hold us; for files it means nothing.
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class LocalFile:
    """A Source. Its descriptor may be handed to a child, which then reads without asking."""

    def __init__(self, name: str, descriptor: int, facts: os.stat_result) -> None:
        self.name, self.size = name, facts.st_size
        self.bytes_read = 0
        self._descriptor, self._opened = descriptor, facts

    def fileno(self) -> int:
        return self._descriptor

    def read(self, offset: int, length: int) -> bytes:
        if length <= 0:
            return b""
        asked = f"{self.name} was read at {offset}"
        data = _asked(asked, lambda: os.pread(self._descriptor, length, offset))
        while 0 < len(data) < length:
            at, left = offset + len(data), length - len(data)
            more = _asked(asked, lambda at=at, left=left: os.pread(self._descriptor, left, at))  # type: ignore[misc]
            if not more:
                break
            data += more
        self.bytes_read += len(data)
        return data

    def has_changed(self) -> bool:
        """Whether somebody wrote to it since it was opened."""
        now, then = os.fstat(self._descriptor), self._opened
        return (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class LocalFolder:
    """A Folder. Holds no descriptor itself; links, devices, pipes and whatever lies elsewhere are not opened."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def open(self, name: str) -> LocalFile:
        plain(name)
        folder = self._opened()
        try:
            return self._open(folder, name)
        finally:
            os.close(folder)

    def names(self) -> list[str]:
        folder = self._opened()
        try:
            with os.scandir(folder) as entries:
                return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
        finally:
            os.close(folder)

    def _opened(self) -> int:
        return _asked(f"The folder {self.path} was opened", lambda: os.open(self.path, OPEN_FOLDER))

    def _open(self, folder: int, name: str) -> LocalFile:
        asked = f"{name} was opened in {self.path}"
        # Looked at before it is opened: opening a device can already do something.
        before = _asked(asked, lambda: os.stat(name, dir_fd=folder, follow_symlinks=False))
        _only_files(name, before)
        descriptor = _asked(asked, lambda: os.open(name, OPEN_FILE, dir_fd=folder))
        facts = os.fstat(descriptor)
        try:
            _only_files(name, facts)
        except OutOfPlace:
            os.close(descriptor)
            raise
        return LocalFile(name, descriptor, facts)


def _only_files(name: str, facts: os.stat_result) -> None:
    if stat.S_ISLNK(facts.st_mode):
        raise OutOfPlace(f"{name} is a link; only files that lie in the store itself are read.")
    if not stat.S_ISREG(facts.st_mode):
        raise OutOfPlace(f"{name} is a folder, a device or a pipe; only files are read.")


def _asked(asked: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except OSError as error:
        raise _in_our_words(asked, error) from error


def _in_our_words(asked: str, error: OSError) -> Exception:
    words = error.strerror or str(error)
    message = f"{asked}: {words}."
    if error.errno == errno.ELOOP:
        return OutOfPlace(f"{asked}: it is a link; only files that lie in the store itself are read.")
    if error.errno == errno.ENOENT:
        return FileMissing(message, asked=asked, words=words)
    if error.errno in LOST:
        remedy = "Look whether the disk or the mounted share is still there."
        return StoreUnreachable(message, asked=asked, words=words, remedy=remedy)
    if error.errno in LATE:
        return StoreTimedOut(message, asked=asked, words=words)
    remedy = "Give the account that the workers run as the right to read there."
    refused = error.errno in {errno.EACCES, errno.EPERM}
    return StoreRefused(message, asked=asked, words=words, remedy=remedy if refused else "", permanent=refused)
