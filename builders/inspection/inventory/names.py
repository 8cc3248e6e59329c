"""Names of programs: what two spellings have in common, what marks an update, and identifiers of the installer."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
KB = re.compile(r"(?<![A-Za-z0-9])KB\d{6,8}(?!\d)", re.IGNORECASE)

_PACKED = re.compile(r"[0-9A-Fa-f]{32}")
_WIDE = re.compile(r"\b(?:x64|amd64|64[- ]?bit|win64)\b", re.IGNORECASE)
_NARROW = re.compile(r"\b(?:x86|i386|32[- ]?bit|win32)\b", re.IGNORECASE)
_ARM = re.compile(r"\barm64\b", re.IGNORECASE)
_VERSION = re.compile(r"\bv?\d+(?:\.\d+)+(?:[- ]?(?:beta|rc|alpha)\d*)?\b", re.IGNORECASE)
_LOCALE = re.compile(r"\b[a-z]{2}-[A-Z]{2}\b")
_LANGUAGE = re.compile(
    r"\b(?:english|german|deutsch|french|fran\u00e7ais|dutch|nederlands|spanish|espa\u00f1ol|italian|italiano|portuguese"
    r"|japanese|multilingual|en-us|de-de|fr-fr|nl-nl)\b",
    re.IGNORECASE,
)
_EMPTY_BRACKETS = re.compile(r"[(\[]\s*[)\]]|\(\s*[,;/ -]*\s*\)")
_SPACES = re.compile(r"\s+")


def normal(name: str) -> str:
    """A name without version, width and language, in small letters: two installers of one product have it in common."""
    found = _VERSION.sub(" ", name)
    for pattern in (_WIDE, _NARROW, _ARM, _LOCALE, _LANGUAGE):
        found = pattern.sub(" ", found)
    found = _EMPTY_BRACKETS.sub(" ", found)
    found = _SPACES.sub(" ", found).strip(" -_,;.").lower()
    return found or _SPACES.sub(" ", name).strip().lower()


def width(name: str) -> str:
    """Which processor a name says it is for: "64", "32", "arm" or ""."""
    if _ARM.search(name):
        return "arm"
    wide, narrow = bool(_WIDE.search(name)), bool(_NARROW.search(name))
    return "" if wide == narrow else "64" if wide else "32"


def kb_in(*texts: str) -> str:
    """The first KB number in any of the texts, as in ``KB5036893``, or ""."""
    found = next((match for text in texts if (match := KB.search(text))), None)
    return found[0].upper() if found else ""


def same_version(one: str, other: str, fields: int | None = None) -> bool:
    """Whether two versions are the same but for zeros at their ends and before their numbers; where ``fields`` are
    given, as far as those."""
    return _version_key(one, fields) == _version_key(other, fields)


def _version_key(version: str, fields: int | None) -> tuple[str, ...]:
    parts = [part.lstrip("0") or "0" for part in version.strip().lower().split(".")][:fields]
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return tuple(parts)


def unpacked(packed: str) -> str:
    """A product code as it is written from one as the installer's keys have it: ``00006109...`` to ``{90160000-...}``.

    "" for what is no packed code.
    """
    if not _PACKED.fullmatch(packed):
        return ""
    first, second, third = packed[:8][::-1], packed[8:12][::-1], packed[12:16][::-1]
    rest = "".join(packed[at + 1] + packed[at] for at in range(16, 32, 2))
    return f"{{{first}-{second}-{third}-{rest[:4]}-{rest[4:]}}}".upper()


def packed(code: str) -> str:
    """The reverse of ``unpacked``; "" for what is no product code."""
    if not GUID.fullmatch(code):
        return ""
    first, second, third, fourth, fifth = code.strip("{}").split("-")
    rest = fourth + fifth
    swapped = "".join(rest[at + 1] + rest[at] for at in range(0, 16, 2))
    return (first[::-1] + second[::-1] + third[::-1] + swapped).upper()


def day_of(written: str) -> str:
    """A day as vendors write it, as ``2024-03-12``; "" where it is none or could be two."""
    written = written.strip()
    if re.fullmatch(r"\d{8}", written):
        return _day(written[:4], written[4:6], written[6:])
    if re.fullmatch(r"\d{9,10}", written):
        return datetime.fromtimestamp(int(written), UTC).date().isoformat()
    if match := re.match(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b", written):
        return _day(*match.groups())
    if match := re.match(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})\b", written):
        first, mark, second, year = match.groups()
        if mark == "." or int(first) > 12:
            return _day(year, second, first)
        if int(second) > 12 or first == second:
            return _day(year, first, second)
    return ""


def _day(year: str, month: str, day: str) -> str:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return ""
    return found.isoformat() if 1980 <= found.year <= 2200 else ""
