"""How to see that a package is installed: one rule of a fixed kind, its parts as texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lifecycle.errors import Incomplete
from lifecycle.package_kinds import DetectionKind
from lifecycle.packages import names

LONGEST = 400
MOST_STARS = 5


@dataclass(frozen=True)
class Part:
    """One text of a rule. ``pattern`` is what it must look like, ``example`` is shown to people."""

    name: str
    label: str
    example: str
    is_needed: bool = True
    pattern: str = ""
    hint: str = ""
    takes_stars: bool = False


_CODE = r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}"
_HIVE = r"(?i)(HKLM|HKEY_LOCAL_MACHINE)\\[^\\].*"
_VERSION = Part(
    "version", "Version, at least", "24.8", is_needed=False, pattern=r"\d+(\.\d+)*", hint="numbers with dots"
)

PARTS: dict[DetectionKind, tuple[Part, ...]] = {
    DetectionKind.UNINSTALL_ENTRY: (
        Part("name", "Name in the list, * for any text", "7-Zip *", takes_stars=True),
        _VERSION,
    ),
    DetectionKind.PRODUCT_CODE: (
        Part(
            "code",
            "Product code",
            "{23170F69-40C1-2702-2408-000001000000}",
            pattern=_CODE,
            hint="a code in braces, such as {23170F69-40C1-2702-2408-000001000000}",
        ),
        _VERSION,
    ),
    DetectionKind.FILE_VERSION: (
        Part(
            "path",
            "File",
            r"C:\Program Files\7-Zip\7z.exe",
            pattern=r"([A-Za-z]:|%[^%]+%)\\[^\\].*",
            hint="a full path, with a drive or a variable such as %ProgramFiles%",
        ),
        _VERSION,
    ),
    DetectionKind.REGISTRY_VALUE: (
        Part("key", "Registry key", r"HKLM\SOFTWARE\7-Zip", pattern=_HIVE, hint="a key of HKLM"),
        Part("value", "Value", "Path"),
        Part("data", "Its data; empty: any", "", is_needed=False),
    ),
    DetectionKind.SERVICE: (Part("name", "Service", "Spooler", pattern=r"[^\\/]+", hint="the name of a service"),),
}


@dataclass(frozen=True)
class Detection:
    """A rule that was checked: all of its parts, none but these, empty ones left out."""

    kind: DetectionKind
    parts: Mapping[str, str]

    def __str__(self) -> str:
        return in_words(self)


def check(kind: str, parts: Mapping[str, str]) -> Detection | None:
    """None for no rule. Incomplete names the part, as ``detection_<part>``, that is missing or makes no sense."""
    given = {name: " ".join(value.split()) for name, value in parts.items() if value.strip()}
    if not kind:
        if given:
            raise Incomplete("detection_kind", "Say what kind of rule this is.")
        return None
    if kind not in DetectionKind.values:
        raise Incomplete("detection_kind", f"“{kind}” is no kind of rule; it takes {', '.join(DetectionKind.values)}.")
    known = PARTS[DetectionKind(kind)]
    foreign = sorted(given.keys() - {part.name for part in known})
    if foreign:
        raise Incomplete(f"detection_{foreign[0]}", f"A rule by {DetectionKind(kind).label} has no {foreign[0]}.")
    for part in known:
        _check_part(part, given.get(part.name, ""))
    return Detection(DetectionKind(kind), {part.name: given[part.name] for part in known if part.name in given})


def _check_part(part: Part, value: str) -> None:
    field = f"detection_{part.name}"
    if not value and part.is_needed:
        raise Incomplete(field, f"{part.label}: say what to look for.")
    if names.has_controls(value):
        raise Incomplete(field, f"{part.label}: it holds a control character.")
    if len(value) > LONGEST:
        raise Incomplete(field, f"{part.label}: at most {LONGEST} characters.")
    if part.takes_stars and value.count("*") > MOST_STARS:
        raise Incomplete(field, f"{part.label}: at most {MOST_STARS} of * in one name.")
    if value and part.pattern and not re.fullmatch(part.pattern, value):
        raise Incomplete(field, f"{part.label}: this takes {part.hint}.")


def in_words(of: Detection | None) -> str:
    """``MSI product code {…}, version 24.8 or newer``."""
    if of is None:
        return "no rule"
    parts = of.parts
    newer = f", version {parts['version']} or newer" if parts.get("version") else ""
    match of.kind:
        case DetectionKind.UNINSTALL_ENTRY:
            return f"“{parts['name']}” among the installed programs{newer}"
        case DetectionKind.PRODUCT_CODE:
            return f"MSI product code {parts['code']}{newer}"
        case DetectionKind.FILE_VERSION:
            return f"file {parts['path']}{newer}"
        case DetectionKind.REGISTRY_VALUE:
            data = f" is “{parts['data']}”" if parts.get("data") else ""
            return f"registry value {parts['value']} of {parts['key']}{data}"
        case DetectionKind.SERVICE:
            return f"service {parts['name']}"
