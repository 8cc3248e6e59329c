"""Entries of Uninstall keys as they stand in the hives, before anything is judged about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from builders.inspection.inventory.names import GUID, day_of
from builders.inspection.inventory.reading import Reading, first_of
from builders.inspection.inventory.report import Program
from builders.inspection.inventory.secrets import concealed
from builders.inspection.inventory.users import Profile
from builders.inspection.registry import Key

UNINSTALL = r"Microsoft\Windows\CurrentVersion\Uninstall"
MOST_ENTRIES = 5000
MOST_NAME = 300

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
            yield entry


def entry_of(key: Key, *, view: str, user: str, hive: str) -> Entry | None:
    """None for what has no name to show: Windows does not list it either."""
    name = key.text("DisplayName")[:MOST_NAME].strip()
    if not name:
        return None
    is_msi = key.number("WindowsInstaller") == 1
    return Entry(
        Program(
            name=name,
            version=key.text("DisplayVersion")[:100] or _version_of(key),
            publisher=key.text("Publisher")[:MOST_NAME],
            kind="application",
            scope="user" if user else "machine",
            user=user,
            view=view,
            source=f"{hive}\\{key.path}",
            key=key.name,
            product_code=key.name.upper() if is_msi and GUID.fullmatch(key.name) else "",
            installed_on=day_of(key.text("InstallDate")) or key.written_at[:10],
            location=key.text("InstallLocation").strip('"')[:1000],
            install_source=key.text("InstallSource")[:1000],
            uninstall=concealed(key.text("UninstallString")),
            quiet_uninstall=concealed(key.text("QuietUninstallString")),
            size_kb=key.number("EstimatedSize"),
            parent="",
            parts=[],
            updates=[],
        ),
        is_component=key.number("SystemComponent") == 1,
        is_bundle=any(key.has(mark) for mark in _BUNDLE_MARKS),
        parent_key=key.text("ParentKeyName"),
        parent_name=key.text("ParentDisplayName")[:MOST_NAME],
        release_type=key.text("ReleaseType"),
    )


def _version_of(key: Key) -> str:
    """The version as numbers, for entries that do not show one as text."""
    number = key.number("Version")
    if number:
        return f"{number >> 24 & 0xFF}.{number >> 16 & 0xFF}.{number & 0xFFFF}"
    major, minor = key.number("VersionMajor"), key.number("VersionMinor")
    return "" if major is None else f"{major}.{minor or 0}"
