"""What a program is called apart from its version, processor and language: two versions of it are one program."""

from __future__ import annotations

import re

_SPACES = re.compile(r"\s+")
_SIGNS = re.compile(r"[®™©]|\((?:r|tm|c)\)", re.IGNORECASE)
_TAGS = re.compile(
    r"\(?\b(?:x64|x86|amd64|arm64|win32|win64|ia64|(?:64|32)[- ]?bit(?:e|s|es|ig)?)\b(?:\s*(?:edition|version))?\)?",
    re.IGNORECASE,
)
_TAG_AND_LANGUAGE = re.compile(r"\((?:x64|x86|(?:64|32)[- ]?bit)[, ]+[a-z]{2,3}(?:-[a-z]{2,4})?\)", re.IGNORECASE)
_LANGUAGES = re.compile(r"(?:\(|\b)[a-z]{2,3}(?:-[a-z]{4})?-[a-z]{2}\b\)?|\b(?:MUI|multilingual)\b", re.IGNORECASE)
_LANGUAGE_NAMES = re.compile(
    r"\((?:english|german|deutsch|french|français|spanish|italian|dutch|polish|japanese|chinese)[^)]*\)", re.IGNORECASE
)
_DOTTED = re.compile(r"\b[vV]?\d+(?:\.\d+)+[a-z]?\b")
_NUMBER = re.compile(r"\b[vV]?(\d+)\b")
_LOOSE_WORDS = re.compile(r"\b(?:version|ver\.|release|build|update)\s*$", re.IGNORECASE)
_EDGES = " -\u2013,;:()[]."
_PUBLISHER_FORMS = re.compile(
    r"[,.]|\b(?:inc|incorporated|corp|corporation|co|company|ltd|limited|llc|gmbh|ag|s\.?a|bv|oy|ab|srl|plc|systems?|"
    r"technologies|software|the)\b",
    re.IGNORECASE,
)


def normalised(name: str, version: str = "") -> str:
    """``7-Zip 24.05 (x64)`` and ``7-Zip 23.01`` are ``7-zip``. A year stays: Visual C++ 2010 and 2013 are two."""
    text = _SIGNS.sub("", name)
    for pattern in (_TAG_AND_LANGUAGE, _TAGS, _LANGUAGE_NAMES, _LANGUAGES, _DOTTED):
        text = pattern.sub(" ", text)
    parts = [part.lstrip("0") for part in re.findall(r"[0-9]+", version)]
    text = _NUMBER.sub(lambda found: " " if _is_of_version(found[1].lstrip("0"), parts) else found[0], text)
    text = _SPACES.sub(" ", text).strip(_EDGES)
    if text.casefold() != _SPACES.sub(" ", name).strip(_EDGES).casefold():
        text = _LOOSE_WORDS.sub("", text).strip(_EDGES)
    return (text or _SPACES.sub(" ", name).strip()).casefold()


def _is_of_version(number: str, parts: list[str]) -> bool:
    """``Java 8 Update 391`` has version 8.0.3910.13: both numbers are its version's."""
    return bool(number) and (number in parts or (len(number) > 1 and any(part.startswith(number) for part in parts)))


def publisher_key(publisher: str) -> str:
    """``VMware, Inc.`` and ``VMware Inc`` are one; a publisher of such words alone stays what it is."""
    bare = _SPACES.sub(" ", publisher).strip().casefold()
    return _SPACES.sub(" ", _PUBLISHER_FORMS.sub(" ", bare)).strip() or bare


def architecture(name: str) -> str:
    """``64``, ``32`` or nothing: what the name itself says."""
    found = _TAGS.search(name)
    if found is None:
        return ""
    word = found[0].lower()
    return "64" if "64" in word else "32"
