"""Updates of Windows itself, and features on demand, by the packages that its servicing stack keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builders.inspection.inventory.names import kb_in
from builders.inspection.inventory.reading import Reading
from builders.inspection.inventory.report import Feature, Patch
from builders.inspection.registry import Key
from builders.inspection.registry.values import moment_of

SERVICING = r"Microsoft\Windows\CurrentVersion\Component Based Servicing"
STATES = {
    0x05: "uninstall pending",
    0x10: "resolving",
    0x20: "resolved",
    0x30: "staging",
    0x40: "staged",
    0x50: "superseded",
    0x60: "pending",
    0x65: "partially installed",
    0x70: "installed",
    0x80: "installed",
}
"""CurrentState of a package; 0 is absent and not reported."""
PENDING = frozenset({"pending", "uninstall pending"})

_ROLE_CACHE = r"Microsoft\ServerManager\ServicingStorage\ServerComponentCache"
_PATCH = re.compile(r"(?i)Package_for_([^~]+)~[^~]*~[^~]*~[^~]*~(.*)")
_ON_DEMAND = re.compile(r"(?i)(.+?)-(?:FOD|OnDemand)-Package~[^~]*~[^~]*~([^~]*)~(.*)")
_OF_PRODUCT = re.compile(r"(?i)_(?:RTM|SP\d|GDR|LDR)\b")


def read_patches(reading: Reading) -> tuple[list[Patch], list[Feature]]:
    """The patches, and the features that are packages of their own."""
    patches: dict[tuple[str, str, str], Patch] = {}
    features: list[Feature] = []
    packages = reading.software(rf"{SERVICING}\Packages")
    for key in packages.keys() if packages else ():
        if patch := patch_of(key):
            patches.setdefault((patch["id"], patch["version"], patch["state"]), patch)
        elif feature := _on_demand(key):
            features.append(feature)
    features.extend(_roles(reading))
    return (
        sorted(patches.values(), key=lambda patch: (patch["name"].lower(), patch["version"], patch["state"])),
        sorted(features, key=lambda feature: (feature["name"].lower(), feature["source"])),
    )


def patch_of(key: Key) -> Patch | None:
    """None for what is no patch: a part of one, a component of Windows, a package that is absent."""
    match = _PATCH.fullmatch(key.name)
    state = state_of(key) if match else ""
    if not match or not state:
        return None
    name, version = _OF_PRODUCT.sub("", match[1]), match[2]
    return {
        "id": kb_in(name) or kb_in(key.text("InstallLocation"), key.text("InstallName")) or _named(name, version),
        "name": name,
        "version": version,
        "state": state,
        "installed_at": _installed_at(key),
        "source": f"SOFTWARE\\{key.path}",
    }


def state_of(key: Key) -> str:
    """A package's state in a word, "" when it is absent."""
    number = key.number("CurrentState")
    if number is None:
        return "unknown"
    if number >= 0x80000000 or number < 0:
        return "broken"
    return STATES.get(number, f"unknown ({number:#x})") if number else ""


def newest_rollup(patches: list[Patch]) -> tuple[int, int] | None:
    """Build and revision of the newest cumulative update that is installed."""
    found = []
    for patch in patches:
        parts = patch["version"].split(".")
        is_rollup = patch["name"].lower() == "rollupfix" and patch["state"] == "installed"
        if is_rollup and len(parts) >= 2 and all(part.isdecimal() for part in parts[:2]):
            found.append((int(parts[0]), int(parts[1])))
    return max(found, default=None)


def _named(name: str, version: str) -> str:
    """What stands for a KB number where none is kept: a cumulative update is known by the build that it makes."""
    if name.lower() == "rollupfix":
        return f"RollupFix {'.'.join(version.split('.')[:2])}"
    return f"{name} {version}"


def _installed_at(key: Key) -> str:
    high, low = key.number("InstallTimeHigh"), key.number("InstallTimeLow")
    return moment_of((high << 32) + low) if high and low is not None else ""


def _on_demand(key: Key) -> Feature | None:
    match = _ON_DEMAND.fullmatch(key.name)
    state = state_of(key) if match else ""
    if not match or not state:
        return None
    language = f" ({match[2]})" if match[2] else ""
    return {"name": match[1] + language, "state": state, "source": f"SOFTWARE\\{key.path}"}


def _roles(reading: Reading) -> Iterator[Feature]:
    cache = reading.software(_ROLE_CACHE)
    for key in cache.keys() if cache else ():
        if key.number("InstallState") == 1:
            yield {"name": key.name, "state": "installed", "source": f"SOFTWARE\\{key.path}"}
