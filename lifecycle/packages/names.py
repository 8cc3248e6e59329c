"""Keys of packages, and names of files as Windows takes them."""

from __future__ import annotations

import re
import unicodedata

from django.utils.text import slugify

from lifecycle.errors import Incomplete

LONGEST_NAME = 150
LONGEST_KEY = 80
_KEY = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_DETAILS = re.compile(r"\([^)]*\)|\bv?\d+(\.\d+)+\b")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def plain_file_name(text: str) -> str:
    """The last part of a path, without what Windows refuses in names. Incomplete when nothing sensible is left."""
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", text))[-1]
    printable = "".join(each for each in last if unicodedata.category(each)[0] != "C")
    name = " ".join(_FORBIDDEN.sub("_", printable).split()).rstrip(". ")
    stem, dot, ending = name.rpartition(".")
    if len(name) > LONGEST_NAME:
        name = f"{stem[: LONGEST_NAME - len(ending) - 1]}{dot}{ending}"[:LONGEST_NAME]
    if not name.strip("._ ") or _DEVICE.fullmatch(name):
        raise Incomplete("name", f"“{printable[:80]}” is no name for a file.")
    return name


def has_controls(text: str) -> bool:
    """Characters that neither show nor are a line end or a tab; also the line ends that only some programs know."""
    return any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") and each not in "\n\t" for each in text)


def key(text: str) -> str:
    """Checked. Incomplete when it is none."""
    found = text.strip()
    if not _KEY.fullmatch(found) or len(found) > LONGEST_KEY:
        raise Incomplete("key", "A key has small letters, digits and single hyphens or underscores, such as 7-zip-x64.")
    return found


def suggested_key(name: str) -> str:
    """``7-Zip 24.09 (x64 edition)`` → ``7-zip``; empty where nothing of the name can be used."""
    return _key_of(_DETAILS.sub(" ", name)) or _key_of(name)


def _key_of(name: str) -> str:
    return re.sub(r"[-_]{2,}", "-", slugify(name)).strip("-_")[:LONGEST_KEY].strip("-_")


def sha256(text: str) -> str:
    """Checked, in small letters. Incomplete when it is none."""
    found = text.strip().casefold()
    if not _SHA256.fullmatch(found):
        raise Incomplete("sha256", "A SHA-256 has 64 hexadecimal digits.")
    return found
