"""Text of an image as it may stand in a page, a list or a log: one line, in the order in which it is written."""

from __future__ import annotations

import re
from typing import Any

_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Control characters and ends of lines; each run of them becomes a space."""
_TURNS = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Characters without a width, those that turn the direction of what follows among them; they are left out."""
_HALVES = re.compile("[\ud800-\udfff]")


def plain(words: str) -> str:
    if words.isascii() and words.isprintable():
        return words
    return _HALVES.sub("\ufffd", _TURNS.sub("", _BREAKS.sub(" ", words)))


def plain_throughout(held: Any) -> Any:
    """The same of every text in lists and dictionaries."""
    if isinstance(held, str):
        return plain(held)
    if isinstance(held, dict):
        return {key: plain_throughout(value) for key, value in held.items()}
    if isinstance(held, list | tuple):
        return [plain_throughout(value) for value in held]
    return held


def cut(words: str, most: int) -> str:
    """A text of ``most`` letters at the most; one that was longer ends in an ellipsis."""
    return words if len(words) <= most else words[: most - 1] + "\u2026"
