"""One reading of an image: its system volume, its hives by name, and the list of what could not be read."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from builders.inspection.errors import Unreadable
from builders.inspection.inventory.choosing import choose
from builders.inspection.inventory.finding import CONFIG, MISSES, Volume, Volumes
from builders.inspection.inventory.hives import open_hive
from builders.inspection.inventory.report import Warned
from builders.inspection.registry import Hive, Key

logger = logging.getLogger(__name__)

MOST_WARNINGS = 500
_SET = re.compile(r"(?i)ControlSet\d{3}")

T = TypeVar("T")


@dataclass
class Reading:
    """``volume`` is the one Windows lies on; ``control_set`` the name of the one that boots, as ``ControlSet001``."""

    volumes: Volumes
    volume: Volume | None
    hives: dict[str, Hive] = field(default_factory=dict)
    control_set: str = "ControlSet001"
    partial: bool = False
    _warnings: list[Warned] = field(default_factory=list)
    _untold: int = 0

    @classmethod
    def of(cls, volumes: Volumes) -> Reading:
        choice = choose(volumes)
        reading = cls(volumes, choice.volume)
        for given in volumes.warnings:
            reading.warn(given.get("where", ""), given.get("words", ""))
        for where, words in choice.problems:
            reading.warn(where, words, lost=not choice.is_sure)
        if reading.volume is None:
            reading.warn("image", _no_windows(volumes), lost=True)
            return reading
        for name in ("SOFTWARE", "SYSTEM"):
            reading.load(name, rf"{CONFIG}\{name}", lost=True)
        reading._choose_control_set()
        return reading

    def _choose_control_set(self) -> None:
        """Offline there is no CurrentControlSet: Select says which of the numbered ones it will be."""
        system = self.hives.get("SYSTEM")
        if system is None:
            return
        if chosen := _selected(system):
            self.control_set = chosen
            return
        sets = [name for name in system.root.names() if _SET.fullmatch(name)]
        self.control_set = next(iter(sets), self.control_set)
        words = f"Select does not say which control set boots; {self.control_set} was taken"
        words += f" of {', '.join(sets)}" if len(sets) > 1 else ""
        words = words if sets else "there is no control set in it"
        self.warn(r"SYSTEM\Select", words, lost=len(sets) != 1)

    def load(self, name: str, path: str, *, lost: bool = False) -> Hive | None:
        """The hive at a path, kept under a name; None, with a warning, when it cannot be read or is not there."""
        assert self.volume is not None
        try:
            hive = open_hive(self.volume, path)
        except FileNotFoundError:
            if lost:
                self.warn(path, "it is not there", lost=True)
            return None
        except MISSES as error:
            self.warn(path, f"the hive cannot be read: {error}", lost=True)
            return None
        if hive.state:
            self.warn(path, hive.state, lost=not hive.log_entries)
        self.hives[name] = hive
        return hive

    def key(self, hive: str, path: str) -> Key | None:
        """A key of a loaded hive; None when either is not there."""
        held = self.hives.get(hive)
        return held.key(path) if held else None

    def software(self, path: str) -> Key | None:
        return self.key("SOFTWARE", path)

    def control(self, path: str) -> Key | None:
        """A key below the control set that boots, such as ``Services``."""
        return self.key("SYSTEM", rf"{self.control_set}\{path}")

    def both_views(self, path: str) -> Iterator[tuple[str, Key]]:
        """A key of SOFTWARE as programs of 64 and of 32 bits see it, each that is there: ("64" or "32", key)."""
        for view, before in (("64", ""), ("32", "WOW6432Node\\")):
            if key := self.software(before + path):
                yield view, key

    def exists(self, path: str) -> bool:
        try:
            return self.volume is not None and self.volume.exists(path)
        except MISSES as error:
            self.warn(path, str(error), lost=True)
            return False

    def names(self, path: str) -> list[str]:
        """What is in a folder; nothing when it is not there, with a warning when it cannot be read."""
        try:
            return sorted(self.volume.names(path)) if self.volume else []
        except (FileNotFoundError, NotADirectoryError):
            return []
        except MISSES as error:
            self.warn(path, f"the folder cannot be read: {error}", lost=True)
            return []

    def file(self, path: str, at_most: int) -> bytes | None:
        """The beginning of a file, with a warning when it is longer; None when it is not there or cannot be read, the
        latter with a warning."""
        try:
            content = self.volume.read(path, at_most + 1) if self.volume else None
        except FileNotFoundError:
            return None
        except MISSES as error:
            self.warn(path, str(error), lost=True)
            return None
        if content is not None and len(content) > at_most:
            self.warn(path, f"longer than {at_most:,} bytes; the rest was not read", lost=True)
        return content[:at_most] if content is not None else None

    def part(self, what: str, read: Callable[[], T], instead: T) -> T:
        """One category of the inventory. Whatever a crafted image makes of it, it ends in ``instead`` and a warning."""
        try:
            return read()
        except Unreadable as error:
            self.warn(what, str(error), lost=True)
        except Exception as error:  # the edge: images are untrusted, and the other categories must not be lost
            logger.warning("reading %s", what, exc_info=True)
            self.warn(what, f"could not be read: {type(error).__name__}", lost=True)
        return instead

    def warn(self, where: str, words: str, *, lost: bool = False) -> None:
        """``lost``: something that belongs into the report is missing because of it."""
        self.partial = self.partial or lost
        if len(self._warnings) < MOST_WARNINGS:
            self._warnings.append({"where": where, "words": words})
        else:
            self._untold += 1

    def warnings(self) -> list[Warned]:
        """All of them, with those that the hives kept while they were read."""
        found = list(self._warnings)
        for name, hive in self.hives.items():
            for where, words in hive.problems:
                self.partial = True
                found.append({"where": f"{name}\\{where}" if where else name, "words": words})
        untold = self._untold + len(found) - MOST_WARNINGS
        if untold <= 0:
            return found
        self.partial = True
        return [*found[: MOST_WARNINGS - 1], {"where": "warnings", "words": f"{untold + 1:,} more are not listed"}]


def first_of(items: Iterable[T], most: int, reading: Reading, where: str, what: str) -> Iterator[T]:
    """The first ``most`` of them; that there are more is a warning, and the report is partial."""
    for count, item in enumerate(items):
        if count >= most:
            reading.warn(where, f"more than {most:,} {what}; the rest was not read", lost=True)
            return
        yield item


def _selected(system: Hive) -> str:
    """The control set that Select names and that is there, or ""."""
    select = system.key("Select")
    for name in ("Current", "Default", "LastKnownGood"):
        number = select.number(name) if select else None
        if number and 0 < number < 1000 and system.key(f"ControlSet{number:03d}"):
            return f"ControlSet{number:03d}"
    return ""


def _no_windows(volumes: Volumes) -> str:
    if not volumes.volumes:
        return "no volume in the image can be read"
    return rf"none of the {len(volumes.volumes)} volume(s) that can be read holds Windows\System32\config\SOFTWARE"
