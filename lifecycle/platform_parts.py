"""What an image stands on, such as VMware Tools: found as a fact and in the list of programs, and yet one thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

NAMES: dict[str, str] = {
    "vmware_tools": "VMware Tools",
    "hyperv_guest": "Hyper-V integration services",
    "xenserver_tools": "XenServer tools",
    "pvs_target": "PVS target software",
    "vda": "Citrix VDA",
    "dotnet": ".NET Framework",
    "firmware": "Firmware",
}
PROGRAMS: dict[str, tuple[str, ...]] = {
    "vmware_tools": ("vmware tools",),
    "hyperv_guest": ("hyper-v integration",),
    "xenserver_tools": ("xenserver", "xen server", "citrix hypervisor"),
    "pvs_target": ("target device",),
    "vda": ("virtual delivery agent", "virtual desktop agent", " vda"),
}
"""Words, in small letters, in the names of the programs that bring the part."""


def is_of(part: str, name: str) -> bool:
    """Whether a program of the platform is by its name the one that brings ``part``."""
    return any(words in name.casefold() for words in PROGRAMS.get(part, ()))


def known_as(word: str) -> tuple[str, ...]:
    """Words of the names of programs whose part is called by ``word``: a VDA is a "virtual delivery agent"."""
    wanted = word.casefold()
    return tuple(words for part, name in NAMES.items() if wanted in name.casefold() for words in PROGRAMS.get(part, ()))


def brought_by(facts: Mapping[str, Any], programs: Sequence[Row]) -> dict[str, int]:
    """The place in ``programs`` of the program that brings each part, for parts that have one.

    The one at the fact's own source goes first, even hidden; else one of the platform with a known name, rather in the
    fact's version. No program brings two parts.
    """
    found: dict[str, int] = {}
    for rule in (_at_source, _by_name):
        for part, fact in facts.items():
            if part in found or not isinstance(fact, Mapping):
                continue
            left = [at for at in range(len(programs)) if at not in found.values()]
            at = rule(part, fact, programs, left)
            if at is not None:
                found[part] = at
    return found


def _at_source(_: str, fact: Row, programs: Sequence[Row], left: Iterable[int]) -> int | None:
    source = _text(fact, "source").casefold()
    return next(
        (
            at
            for at in left
            if source
            and _text(programs[at], "source").casefold() == source
            and programs[at].get("kind") in ("platform", "hidden")
        ),
        None,
    )


def _by_name(part: str, fact: Row, programs: Sequence[Row], left: Iterable[int]) -> int | None:
    named = [at for at in left if programs[at].get("kind") == "platform" and is_of(part, _text(programs[at], "name"))]
    version = _text(fact, "version")
    return min(
        named, key=lambda at: (_text(programs[at], "version") != version, _text(programs[at], "name")), default=None
    )


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
