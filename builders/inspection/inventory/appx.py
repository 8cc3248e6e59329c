"""Store apps: those that every new user gets, and those that users have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builders.inspection.inventory.reading import Reading
from builders.inspection.inventory.report import StoreApp
from builders.inspection.registry import Key

STORE = r"Microsoft\Windows\CurrentVersion\Appx\AppxAllUserStore"
_FULL_NAME = re.compile(r"([A-Za-z0-9.-]+)_(\d+(?:\.\d+){1,3})_([A-Za-z0-9]*)_([^_]*)_([a-z0-9]{13})")


def read_appx(reading: Reading) -> list[StoreApp]:
    found: dict[tuple[str, str, str], StoreApp] = {}
    store = reading.software(STORE)
    for folder in _folders(store) if store else ():
        for key in folder:
            if app := app_of(key.name, f"SOFTWARE\\{key.path}"):
                found.setdefault((app["family"], app["version"], app["architecture"]), app)
    return sorted(found.values(), key=lambda app: (app["family"].lower(), app["version"], app["architecture"]))


def app_of(full_name: str, source: str) -> StoreApp | None:
    """From ``Name_Version_Architecture_Resource_Publisher``; None for what is not written so."""
    match = _FULL_NAME.fullmatch(full_name)
    if not match:
        return None
    name, version, architecture, _, publisher = match.groups()
    return {"family": f"{name}_{publisher}", "version": version, "architecture": architecture, "source": source}


def _folders(store: Key) -> Iterator[Key]:
    for key in store:
        if key.name.lower() in ("applications", "inboxapplications") or key.name.startswith("S-1-"):
            yield key
