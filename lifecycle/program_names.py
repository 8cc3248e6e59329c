"""What a program is called apart from its version, processor and language: two versions of it are one program.

Only the name decides, never the version that stands beside it: the same name is the same program at every version.
"""

from __future__ import annotations

import re

from lifecycle.language_tags import IN_BRACKETS, LANGUAGE_NAMES, TAG

LONGEST = 500
"""Characters of a name that are looked at; names come from images."""
_SPACES = re.compile(r"\s+")
_SIGNS = re.compile(r"[®™©]|\((?:r|tm|c)\)", re.IGNORECASE)
_PROCESSOR = r"(?:x64|x86|amd64|arm64|win32|win64|ia64|(?:64|32)[- ]?bit(?:e|s|es|ig)?)"
_PROCESSOR_WORD = re.compile(rf"\b{_PROCESSOR}\b(?:\s*(?:edition|version)\b)?", re.IGNORECASE)
_PROCESSOR_AND_LANGUAGE = re.compile(rf"\({_PROCESSOR}[, ]+(?:{TAG}|{IN_BRACKETS})\)", re.IGNORECASE)
_LANGUAGES = (
    re.compile(rf"\((?:{TAG}|multilingual|MUI|{LANGUAGE_NAMES})\)", re.IGNORECASE),
    re.compile(rf"\({IN_BRACKETS}\)"),
)
_LANGUAGE_AT_END = re.compile(rf"(?:^|(?<=[\s(]))(?:{TAG}|multilingual|MUI)$", re.IGNORECASE)

_DOTTED = (
    r"\bv?\.?(?P<two>\d+\.\d+)(?:\.\d+)*"
    r"(?:[a-z]|[-+_. ]?(?:alpha|beta|rc|pre)[-. ]?\d+|[-+_]\d+|[-+_]?(?:b|p|u|sp|r)\d+)?\b"
)
_VERSION = re.compile(rf"(?:\b(?:version|ver|release|rel|build|patch|revision|rev)\b[.:]?\s*)?{_DOTTED}", re.IGNORECASE)
_COUNTED = (
    r"\b(?:version|ver|release|rel|build|update|patch(?:\s?level)?|hotfix|revision|rev|service\s?pack)"
    r"\b[.:#]?\s*\d+[a-z]?"
)
_COUNTED_IN_BRACKETS = re.compile(rf"\(\s*{_COUNTED}(?:\s*[,;]?\s*{_COUNTED})*\s*\)", re.IGNORECASE)
_COUNTED_AT_END = re.compile(rf"(?:^|(?<=[\s,;]))(?:{_COUNTED})$", re.IGNORECASE)
_BEFORE_CHANNEL = re.compile(r"\b\d{2,}\s+(?=(?:ESR|LTS|LTSR)\b)", re.IGNORECASE)
_CITRIX_RELEASE = re.compile(r"\b(?:1[89]|2\d)(?:0[1-9]|1[0-2])\b(?:\s+(?:LTSR|CR)\b)?(?:\s+CU\d+\b)?", re.IGNORECASE)
_SIDE_BY_SIDE = re.compile(
    r"^(?:Python|Java)\b"
    r"|^(?:Microsoft\s+)?(?:ASP)?\.NET\b"
    r"|^(?:Microsoft\s+)?Windows Desktop (?:Runtime|Targeting Pack)\b"
    r"|\b(?:JDK|JRE|OpenJDK|Corretto|Temurin|Zulu)\b",
    re.IGNORECASE,
)
_NUMBER_AT_END = re.compile(r"(?<=\s)(?:v(\d+)|(\d{2,}))$", re.IGNORECASE)

_EMPTY_BRACKETS = re.compile(r"\(\W*\)|\[\W*\]")
_LOOSE_IN_BRACKETS = re.compile(r"(?<=[(\[])[\s,;:\u2013-]+|[\s,;:\u2013-]+(?=[)\]])")
_EDGES = " -\u2013,;:"
_PUBLISHER_FORMS = re.compile(
    r"[,.]|\b(?:inc|incorporated|corp|corporation|co|company|ltd|limited|llc|gmbh|ag|s\.?a|bv|oy|ab|srl|plc|systems?|"
    r"technologies|software|the)\b",
    re.IGNORECASE,
)


def normalised(name: str) -> str:
    """``7-Zip 24.05 (x64)`` and ``7-Zip 23.01`` are ``7-zip``.

    Left out are dotted versions, a number counted at the end or in brackets (``Update 391``, ``(Patch 7)``), and the
    release of Citrix's products (``2402 LTSR CU1``). Any other number stays, for products that live side by side bear
    it: Visual C++ 2010 and 2013, ODBC Driver 17 and 18, Java 8. Of Python, .NET and Java, which do so by a dotted
    version, its first two parts stay: ``python 3.11``.
    """
    whole = _SPACES.sub(" ", name).strip()[:LONGEST]
    text = _SIGNS.sub("", whole)
    if text.casefold().startswith("citrix "):
        text = _CITRIX_RELEASE.sub(" ", text)
    for pattern in (_PROCESSOR_AND_LANGUAGE, _PROCESSOR_WORD, *_LANGUAGES, _COUNTED_IN_BRACKETS, _BEFORE_CHANNEL):
        text = pattern.sub(" ", text)
    text = _VERSION.sub(r"\g<two> " if _SIDE_BY_SIDE.search(text) else " ", text)
    return (_without_tail(text) or whole).casefold()


def without_last_number(name: str, version: str) -> str:
    """``Reporter 23`` at 23.4 is ``reporter``: what a newer one in its place may be known by.

    It is no key, for the same name would have two of them at two versions. Normalised as it is where the name ends
    with no number of its own, or one that does not begin the version.
    """
    text = normalised(name)
    found = _NUMBER_AT_END.search(text)
    if found is None or (found[1] or found[2]).lstrip("0") != _first_part(version):
        return text
    return text[: found.start()].strip(_EDGES)


def _first_part(version: str) -> str:
    found = re.match(r"\s*v?0*(\d+)", version, re.IGNORECASE)
    return found[1] if found else ""


def _without_tail(text: str) -> str:
    """Without what a name ends in apart from itself, as often as it takes; brackets come in pairs."""
    text, before = _tidied(text), None
    while text != before:
        before = text
        for pattern in (_LANGUAGE_AT_END, _COUNTED_AT_END):
            text = _tidied(pattern.sub("", text))
    return text


def _tidied(text: str) -> str:
    text, before = _SPACES.sub(" ", _paired(text)), None
    while text != before:
        before = text
        text = _EMPTY_BRACKETS.sub(" ", _LOOSE_IN_BRACKETS.sub("", text))
        text = _SPACES.sub(" ", text).strip(_EDGES).rstrip(_EDGES + ".")
    return text


def _paired(text: str) -> str:
    """Without brackets that have no other half."""
    dropped: set[int] = set()
    opened: list[int] = []
    for at, letter in enumerate(text):
        if letter in "([":
            opened.append(at)
        elif letter in ")]":
            if opened and text[opened[-1]] + letter in ("()", "[]"):
                opened.pop()
            else:
                dropped.add(at)
    dropped.update(opened)
    return "".join(letter for at, letter in enumerate(text) if at not in dropped) if dropped else text


def publisher_key(publisher: str) -> str:
    """``VMware, Inc.`` and ``VMware Inc`` are one; a publisher of such words alone stays what it is."""
    bare = _SPACES.sub(" ", publisher).strip().casefold()
    return _SPACES.sub(" ", _PUBLISHER_FORMS.sub(" ", bare)).strip() or bare


def architecture(name: str) -> str:
    """``64``, ``32`` or nothing: what the name itself says."""
    found = _PROCESSOR_WORD.search(name)
    if found is None:
        return ""
    word = found[0].lower()
    return "64" if "64" in word else "32"
