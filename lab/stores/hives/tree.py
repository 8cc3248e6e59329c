"""Keys and values before they become bytes."""

import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum


class Kind(IntEnum):
    """Types of registry values that the lab writes."""

    TEXT = 1  # REG_SZ
    EXPANDED_TEXT = 2  # REG_EXPAND_SZ
    BINARY = 3
    NUMBER = 4  # REG_DWORD
    TEXTS = 7  # REG_MULTI_SZ
    LONG_NUMBER = 11  # REG_QWORD


Value = str | int | bytes | Sequence[str]


class Key:
    """One key; `at` is its last write as Unix time, None for that of the hive."""

    __slots__ = ("at", "keys", "name", "values")

    def __init__(self, name: str, at: float | None = None) -> None:
        self.name = name
        self.at = at
        self.values: dict[str, tuple[Kind, bytes]] = {}
        self.keys: dict[str, Key] = {}

    def key(self, path: str, at: float | None = None) -> "Key":
        """The key below this one, made with those on the way where it is missing; `at` dates the last of them."""
        found = self
        for name in path.split("\\"):
            found = found.keys.setdefault(name.upper(), Key(name))
        if at is not None:
            found.at = at
        return found

    def set(self, name: str, value: Value, kind: Kind | None = None) -> "Key":
        """Numbers become REG_DWORD, texts REG_SZ, sequences REG_MULTI_SZ unless told otherwise."""
        chosen = _kind(value) if kind is None else kind
        self.values[name] = (chosen, _packed(value, chosen))
        return self

    def set_all(self, **values: Value | None) -> "Key":
        """None and empty texts are left out."""
        for name, value in values.items():
            if value is not None and value != "":
                self.set(name, value)
        return self

    def sorted_keys(self) -> list["Key"]:
        """In the order that look-ups in a hive rely on."""
        return [key for _, key in sorted(self.keys.items())]

    def walk(self) -> Iterator["Key"]:
        yield self
        for key in self.keys.values():
            yield from key.walk()


def _kind(value: Value) -> Kind:
    if isinstance(value, str):
        return Kind.TEXT
    if isinstance(value, bytes):
        return Kind.BINARY
    return Kind.NUMBER if isinstance(value, int) else Kind.TEXTS


def _packed(value: Value, kind: Kind) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return struct.pack("<Q" if kind is Kind.LONG_NUMBER else "<I", value)
    if isinstance(value, str):
        return (value + "\0").encode("utf-16-le")
    return ("".join(f"{text}\0" for text in value) + "\0").encode("utf-16-le")
