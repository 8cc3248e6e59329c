"""Tables of a Windows Installer database: names of streams, the pool of strings, columns of references into it.

A table is stored column by column. A reference counts strings from 1 and has two bytes, or three where the pool says
so; 0 is no string.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lifecycle.installers.facts import Unreadable

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
_TABLE_MARK = "\u4840"
_WIDE_REFERENCES = 0x8000_0000
_NEUTRAL, _UTF8 = 0, 65001


def stream_name(table: str) -> str:
    """The name under which the stream of ``table`` is stored: two characters in one, after a mark."""
    codes = [_DIGITS.index(each) for each in table]
    packed = [chr(0x3800 + low + (high << 6)) for low, high in zip(codes[::2], codes[1::2], strict=False)]
    single = [chr(0x4800 + codes[-1])] if len(codes) % 2 else []
    return _TABLE_MARK + "".join(packed + single)


@dataclass(frozen=True)
class Strings:
    """The pool: ``texts`` by reference less one; a reference takes ``width`` bytes."""

    texts: tuple[bytes, ...]
    width: int
    codec: str

    def text(self, reference: int) -> str:
        """Empty for 0 and for a reference to nowhere, as damaged files have it."""
        return self.texts[reference - 1].decode(self.codec, "replace") if 0 < reference <= len(self.texts) else ""


def strings(pool: bytes, data: bytes) -> Strings:
    """From the streams _StringPool (length and count of each string) and _StringData (their bytes, one after another).

    Unreadable when the lengths do not fit the bytes.
    """
    if len(pool) < 4:
        raise Unreadable("Its pool of strings is cut off.")
    head = int.from_bytes(pool[:4], "little")
    words = struct.unpack(f"<{len(pool) // 2}H", pool[: len(pool) // 2 * 2])[2:]
    lengths = next((each for each in _lengths(words) if sum(each) == len(data)), None)
    if lengths is None:
        raise Unreadable("The lengths in its pool of strings do not fit the text.")
    found, at = [], 0
    for length in lengths:
        found.append(data[at : at + length])
        at += length
    return Strings(tuple(found), 3 if head & _WIDE_REFERENCES else 2, _codec(head & 0xFFFF))


def _lengths(words: tuple[int, ...]) -> Iterator[list[int]]:
    """A string of 64 KiB or more takes two entries, the first of length 0.

    Writers differ in where its length stands: whole in the second one, or its upper half in place of the first one's
    count. One of both readings fits the bytes.
    """
    for is_whole in (True, False):
        found: list[int] = []
        entries = iter(zip(words[::2], words[1::2], strict=False))
        for length, count in entries:
            if length == 0 and count:
                low, high = next(entries, (0, 0))
                found.append(low | (high if is_whole else count) << 16)
            else:
                found.append(length)
        yield found


def pairs(table: bytes, pool: Strings) -> dict[str, str]:
    """The rows of a table of two columns of strings, by the first column."""
    rows = len(table) // (2 * pool.width)
    keys, values = table[: rows * pool.width], table[rows * pool.width :]
    return {
        pool.text(_reference(keys, row, pool.width)): pool.text(_reference(values, row, pool.width))
        for row in range(rows)
    }


def _reference(column: bytes, row: int, width: int) -> int:
    return int.from_bytes(column[row * width : (row + 1) * width], "little")


def _codec(code_page: int) -> str:
    if code_page == _UTF8:
        return "utf-8"
    name = f"cp{code_page}" if code_page != _NEUTRAL else "cp1252"
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
