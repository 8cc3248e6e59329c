"""Entries of Uninstall keys as they stand in the hives, before anything is judged about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from builders.inspection.inventory.names import GUID, day_of
from builders.inspection.inventory.plain import cut, plain
from builders.inspection.inventory.reading import Reading, first_of
from builders.inspection.inventory.report import Program
from builders.inspection.inventory.secrets import concealed
from builders.inspection.inventory.users import Profile
from builders.inspection.registry import Key

UNINSTALL = r"Microsoft\Windows\CurrentVersion\Uninstall"
MOST_ENTRIES = 5000
MOST_NAME = 300

_OF_PRODUCT = re.compile(rf"(?i)({GUID.pattern})\.KB\d{{4,8}}.*")
_BUNDLE_MARKS = ("BundleCachePath", "BundleUpgradeCode", "BundleProviderKey")


@dataclass
class Entry:
    """One entry; ``program`` is what will be reported of it."""

    program: Program
    is_component: bool = False
    is_bundle: bool = False
    parent_key: str = ""
    parent_name: str = ""
    release_type: str = ""
    is_msi: bool = False
    problem: str = ""


def machine_entries(reading: Reading) -> Iterator[Entry]:
    for view, key in reading.both_views(UNINSTALL):
        yield from _entries(reading, key, view=view, user="", hive="SOFTWARE")


def user_entries(reading: Reading, profile: Profile) -> Iterator[Entry]:
    for before in ("Software\\", "Software\\WOW6432Node\\"):
        if key := profile.hive.key(before + UNINSTALL):
            yield from _entries(reading, key, view="user", user=profile.user, hive=profile.source)


def _entries(reading: Reading, below: Key, *, view: str, user: str, hive: str) -> Iterator[Entry]:
    where = f"{hive}\\{below.path}"
    for key in first_of(below.keys(), MOST_ENTRIES, reading, where, "entries of programs"):
        if entry := entry_of(key, view=view, user=user, hive=hive):
            if entry.problem:
                reading.warn(entry.program["source"], entry.problem)
            yield entry


def entry_of(key: Key, *, view: str, user: str, hive: str) -> Entry | None:
    """None for what has no name to show: Windows does not list it either. A name that is no text, such as a number, is
    a mistake of whoever wrote it: the entry goes by its key's name, and ``problem`` says so."""
    name, problem = cut(plain(key.text("DisplayName")).strip(), MOST_NAME), ""
    if key.has("DisplayName") and not key.holds_text("DisplayName"):
        name, problem = key.name, "its DisplayName is no text; it goes by the name of its key"
    if not name:
        return None
    is_msi = key.number("WindowsInstaller") == 1
    return Entry(
        Program(
            name=name,
            version=cut(key.text("DisplayVersion"), 100) or _version_of(key),
            publisher=cut(key.text("Publisher"), MOST_NAME),
            kind="application",
            scope="user" if user else "machine",
            user=user,
            view=view,
            source=f"{hive}\\{key.path}",
            key=key.name,
            product_code=key.name.upper() if is_msi and GUID.fullmatch(key.name) else "",
            installed_on=day_of(key.text("InstallDate")) or key.written_at[:10],
            location=cut(key.text("InstallLocation").strip('"'), 1000),
            install_source=concealed(key.text("InstallSource")),
            uninstall=concealed(key.text("UninstallString")),
            quiet_uninstall=concealed(key.text("QuietUninstallString")),
            size_kb=key.number("EstimatedSize"),
            parent="",
            parts=[],
            also=[],
            updates=[],
        ),
        is_component=key.number("SystemComponent") == 1,
        is_bundle=any(key.has(mark) for mark in _BUNDLE_MARKS),
        parent_key=key.text("ParentKeyName") or _product_in(key.name),
        parent_name=cut(key.text("ParentDisplayName"), MOST_NAME),
        release_type=key.text("ReleaseType"),
        is_msi=is_msi,
        problem=problem,
    )


def _product_in(key_name: str) -> str:
    """The product that an update's key is named after, as in ``{GUID}.KB2468871``; "" for any other key."""
    match = _OF_PRODUCT.fullmatch(key_name)
    return match[1] if match else ""


def _version_of(key: Key) -> str:
    """The version as numbers, for entries that do not show one as text."""
    number = key.number("Version")
    if number:
        return f"{number >> 24 & 0xFF}.{number >> 16 & 0xFF}.{number & 0xFFFF}"
    major, minor = key.number("VersionMajor"), key.number("VersionMinor")
    return "" if major is None else f"{major}.{minor or 0}"
