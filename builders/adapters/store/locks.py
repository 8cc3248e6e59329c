"""The lock files that Citrix Provisioning keeps beside the disk files of a store."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAY_BE_WRITTEN = "PVS keeps a lock file beside it: it may be streamed or written to now"
_DISK_FILE = re.compile(r"(?P<disk>.+?)(?:\.(?P<number>\d{1,9}))?\.a?vhdx?", re.IGNORECASE | re.DOTALL)


def lock_words(names: Iterable[str], top: str) -> str:
    """A sentence when the disk file ``top`` has its lock file among ``names`` of its folder; else empty.

    ``W11.4.avhdx`` has ``W11.4.lok``, ``W11.vhdx`` has ``W11.lok``. Only the newest file of a disk can be written to:
    for one with a newer file beside it the lock means no more than that targets stream it, and nothing is said.
    """
    there = {name.casefold() for name in names}
    wanted = top.casefold()
    if f"{wanted.rpartition('.')[0]}.lok" not in there:
        return ""
    disk, number = _place(wanted)
    return "" if any(other == disk and newer > number for other, newer in map(_place, there)) else MAY_BE_WRITTEN


def _place(name: str) -> tuple[str, int]:
    """The disk that a file belongs to, and its version; a name of another kind belongs to none."""
    found = _DISK_FILE.fullmatch(name)
    return (found["disk"], int(found["number"] or 0)) if found else ("", -1)
