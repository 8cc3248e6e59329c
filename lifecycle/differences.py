"""What two images differ in: added, removed, updated, per category, and one plain line that says it.

Pure: two reports in, values out. Items are the same thing when their identities are equal (``lifecycle.contents``); of
several with one, such as two releases of a runtime side by side, those that resemble each other most are paired.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lifecycle import contents, headlines
from lifecycle.contents import Category, Item, Report
from lifecycle.program_names import architecture, publisher_key, without_last_number
from lifecycle.program_versions import common_parts, compare, sort_key

FORMAT = 1
MOST_PAIRS = 20_000  # compared for a whole report; beyond, items are paired in the order of their versions
_PROGRAMS = (Category.PROGRAMS, Category.PLATFORM, Category.HIDDEN_PROGRAMS, Category.UPDATES)


class Direction(StrEnum):
    NEWER = "newer"
    OLDER = "older"
    OTHER = "other"  # the same version, something else differs; or versions that tell nothing


@dataclass(frozen=True)
class Update:
    """One thing that is in both and differs. ``fields``: (what, before, after), the version first where it differs."""

    before: Item
    after: Item
    fields: tuple[tuple[str, str, str], ...]

    @property
    def direction(self) -> Direction:
        order = compare(self.after.version, self.before.version)
        return Direction.NEWER if order > 0 else Direction.OLDER if order < 0 else Direction.OTHER

    @property
    def is_of_version(self) -> bool:
        return self.before.version != self.after.version


@dataclass(frozen=True)
class CategoryDifference:
    """``unread``: which side's report does not speak of it ("before", "after"); then nothing else can be said."""

    category: Category
    added: tuple[Item, ...] = ()
    removed: tuple[Item, ...] = ()
    updated: tuple[Update, ...] = ()
    unchanged: int = 0
    unread: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return contents.LABELS[self.category]

    @property
    def count(self) -> int:
        return len(self.added) + len(self.removed) + len(self.updated)

    @property
    def superseded(self) -> int:
        """Of patches: how many are so now, and were not before."""
        return headlines.superseded(self) if self.category == Category.PATCHES else 0


@dataclass(frozen=True)
class Difference:
    """Every category in the order of the pages. ``caveats``: sentences on what makes the comparison less than whole."""

    categories: tuple[CategoryDifference, ...]
    caveats: tuple[str, ...] = ()

    def of(self, category: Category) -> CategoryDifference:
        return next(each for each in self.categories if each.category == category)

    @property
    def changed(self) -> tuple[CategoryDifference, ...]:
        return tuple(each for each in self.categories if each.count)

    @property
    def count(self) -> int:
        return sum(each.count for each in self.categories)

    @property
    def is_empty(self) -> bool:
        return self.count == 0

    @property
    def headline(self) -> str:
        return headlines.headline(self)

    def as_dict(self) -> dict[str, Any]:
        """JSON of format 1, documented in docs/image-contents.md."""
        return {
            "format": FORMAT,
            "headline": self.headline,
            "caveats": list(self.caveats),
            "categories": {
                str(each.category): {
                    "added": [_as_dict(item) for item in each.added],
                    "removed": [_as_dict(item) for item in each.removed],
                    "updated": [_update_as_dict(update) for update in each.updated],
                    "unchanged": each.unchanged,
                    "unread": list(each.unread),
                }
                for each in self.categories
            },
        }


def difference(before: Report, after: Report) -> Difference:
    """Compare two reports of image contents (format 1); which one is "before" is the caller's choice."""
    room = Room()
    programs = _programs(before, after, room)
    found = []
    for category in Category:
        unread = tuple(
            side for side, report in (("before", before), ("after", after)) if not contents.is_told(report, category)
        )
        if unread:
            found.append(CategoryDifference(category, unread=unread))
        elif category in _PROGRAMS:
            found.append(programs[category])
        else:
            sides = (contents.items(before, category), contents.items(after, category))
            found.append(_gathered(category, _matched(*sides, room)))
    return Difference(tuple(found), tuple(_caveats(before, after, found)))


@dataclass
class Room:
    """How many more pairs may be compared: what is in a report comes from an image, and nothing else bounds it."""

    pairs: int = MOST_PAIRS

    def takes(self, pairs: int) -> bool:
        if pairs > self.pairs:
            return False
        self.pairs -= pairs
        return True


def _programs(before: Report, after: Report, room: Room) -> dict[Category, CategoryDifference]:
    """Paired whatever their kind: one that is hidden from now on was not removed."""
    sides = [
        [item for category in _PROGRAMS for item in contents.items(report, category)] for report in (before, after)
    ]
    pairs = _with_successors(list(_matched(sides[0], sides[1], room)), room)
    return {
        category: _gathered(category, (pair for pair in pairs if (pair[1] or pair[0]).category == category))  # type: ignore[union-attr]
        for category in _PROGRAMS
    }


Pair = tuple[Item | None, Item | None]


def _gathered(category: Category, pairs: Iterable[Pair]) -> CategoryDifference:
    added, removed, updated, unchanged = [], [], [], 0
    for before, after in pairs:
        if before is None and after is not None:
            added.append(after)
        elif after is None and before is not None:
            removed.append(before)
        elif before is not None and after is not None:
            fields = _fields(before, after)
            if fields:
                updated.append(Update(before, after, fields))
            else:
                unchanged += 1
    return CategoryDifference(
        category,
        tuple(sorted(added, key=_order)),
        tuple(sorted(removed, key=_order)),
        tuple(sorted(updated, key=lambda update: _order(update.after))),
        unchanged,
    )


def _order(item: Item) -> tuple[str, str, str]:
    return item.name.casefold(), sort_key(item.version), item.view


def _fields(before: Item, after: Item) -> tuple[tuple[str, str, str], ...]:
    """What differs. A name that changed together with the version ("7-Zip 24.05") is no difference of its own."""
    version = [("version", before.version, after.version)] if before.version != after.version else []
    name = [("name", before.name, after.name)] if before.name != after.name and not version else []
    old, new = dict(before.facts), dict(after.facts)
    others = [
        (label, old.get(label, ""), new.get(label, ""))
        for label in dict.fromkeys([*old, *new])
        if old.get(label, "") != new.get(label, "")
    ]
    return tuple(version + name + others)


def _matched(before: list[Item], after: list[Item], room: Room) -> Iterator[Pair]:
    """Each item once: with its counterpart, or alone. Keys of few items first: they get the room."""
    buckets: defaultdict[str, tuple[list[Item], list[Item]]] = defaultdict(lambda: ([], []))
    for side, found in enumerate((before, after)):
        for item in found:
            buckets[item.identity][side].append(item)
    for old, new in sorted(buckets.values(), key=lambda sides: len(sides[0]) * len(sides[1])):
        if len(old) == len(new) == 1:
            yield old[0], new[0]
        else:
            yield from _matched_in_bucket(old, new, room)


def _with_successors(pairs: list[Pair], room: Room) -> list[Pair]:
    """``Reporter 23`` that went and ``Reporter 24`` that came are one program updated, each known by its version."""
    gone = [before for before, after in pairs if before is not None and after is None]
    came = [after for before, after in pairs if before is None and after is not None]
    buckets: defaultdict[tuple[str, ...], tuple[list[Item], list[Item]]] = defaultdict(lambda: ([], []))
    for side, found in enumerate((gone, came)):
        for item in (each for each in found if each.category != Category.UPDATES):
            name = without_last_number(item.name, item.version)
            buckets[name, publisher_key(item.publisher), item.user][side].append(item)
    likely = [pair for pair in buckets.values() if all(pair)]
    if not likely:
        return pairs
    known = {id(item) for sides in likely for side in sides for item in side}
    kept = [pair for pair in pairs if all(pair) or id(pair[0] or pair[1]) not in known]
    return kept + [pair for sides in likely for pair in _matched_in_bucket(*sides, room)]


def _matched_in_bucket(before: list[Item], after: list[Item], room: Room) -> Iterator[Pair]:
    left: defaultdict[tuple[object, ...], list[Item]] = defaultdict(list)
    for item in before:
        left[_identity(item)].append(item)
    new = []
    for item in after:
        same = left.get(_identity(item))
        if same:
            yield same.pop(), item
        else:
            new.append(item)
    old = sorted((item for group in left.values() for item in group), key=_order)
    new.sort(key=_order)
    taken = _closest(old, new, room)
    yield from ((old[one], new[other]) for one, other in taken.items())
    yield from ((item, None) for at, item in enumerate(old) if at not in taken)
    others = set(taken.values())
    yield from ((None, item) for at, item in enumerate(new) if at not in others)


def _closest(before: list[Item], after: list[Item], room: Room) -> dict[int, int]:
    """Indexes of pairs, the greatest resemblance first."""
    if not room.takes(len(before) * len(after)):
        return {at: at for at in range(min(len(before), len(after)))}
    likely = sorted(
        ((_resemblance(one, other), -i, -j) for i, one in enumerate(before) for j, other in enumerate(after)),
        reverse=True,
    )
    taken: dict[int, int] = {}
    used: set[int] = set()
    for _, i, j in likely:
        if -i not in taken and -j not in used:
            taken[-i] = -j
            used.add(-j)
    return taken


def _identity(item: Item) -> tuple[object, ...]:
    return item.category, item.name, item.version, item.view, item.user, item.facts


def _resemblance(one: Item, other: Item) -> tuple[bool, bool, bool, bool, int]:
    return (
        (one.name, one.version, one.view) == (other.name, other.version, other.view),
        one.category == other.category,
        (architecture(one.name) or one.view) == (architecture(other.name) or other.view),
        one.name == other.name,
        common_parts(one.version, other.version),
    )


def _caveats(before: Report, after: Report, found: list[CategoryDifference]) -> Iterator[str]:
    for report, side, effect in (
        (before, "earlier", "something may look added that was there already"),
        (after, "later", "something may look removed that is still there"),
    ):
        if report.get("partial"):
            yield f"The {side} contents were read in part only, so {effect}."
    unread = [each.label for each in found if each.unread]
    if unread:
        yield f"Not compared, because one of the two does not tell: {', '.join(unread)}."


def _as_dict(item: Item) -> dict[str, Any]:
    told = {
        "name": item.name,
        "version": item.version,
        "publisher": item.publisher,
        "kind": item.kind,
        "scope": item.scope,
        "view": item.view,
        "source": item.source,
    }
    return {name: value for name, value in told.items() if value or name in ("name", "version")}


def _update_as_dict(update: Update) -> dict[str, Any]:
    return {
        "name": update.after.name,
        "direction": str(update.direction),
        "before": _as_dict(update.before),
        "after": _as_dict(update.after),
        "fields": [{"field": field, "before": old, "after": new} for field, old, new in update.fields],
    }
