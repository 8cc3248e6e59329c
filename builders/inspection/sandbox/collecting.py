"""What a child tells, put together piece by piece and counted while it comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from builders.inspection.sandbox.limits import MIB, Limits
from builders.inspection.sandbox.outcome import Json
from builders.inspection.sandbox.wire import Garbage, Message, TooMuch

MOST_WORDS = 2_000
MOST_PARTS = 64
MOST_VALUES = 2_000_000
"""In all that a child tells. Each may take a hundred times the memory that it takes on the line."""
LARGEST = 1 << 62


@dataclass(frozen=True)
class Failure:
    kind: str
    words: str


class Collected:
    def __init__(self, limits: Limits) -> None:
        self._most = limits.result_mib * MIB
        self._held = bytearray()
        self._bytes = 0
        self._values = 0
        self.parts: Json = {}
        self.words, self.done, self.total = "", 0, 0
        self.weaker: tuple[str, ...] = ()
        self.bytes_read = 0
        self.failure: Failure | None = None
        self.complete = False

    def takes(self, ask: str) -> bool:
        return ask in self._kinds()

    def take(self, ask: str, message: Message) -> None:
        if self.complete:
            raise Garbage("something after its answer")
        self._kinds()[ask](message)

    def value(self) -> Json:
        return _object(self._parsed())

    def _kinds(self) -> dict[str, Callable[[Message], None]]:
        return {
            "begun": self._begun,
            "progress": self._progress,
            "part": self._part,
            "result": self._result,
            "failed": self._failed,
        }

    def _begun(self, message: Message) -> None:
        words = message.header.get("weaker")
        if not isinstance(words, list) or len(words) > 8:
            raise Garbage("a beginning that says nothing")
        self.weaker = tuple(clean(str(sentence)[:MOST_WORDS]) for sentence in words)

    def _progress(self, message: Message) -> None:
        self.words = _words(message)
        self.done, self.total = _number(message, "done"), _number(message, "total")

    def _part(self, message: Message) -> None:
        self._add(message)
        if message.header.get("last"):
            if len(self.parts) >= MOST_PARTS:
                raise TooMuch(f"more than {MOST_PARTS} parts")
            self.parts[clean(str(message.header.get("name"))[:80])] = self._parsed()

    def _result(self, message: Message) -> None:
        self._add(message)
        if message.header.get("last"):
            self.bytes_read = _number(message, "bytes_read")
            self.complete = True

    def _failed(self, message: Message) -> None:
        self.bytes_read = _number(message, "bytes_read")
        self.failure = Failure(str(message.header.get("kind")), _words(message))
        self.complete = True

    def _add(self, message: Message) -> None:
        self._bytes += len(message.payload)
        if self._bytes > self._most:
            raise TooMuch(f"more than {self._most // MIB} MiB")
        self._values += sum(message.payload.count(mark) for mark in (b"[", b"{", b","))
        if self._values > MOST_VALUES:
            raise TooMuch(f"more than {MOST_VALUES:,} values")
        self._held += message.payload

    def _parsed(self) -> Any:
        data = bytes(self._held)
        self._held.clear()
        return _parsed(data)


def _parsed(data: bytes) -> Any:
    try:
        value = json.loads(data.decode(), parse_constant=_no_such_number)
        # A database takes neither a zero character nor half of a pair; both can only come in as an escape.
        return _cleaned(value) if b"\\u" in data else value
    except (ValueError, RecursionError) as error:
        raise Garbage("an answer that is not JSON") from error


def _no_such_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def clean(text: str) -> str:
    return text.replace("\0", "").encode(errors="replace").decode()


def _cleaned(value: Any) -> Any:
    """The same lists and objects with what was odd in them replaced: another set of them could be too many."""
    if isinstance(value, str):
        return value if _is_clean(value) else clean(value)
    if isinstance(value, list):
        for at, item in enumerate(value):
            value[at] = _cleaned(item)
    if isinstance(value, dict):
        for name in [name for name in value if not _is_clean(name)]:
            value[clean(name)] = value.pop(name)
        for name, item in value.items():
            value[name] = _cleaned(item)
    return value


def _is_clean(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise Garbage("an answer that is no object")
    return value


def _words(message: Message) -> str:
    words = message.header.get("words")
    if not isinstance(words, str):
        raise Garbage("words that are none")
    return clean(words[:MOST_WORDS])


def _number(message: Message, name: str) -> int:
    value = message.header.get(name)
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise Garbage(f"{name} is not a number that can be meant")
    return value
