"""What has really changed in the farm, in order, and who asked for it: the witness that a client's belief is held to.

Only changes are noted. A call that is refused, or that leaves everything as it was, is none.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from lab.pvs.model import Farm, VDisk, Version

KEPT = 100_000
CLOCK = "clock"  # nobody asked: something that was under way came to its end


@dataclass(frozen=True)
class Entry:
    """One change. `birth` is the number of the entry that made this very version, 0 if it was there from the start.

    Numbers of versions are given anew after a deletion, births never. `before` and `after` are accesses; empty where
    the version was not yet there, or is no more. `others`: what the call did to further versions of the vDisk.
    """

    number: int
    at: datetime
    by: str
    what: str
    subject: str  # a vDisk or a target, by name
    version: int | None = None
    birth: int | None = None
    before: str = ""
    after: str = ""
    text: str = ""
    others: tuple[str, ...] = ()


Picture = dict[int, tuple[str, str, str, bool]]


def picture(disk: VDisk) -> Picture:
    """What can change about the versions of a vDisk, by number."""
    return {
        one.number: (one.access.name.lower(), one.description, str(one.scheduled), one.delete_when_free)
        for one in disk.versions
    }


class Journal:
    """The last entries. Called with the datacentre's lock held; their count is kept in the farm's state."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._by = CLOCK

    @contextmanager
    def asked_by(self, who: str) -> Iterator[None]:
        """Whoever holds the lock acts for `who`."""
        former, self._by = self._by, who
        try:
            yield
        finally:
            self._by = former

    def note(self, farm: Farm, now: datetime, what: str, subject: str) -> None:
        """A change that is not about a version."""
        self._entries.append(Entry(_next(farm), now, self._by, what, subject))

    def note_version(
        self, farm: Farm, now: datetime, what: str, *, disk: VDisk, version: Version | None, before: Picture
    ) -> None:
        """What became of a vDisk since `before`, if anything did. `version`: the one that the change is about."""
        after = picture(disk)
        if after == before:
            return
        entry = Entry(_next(farm), now, self._by, what, disk.name)
        if version is not None:
            if version.number not in before:
                version.birth = entry.number
            entry = replace(
                entry,
                version=version.number,
                birth=version.birth,
                before=_access(before, version.number),
                after=_access(after, version.number),
                text=version.description,
            )
        self._entries.append(replace(entry, others=_moved(before, after, except_for=entry.version)))

    def after(self, number: int, limit: int) -> list[Entry]:
        """The oldest `limit` entries behind this number; a gap at their front means that older ones are forgotten."""
        return list(islice((entry for entry in self._entries if entry.number > number), limit))

    def clear(self) -> None:
        self._entries.clear()


def _next(farm: Farm) -> int:
    farm.last_entry += 1
    return farm.last_entry


def _access(seen: Picture, number: int) -> str:
    return seen[number][0] if number in seen else ""


def _moved(before: Picture, after: Picture, *, except_for: int | None) -> tuple[str, ...]:
    return tuple(
        f"version {number}: {_access(before, number) or 'not there'} -> {_access(after, number) or 'gone'}"
        for number in sorted(before.keys() | after.keys())
        if number != except_for and _access(before, number) != _access(after, number)
    )
