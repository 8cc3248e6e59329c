"""The child's view of a store: names to ask for, files to read. Where they lie it neither knows nor reaches.

A file on this machine comes as a read-only descriptor. Any other is read by the process that waits, block by block, so
that addresses, accounts and the network stay on its side.
"""

from __future__ import annotations

import errno
import os
from typing import Any

from builders.inspection import errors
from builders.inspection.sandbox.wire import MOST_PAYLOAD, Line

KINDS: dict[str, type[Exception]] = {
    "FileNotFoundError": FileNotFoundError,
    **{kind.__name__: kind for kind in (errors.OutOfPlace, errors.Unsupported, errors.Damaged, errors.Unreadable)},
}


class Count:
    """Bytes that were read, of all files together."""

    def __init__(self) -> None:
        self.bytes = 0


def _checked(header: dict[str, Any]) -> dict[str, Any]:
    if "error" in header:
        raise KINDS.get(str(header["error"]), OSError)(str(header.get("words", "")))
    return header


class HandedFile:
    """A Source over a descriptor of a local file."""

    def __init__(self, name: str, size: int, descriptor: int, count: Count) -> None:
        self.name, self.size, self._descriptor, self._count = name, size, descriptor, count

    def read(self, offset: int, length: int) -> bytes:
        if length <= 0:
            return b""
        data = os.pread(self._descriptor, length, offset)
        while 0 < len(data) < length:
            more = os.pread(self._descriptor, length - len(data), offset + len(data))
            if not more:
                break
            data += more
        self._count.bytes += len(data)
        return data

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class AskedFile:
    """A Source whose bytes the other process reads."""

    def __init__(self, name: str, size: int, number: int, line: Line, count: Count) -> None:
        self.name, self.size, self._number, self._line, self._count = name, size, number, line, count

    def read(self, offset: int, length: int) -> bytes:
        parts = []
        while length > 0:
            want = min(length, MOST_PAYLOAD)
            answer, _ = self._line.ask({"ask": "read", "file": self._number, "offset": offset, "length": want})
            _checked(answer.header)
            parts.append(answer.payload)
            self._count.bytes += len(answer.payload)
            if len(answer.payload) < want:
                break
            offset, length = offset + want, length - want
        return b"".join(parts)

    def close(self) -> None:
        self._line.ask({"ask": "close", "file": self._number})


class AskedFolder:
    """A Folder whose files the other process opens, by plain name."""

    def __init__(self, image: int, line: Line, count: Count) -> None:
        self._image, self._line, self._count = image, line, count

    def open(self, name: str) -> HandedFile | AskedFile:
        answer, descriptors = self._line.ask({"ask": "open", "image": self._image, "name": name})
        header = _checked(answer.header)
        size = int(header["size"])
        if header.get("handed"):
            if not descriptors:
                raise OSError(errno.EMFILE, f"{name}: no descriptor is free for it.")
            return HandedFile(name, size, descriptors[0], self._count)
        return AskedFile(name, size, int(header["file"]), self._line, self._count)

    def names(self) -> list[str]:
        found: list[str] = []
        while True:
            answer, _ = self._line.ask({"ask": "names", "image": self._image, "after": len(found)})
            header = _checked(answer.header)
            found += [str(name) for name in header["names"]]
            if not header["more"]:
                return found
