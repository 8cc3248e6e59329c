"""The people who have a profile in the image, and their hives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from builders.inspection.inventory.reading import Reading, first_of
from builders.inspection.registry import Hive

PROFILES = r"Microsoft\Windows NT\CurrentVersion\ProfileList"
NEW_USERS = "Default"
"""The profile that everyone who signs in for the first time starts from."""
MOST_USERS = 200

_PEOPLE = ("S-1-5-21-", "S-1-12-1-")
_NO_PEOPLE = {"all users", "default user", "public", "desktop.ini", "default"}


@dataclass(frozen=True)
class Profile:
    user: str
    """The profile's folder below Users."""
    sid: str
    hive: Hive
    source: str
    """How keys of this hive begin in ``source`` fields: the hive's path."""


def profiles_of(reading: Reading) -> list[Profile]:
    """Of people only: accounts of the system, and folders that belong to one, are left out."""
    sids = _sids(reading)
    folders = [name for name in reading.names("Users") if name.lower() not in _NO_PEOPLE]
    found = []
    for name in first_of(folders, MOST_USERS, reading, "Users", "profiles"):
        sid = sids.get(name.lower(), "")
        if sid and not sid.startswith(_PEOPLE):
            continue
        if profile := _profile(reading, name, sid):
            found.append(profile)
    return found


def new_users_profile(reading: Reading) -> Profile | None:
    return _profile(reading, NEW_USERS, "")


def _profile(reading: Reading, name: str, sid: str) -> Profile | None:
    path = rf"Users\{name}\NTUSER.DAT"
    hive = reading.load(path, path) if reading.volume else None
    return Profile(name, sid, hive, path) if hive else None


def _sids(reading: Reading) -> dict[str, str]:
    """Folder below Users (small letters) to the SID whose profile it is."""
    return dict(_pairs(reading))


def _pairs(reading: Reading) -> Iterator[tuple[str, str]]:
    profiles = reading.software(PROFILES)
    for key in profiles.keys() if profiles else ():
        folder = key.text("ProfileImagePath").rstrip("\\").rsplit("\\", 1)[-1].lower()
        if folder:
            yield folder, key.name.removesuffix(".bak")
