"""Values of keys, made into text, numbers and lists whatever type they carry and however they were cut."""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime, timedelta

REG_NONE, REG_SZ, REG_EXPAND_SZ, REG_BINARY, REG_DWORD, REG_DWORD_BIG_ENDIAN = 0, 1, 2, 3, 4, 5
REG_MULTI_SZ, REG_QWORD = 7, 11

MOST_LETTERS = 8192
"""Letters of a text, and parts of a list of texts, that are kept."""

_TEXTS = (REG_SZ, REG_EXPAND_SZ, 6, REG_MULTI_SZ)
_SURROGATES = re.compile("[\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\r\n]+")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def text_of(kind: int, raw: bytes) -> str:
    """One line of text; numbers in decimal; the first of several texts; of bytes the text that they hold, if any."""
    if kind in (REG_DWORD, REG_QWORD, REG_DWORD_BIG_ENDIAN):
        number = number_of(kind, raw)
        return "" if number is None else str(number)
    if kind in _TEXTS:
        return _BREAKS.sub(" ", _words(raw[: MOST_LETTERS * 2]).split("\0", 1)[0]).strip()
    return _text_in(raw[: MOST_LETTERS * 2]) if kind in (REG_NONE, REG_BINARY) else ""


def is_text(kind: int, raw: bytes) -> bool:
    """Whether a value is text by its type, or bytes that hold text."""
    return kind in _TEXTS or bool(kind in (REG_NONE, REG_BINARY) and (not raw or text_of(kind, raw)))


def _text_in(raw: bytes) -> str:
    """UTF-16 that a program stored as bytes; "" for what is no text.

    Whatever can be shown counts if it has an end, else only what is mostly in letters of Latin: of bytes that mean
    something else many can be shown.
    """
    try:
        found = raw.decode("utf-16-le")
    except UnicodeDecodeError:
        return ""
    words, end, rest = found.partition("\0")
    if rest.strip("\0") or not words.isprintable():
        return ""
    is_latin = 2 * sum(letter < "\u0250" for letter in words) > len(words) >= 2
    return words.strip() if end or is_latin else ""


def texts_of(kind: int, raw: bytes) -> list[str]:
    """The parts of a list of texts; a plain text is a list of one. Empty parts are left out."""
    if kind in _TEXTS:
        parts = (part.strip() for part in _words(raw).split("\0"))
        return [part[:MOST_LETTERS] for part in parts if part][:MOST_LETTERS]
    one = text_of(kind, raw)
    return [one] if one else []


def number_of(kind: int, raw: bytes) -> int | None:
    """A number, also where it was stored as text or as bytes; None when there is none in it."""
    if kind in _TEXTS:
        return _number_in(_words(raw[:128]).split("\0", 1)[0])
    if kind == REG_DWORD_BIG_ENDIAN:
        return int.from_bytes(raw[:4], "big") if raw else None
    if raw and len(raw) <= 8:
        return int.from_bytes(raw[:8], "little")
    return int.from_bytes(raw[:4], "little") if kind == REG_DWORD and raw else None


def moment_of(filetime: int) -> str:
    """A FILETIME (tenths of microseconds since 1601) as ISO 8601 in UTC, to the second; "" where it is none."""
    seconds = filetime // 10_000_000 - 11_644_473_600
    return moment_of_unix(seconds) if seconds > 0 else ""


def moment_of_unix(seconds: int) -> str:
    """Seconds since 1970 in the same form; "" outside of the years that a computer's clock can show."""
    if not 0 < seconds < 253_402_300_800:
        return ""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def filetime_in(raw: bytes) -> int:
    return int(struct.unpack("<Q", raw[:8])[0]) if len(raw) >= 8 else 0


def _words(raw: bytes) -> str:
    """UTF-16 as registries hold it; bytes of one width where a program wrote those by mistake."""
    encoding = "cp1252" if _is_narrow(raw) else "utf-16-le"
    found = (raw if encoding == "cp1252" else raw[: len(raw) & ~1]).decode(encoding, "replace")
    return _CONTROLS.sub(lambda mark: mark[0] if mark[0] == "\0" else " ", _SURROGATES.sub("\ufffd", found))


def _is_narrow(raw: bytes) -> bool:
    start = raw[:64].rstrip(b"\0")
    return len(start) >= 4 and b"\0" not in start and all(32 <= byte < 127 for byte in start)


def _number_in(words: str) -> int | None:
    words = words.strip().lower()
    try:
        return int(words, 16) if words.startswith("0x") else int(words)
    except ValueError:
        return None
