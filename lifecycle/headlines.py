"""One plain line on what two images differ in: "2 programs updated, 1 added; VMware Tools 12.3 -> 12.4; 14 patches"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lifecycle import platform_parts
from lifecycle.contents import NOUNS, Category, Item
from lifecycle.program_versions import shortened

if TYPE_CHECKING:
    from lifecycle.differences import CategoryDifference, Difference, Update

MOST_NAMED = 3  # platform components; the others are counted
_COUNTED = (
    Category.UPDATES,
    Category.SERVICES,
    Category.DRIVERS,
    Category.FEATURES,
    Category.TASKS,
    Category.APPX,
    Category.OFFICE,
    Category.HIDDEN_PROGRAMS,
    Category.HIDDEN,
)


def headline(found: Difference) -> str:
    """Parts in the order of their weight, joined by semicolons."""
    parts = [
        *_deeds(found.of(Category.PROGRAMS)),
        *_platform(found),
        *_patches(found.of(Category.PATCHES)),
        *_others(found),
        *_signs(found.of(Category.SIGNS)),
    ]
    if parts:
        return "; ".join(parts)
    return "Nothing to compare" if all(each.unread for each in found.categories) else "No difference found"


def plural(count: int, noun: str) -> str:
    """``1 patch``, ``14 patches``, ``2 updates of programs``."""
    if count == 1:
        return f"1 {noun}"
    if noun == "update of a program":
        return f"{count} updates of programs"
    return f"{count} {noun}{'es' if noun.endswith('ch') else 's'}"


def _deeds(each: CategoryDifference) -> Iterator[str]:
    """``2 programs updated, 1 added``: the noun is said once."""
    versions = [update for update in each.updated if update.is_of_version]
    older = [update for update in versions if update.direction == "older"]
    counts = (
        (len(versions) - len(older), "updated"),
        (len(older), "set back to an older version"),
        (len(each.updated) - len(versions), "changed"),
        (len(each.added), "added"),
        (len(each.removed), "removed"),
    )
    told = [(count, deed) for count, deed in counts if count]
    if told:
        (count, deed), *others = told
        yield ", ".join(
            [f"{plural(count, NOUNS[each.category])} {deed}", *(f"{number} {verb}" for number, verb in others)]
        )


def _platform(found: Difference) -> Iterator[str]:
    each, system = found.of(Category.PLATFORM), found.of(Category.SYSTEM)
    named = [_moved(update) for update in system.updated if update.after.key == "full_build"]
    told = {item.part for item in (*(update.after for update in each.updated), *each.added, *each.removed) if item.part}
    named += [_moved(update) for update in each.updated if not _is_told(update.after, told)]
    named += [f"{_with_version(item)} added" for item in each.added if not _is_told(item, told)]
    named += [f"{_with_version(item)} removed" for item in each.removed if not _is_told(item, told)]
    yield from named[:MOST_NAMED]
    if len(named) > MOST_NAMED:
        yield f"{len(named) - MOST_NAMED} more of the platform"
    others = [update for update in system.updated if update.after.key != "full_build"]
    count = len(others) + len(system.added) + len(system.removed)
    if count:
        yield f"{plural(count, NOUNS[Category.SYSTEM])} changed"


def _is_told(item: Item, parts: set[str]) -> bool:
    """One more program of a part that is named already."""
    return not item.part and any(platform_parts.is_of(part, item.name) for part in parts)


def _moved(update: Update) -> str:
    before, after = shortened(*_without_common_start(update.before.version, update.after.version))
    if not before or not after or before == after:
        return f"{update.after.title} changed"
    return f"{_bare(update.after)} {before} -> {after}"


def _without_common_start(before: str, after: str) -> tuple[str, str]:
    """``10.0.22631.3447`` and ``10.0.22631.3593`` as people say them: 22631.3447 and 22631.3593."""
    if before.startswith("10.0.") and after.startswith("10.0."):
        return before[5:], after[5:]
    return before, after


def _with_version(item: Item) -> str:
    return f"{_bare(item)} {'.'.join(item.version.split('.')[:2])}".strip()


def _bare(item: Item) -> str:
    """The name without a version that is part of it."""
    return item.title.replace(item.version, "").strip(" -") if item.version else item.title


def _patches(each: CategoryDifference) -> Iterator[str]:
    """New ones count, not those that another one supersedes: the table tells these."""
    moved = [update for update in each.updated if _is_installed(update.after) and not _is_installed(update.before)]
    gone = [item for item in each.removed if _is_installed(item)]
    new = [*moved, *(item for item in each.added if _is_installed(item))]
    waits = [update.after for update in each.updated if _state(update.before) != "pending"]
    pending = [item for item in (*each.added, *waits) if _state(item) == "pending"]
    if new:
        yield plural(len(new), "patch")
    if pending:
        yield f"{plural(len(pending), 'patch')} pending"
    if gone:
        yield f"{plural(len(gone), 'patch')} removed"
    if each.count and not (new or pending or gone):
        yield f"{plural(each.count, 'patch')} changed"


def superseded(each: CategoryDifference) -> int:
    """How many patches of a difference came, or became, superseded."""
    became = [update.after for update in each.updated if _state(update.before) != "superseded"]
    return sum(_state(item) == "superseded" for item in (*each.added, *became))


def _state(item: Item) -> str:
    return item.fact("state")


def _is_installed(item: Item) -> bool:
    return _state(item) in ("installed", "")


def _others(found: Difference) -> Iterator[str]:
    told = [plural(found.of(category).count, NOUNS[category]) for category in _COUNTED if found.of(category).count]
    if told:
        yield f"{', '.join(told)} changed"


def _signs(each: CategoryDifference) -> Iterator[str]:
    if each.added:
        yield f"{plural(len(each.added), 'new sign')} that it is not sealed"
    if each.removed:
        yield f"{plural(len(each.removed), 'sign')} that it is not sealed gone"
