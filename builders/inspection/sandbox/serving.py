"""Answers to what the child asks for: a file by name, bytes of it, the names there are. Each question is checked."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from builders.inspection.errors import Unreadable
from builders.inspection.sandbox.wire import MOST_PAYLOAD, Garbage
from builders.inspection.sources import Folder, Source

NAMES_AT_ONCE = 500
MOST_OPENED = 1_000
"""Files in one run. A chain has at most 64."""
LARGEST = 1 << 62


@runtime_checkable
class Handable(Protocol):
    """A source that is a file of this machine and can be given away as a descriptor."""

    def fileno(self) -> int: ...


@runtime_checkable
class Watched(Protocol):
    """A source that can tell whether somebody wrote to its file since it was opened."""

    def has_changed(self) -> bool: ...


@dataclass(frozen=True)
class Answer:
    header: dict[str, Any]
    payload: bytes = b""
    descriptor: int | None = None


class Server:
    """For one child, for one run. Errors of a store that the image is not to blame for pass through to the caller."""

    def __init__(self, folders: Sequence[Folder]) -> None:
        self._folders = folders
        self._files: list[Source | None] = []
        self.bytes_read = 0

    def answer(self, ask: str, header: dict[str, Any]) -> Answer:
        questions = {"open": self._open, "names": self._names, "read": self._read, "close": self._close}
        if ask not in questions:
            raise Garbage(f"the question {ask[:40]!r}")
        return questions[ask](header)

    def changed(self) -> tuple[str, ...]:
        files = (file for file in self._files if file is not None)
        return tuple(dict.fromkeys(file.name for file in files if isinstance(file, Watched) and file.has_changed()))

    def close(self) -> None:
        for file in self._files:
            if file is not None:
                with contextlib.suppress(Exception):
                    file.close()
        self._files.clear()

    def _open(self, header: dict[str, Any]) -> Answer:
        folder, name = self._folder(header), header.get("name")
        if not isinstance(name, str) or len(self._files) >= MOST_OPENED:
            raise Garbage("a file that cannot be meant")
        try:
            file = folder.open(name)
        except (Unreadable, FileNotFoundError) as error:
            return Answer({"error": _kind(error), "words": str(error)})
        self._files.append(file)
        if isinstance(file, Handable):
            return Answer({"size": file.size, "handed": True}, descriptor=file.fileno())
        return Answer({"size": file.size, "file": len(self._files) - 1})

    def _names(self, header: dict[str, Any]) -> Answer:
        names, after = self._folder(header).names(), _whole(header, "after", LARGEST)
        return Answer({"names": names[after : after + NAMES_AT_ONCE], "more": after + NAMES_AT_ONCE < len(names)})

    def _read(self, header: dict[str, Any]) -> Answer:
        file = self._files[_whole(header, "file", len(self._files) - 1)]
        if file is None:
            raise Garbage("a file that was closed")
        data = file.read(_whole(header, "offset", LARGEST), _whole(header, "length", MOST_PAYLOAD))
        self.bytes_read += len(data)
        return Answer({"read": len(data)}, payload=data)

    def _close(self, header: dict[str, Any]) -> Answer:
        number = _whole(header, "file", len(self._files) - 1)
        file, self._files[number] = self._files[number], None
        if file is not None:
            file.close()
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
