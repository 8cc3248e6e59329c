"""Answers to what the child asks for: a file by name, bytes of it, the names there are. Each question is checked."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from builders.inspection.errors import Unreadable
from builders.inspection.sandbox.wire import MOST_PAYLOAD, Garbage, TooMuch
from builders.inspection.sources import Folder, Source

NAMES_AT_ONCE = 500
MOST_OPENED = 130
"""Files in one run, each once: two chains of 64 files and a base."""
LARGEST = 1 << 62


@runtime_checkable
class Handable(Protocol):
    """A source that is a file of this machine and can be given away as a descriptor."""

    def fileno(self) -> int: ...


@runtime_checkable
class Watched(Protocol):
    """A source that can tell whether somebody wrote to its file since it was opened."""

    def has_changed(self) -> bool: ...


@dataclass
class _Opened:
    """``users``: how many times the child has it open."""

    source: Source
    users: int = 0


@dataclass(frozen=True)
class Answer:
    header: dict[str, Any]
    payload: bytes = b""
    descriptor: int | None = None


class Server:
    """For one child, for one run. Errors of a store that the image is not to blame for pass through to the caller."""

    def __init__(self, folders: Sequence[Folder]) -> None:
        self._folders = folders
        self._files: list[_Opened | None] = []
        self._numbers: dict[tuple[int, str], int] = {}
        self.bytes_read = 0

    def answer(self, ask: str, header: dict[str, Any]) -> Answer:
        questions = {"open": self._open, "names": self._names, "read": self._read, "close": self._close}
        if ask not in questions:
            raise Garbage(f"the question {ask[:40]!r}")
        return questions[ask](header)

    def changed(self) -> tuple[str, ...]:
        files = [file.source for file in self._files if file is not None]
        return tuple(dict.fromkeys(file.name for file in files if isinstance(file, Watched) and file.has_changed()))

    def close(self) -> None:
        for file in self._files:
            if file is not None:
                with contextlib.suppress(Exception):
                    file.source.close()
        self._files.clear()
        self._numbers.clear()

    def _open(self, header: dict[str, Any]) -> Answer:
        name = header.get("name")
        if not isinstance(name, str):
            raise Garbage("a file that cannot be meant")
        try:
            number, file = self._opened(header, name)
        except (Unreadable, FileNotFoundError) as error:
            return Answer({"error": _kind(error), "words": str(error)})
        file.users += 1
        if isinstance(file.source, Handable):
            return Answer({"size": file.source.size, "handed": True}, descriptor=file.source.fileno())
        return Answer({"size": file.source.size, "file": number})

    def _opened(self, header: dict[str, Any], name: str) -> tuple[int, _Opened]:
        """A name is one file for the whole run, however often it is asked for."""
        folder, key = self._folder(header), (header["image"], name)
        number = self._numbers.get(key, len(self._files))
        if number >= MOST_OPENED:
            raise TooMuch(f"more than {MOST_OPENED} files to open")
        known = self._files[number] if key in self._numbers else None
        if known is not None:
            return number, known
        file = _Opened(folder.open(name))
        if number == len(self._files):
            self._numbers[key] = number
            self._files.append(file)
        else:
            self._files[number] = file
        return number, file

    def _names(self, header: dict[str, Any]) -> Answer:
        names, after = self._folder(header).names(), _whole(header, "after", LARGEST)
        return Answer({"names": names[after : after + NAMES_AT_ONCE], "more": after + NAMES_AT_ONCE < len(names)})

    def _read(self, header: dict[str, Any]) -> Answer:
        file = self._files[_whole(header, "file", len(self._files) - 1)]
        if file is None:
            raise Garbage("a file that was closed")
        data = file.source.read(_whole(header, "offset", LARGEST), _whole(header, "length", MOST_PAYLOAD))
        self.bytes_read += len(data)
        return Answer({"read": len(data)}, payload=data)

    def _close(self, header: dict[str, Any]) -> Answer:
        number = _whole(header, "file", len(self._files) - 1)
        file = self._files[number]
        if file is not None:
            file.users -= 1
            if not file.users:
                self._files[number] = None
                file.source.close()
        return Answer({"closed": number})

    def _folder(self, header: dict[str, Any]) -> Folder:
        return self._folders[_whole(header, "image", len(self._folders) - 1)]


def _kind(error: Exception) -> str:
    return "FileNotFoundError" if isinstance(error, FileNotFoundError) else type(error).__name__


def _whole(header: dict[str, Any], name: str, most: int) -> int:
    value = header.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise Garbage(f"{name} is not a number that can be meant")
    return value
