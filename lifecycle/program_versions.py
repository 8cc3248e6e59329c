"""Which of two versions is the later one, as installers on Windows write them: ``12.4.0.5``, ``v2.1``, ``1.0.2k``.

A version is a row of numbers and words. Numbers count as numbers (1.2.10 is later than 1.2.9), parts that are missing
count as zero (1.2 is 1.2.0.0), a word after a number is later than the bare number (1.0.2k, 2019 R2), unless it says
that it comes before the release (2.0 beta 3 is earlier than 2.0). Eight digits that are a date count as one.
"""

from __future__ import annotations

import re
from datetime import date

LONGEST = 120  # characters of a version that count; no installer writes more
LONGEST_KEY = 200
SHORTEST_SHOWN = 2  # parts: "12.4" rather than "12"

_TOKEN = re.compile(r"[0-9]+|[^\W\d_]+")
_ARCHITECTURE = re.compile(r"\b(?:x64|x86|amd64|arm64|win32|win64|(?:64|32)[- ]?bit)\b", re.IGNORECASE)
_EIGHT_DIGITS = re.compile(r"(?<![0-9])(?:19|20)[0-9]{6}(?![0-9])")
_SAYS_NOTHING = frozenset({"v", "ver", "vers", "version", "build", "bld", "release", "final", "ga"})
_BEFORE_RELEASE = {
    "dev": "0",
    "nightly": "0",
    "snapshot": "0",
    "alpha": "1",
    "beta": "2",
    "pre": "3",
    "preview": "3",
    "prerelease": "3",
    "rc": "4",
    "cr": "4",
    "candidate": "4",
}
_EARLIER, _ZERO, _WORD, _NUMBER = "1234"  # how a part of a sort key begins, in the order of parts
_MOST_DIGITS = 99


def sort_key(version: str) -> str:
    """Text that sorts, by code points (collation "C"), as the versions do; empty when there is no version in it."""
    parts = [_part(token) for token in _tokens(version)]
    if not parts:
        return ""
    kept: list[str] = []
    for part in parts:
        if part.startswith(_EARLIER):  # 2.0.0 rc1 is 2.0 rc1
            kept = _without_zeros(kept)
        kept.append(part)
    return ("".join(_without_zeros(kept)) + _ZERO)[:LONGEST_KEY]


def compare(first: str, second: str) -> int:
    """-1, 0 or 1: ``first`` is earlier than, the same as or later than ``second``. No version is the earliest."""
    one, other = sort_key(first), sort_key(second)
    return (one > other) - (one < other)


def is_version(text: str) -> bool:
    """Whether there is anything in it that could be compared."""
    return bool(sort_key(text)) and any(letter in "0123456789" for letter in text)


def common_parts(first: str, second: str) -> int:
    """How many leading parts two versions share; the more, the likelier one is an update of the other."""
    count = 0
    for one, other in zip(_tokens(first), _tokens(second), strict=False):
        if _part(one) != _part(other):
            break
        count += 1
    return count


def shortened(before: str, after: str) -> tuple[str, str]:
    """Both with as few parts as tell them apart, two at least: ``12.3.5.1`` and ``12.4.0.2`` are 12.3 and 12.4."""
    one, other = before.strip().split("."), after.strip().split(".")
    for length in range(SHORTEST_SHOWN, max(len(one), len(other))):
        left, right = ".".join(one[:length]), ".".join(other[:length])
        if compare(left, right) != 0:
            return left, right
    return before.strip(), after.strip()


def _tokens(version: str) -> list[str]:
    text = _ARCHITECTURE.sub(" ", version[:LONGEST].lower())
    text = _EIGHT_DIGITS.sub(_as_date, text, count=1) if _EIGHT_DIGITS.match(text.lstrip("v ").strip()) else text
    return [token for token in _TOKEN.findall(text) if token not in _SAYS_NOTHING]


def _as_date(found: re.Match[str]) -> str:
    digits = found[0]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).isoformat()
    except ValueError:
        return digits


def _part(token: str) -> str:
    """One part of the key. None is the beginning of another, so that keys compare part by part."""
    if token[0] not in "0123456789":
        earlier = _BEFORE_RELEASE.get(token)
        return _EARLIER + earlier if earlier else f"{_WORD}{token} "
    digits = token.lstrip("0")
    if not digits:
        return _ZERO
    digits = digits if len(digits) <= _MOST_DIGITS else "9" * _MOST_DIGITS
    return f"{_NUMBER}{len(digits):02}{digits}"


def _without_zeros(parts: list[str]) -> list[str]:
    end = len(parts)
    while end and parts[end - 1] == _ZERO:
        end -= 1
    return parts[:end]
