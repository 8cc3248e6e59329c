"""Messages between the process that waits and its child: a JSON header, and bytes where there are any.

Either side counts what the other announces before it takes memory for it. A descriptor may travel with an answer.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = struct.Struct(">II")
MOST_HEADER = 64 << 10
MOST_PAYLOAD = 4 << 20
"""Of one message: longer reads and results go in several."""


class Garbage(Exception):
    """What came is no message of ours."""


class TooMuch(Garbage):
    """More than was agreed."""


@dataclass(frozen=True)
class Message:
    header: dict[str, Any]
    payload: bytes = b""


def pack(header: dict[str, Any], payload: bytes = b"") -> bytes:
    words = json.dumps(header, separators=(",", ":")).encode()
    return PREFIX.pack(len(words), len(payload)) + words + payload


def _header(words: bytes) -> dict[str, Any]:
    try:
        header = json.loads(words)
    except (ValueError, RecursionError) as error:
        raise Garbage("a header that is not JSON") from error
    if not isinstance(header, dict):
        raise Garbage("a header that is no object")
    return header


def _lengths(prefix: bytes | bytearray) -> tuple[int, int]:
    words, payload = PREFIX.unpack_from(prefix)
    if words > MOST_HEADER or payload > MOST_PAYLOAD:
        raise Garbage(f"a message of {words + payload} bytes")
    return words, payload


class Inbox:
    """Bytes as they come, whole messages as they are complete."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        self._held += data
        while len(self._held) >= PREFIX.size:
            words, payload = _lengths(self._held)
            end = PREFIX.size + words + payload
            if len(self._held) < end:
                return
            body = bytes(self._held[PREFIX.size : end])
            del self._held[:end]
            yield Message(_header(body[:words]), body[words:])


class Line:
    """The child's end: it asks and waits for the answer."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def tell(self, header: dict[str, Any], payload: bytes = b"") -> None:
        self._end.sendall(pack(header, payload))

    def ask(self, header: dict[str, Any]) -> tuple[Message, Sequence[int]]:
        """The answer, and the descriptor that came with it."""
        self.tell(header)
        return self.hear()

    def hear(self) -> tuple[Message, Sequence[int]]:
        prefix, descriptors, _, _ = socket.recv_fds(self._end, PREFIX.size, 1)
        prefix += self._exactly(PREFIX.size - len(prefix))
        words, payload = _lengths(prefix)
        return Message(_header(self._exactly(words)), self._exactly(payload)), descriptors

    def _exactly(self, length: int) -> bytes:
        held = bytearray(length)
        view, at = memoryview(held), 0
        while at < length:
            got = self._end.recv_into(view[at:])
            if not got:
                raise ConnectionError("The process that started this one is gone.")
            at += got
        return bytes(held)
