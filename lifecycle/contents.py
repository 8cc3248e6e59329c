"""What is inside an image, as lists of items: one shape for pages, exports, search and comparison.

A report (docs/image-contents.md) is read leniently: it comes from an image, and older readers knew fewer parts of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from lifecycle import platform_parts
from lifecycle.program_names import normalised, publisher_key

Report = Mapping[str, Any]
Row = Mapping[str, Any]


class Category(StrEnum):
    """In the order of the pages."""

    SIGNS = "signs"
    SYSTEM = "system"
    PLATFORM = "platform"
    PROGRAMS = "programs"
    UPDATES = "updates"
    PATCHES = "patches"
    SERVICES = "services"
    DRIVERS = "drivers"
    FEATURES = "features"
    TASKS = "tasks"
    APPX = "appx"
    OFFICE = "office"
    HIDDEN_PROGRAMS = "hidden-programs"
    HIDDEN = "hidden"


LABELS: dict[Category, str] = {
    Category.SIGNS: "Signs that this image is not sealed",
    Category.SYSTEM: "System",
    Category.PLATFORM: "Platform",
    Category.PROGRAMS: "Programs",
    Category.UPDATES: "Updates of programs",
    Category.PATCHES: "Patches",
    Category.SERVICES: "Services",
    Category.DRIVERS: "Drivers",
    Category.FEATURES: "Features",
    Category.TASKS: "Scheduled tasks",
    Category.APPX: "AppX packages",
    Category.OFFICE: "Office",
    Category.HIDDEN_PROGRAMS: "Hidden programs",
    Category.HIDDEN: "Other state",
}

NOUNS: dict[Category, str] = {
    Category.SIGNS: "sign",
    Category.SYSTEM: "system fact",
    Category.PLATFORM: "platform component",
    Category.PROGRAMS: "program",
    Category.UPDATES: "update of a program",
    Category.PATCHES: "patch",
    Category.SERVICES: "service",
    Category.DRIVERS: "driver",
    Category.FEATURES: "feature",
    Category.TASKS: "scheduled task",
    Category.APPX: "AppX package",
    Category.OFFICE: "Office fact",
    Category.HIDDEN_PROGRAMS: "hidden program",
    Category.HIDDEN: "other setting",
}

SYSTEM_NAMES: dict[str, str] = {
    "name": "Windows",
    "edition": "Edition",
    "full_build": "Windows build",
    "display_version": "Release",
    "installation_type": "Type of installation",
    "architecture": "Processor",
    "computer_name": "Computer name",
    "domain": "Domain",
    "time_zone": "Time zone",
}


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing found in an image. ``key``: what it is the same thing by; ``facts``: what else is compared; ``part``:
    of the platform, which part of it this is."""

    category: Category
    key: str
    name: str
    version: str = ""
    publisher: str = ""
    kind: str = ""
    scope: str = ""
    user: str = ""
    view: str = ""
    source: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    part: str = ""

    @property
    def identity(self) -> str:
        """What it is paired by: a part of the platform is itself, whatever program brings it."""
        return f"platform:{self.part}" if self.part else self.key

    @property
    def title(self) -> str:
        """The short name of a part of the platform, else the name."""
        return platform_parts.NAMES.get(self.part, self.name)

    def fact(self, name: str) -> str:
        return dict(self.facts).get(name, "")


def items(report: Report, category: Category) -> list[Item]:
    """All items of one category, by name."""
    found = list(_READERS[category](report))
    return sorted(found, key=lambda item: (item.name.casefold(), item.version, item.view, item.user))


def is_told(report: Report, category: Category) -> bool:
    """Whether the report speaks about this category at all; an older reader may have not known it."""
    return _PARTS[category] in report


def all_items(report: Report) -> dict[Category, list[Item]]:
    return {category: items(report, category) for category in Category}


def text(value: Any) -> str:
    """A value of a report as one line of text; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(text(part) for part in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text(part)}" for name, part in value.items())
    return str(value)


def rows(report: Report, part: str) -> list[Row]:
    """The rows of one list of the report; what is no row is left out."""
    found = report.get(part)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list | tuple) else []


def _facts(row: Row, names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((label, text(row.get(name))) for name, label in names.items())


def program_key(name: str, publisher: str, user: str = "") -> str:
    """Programs with one key are one program, perhaps in several versions; installed for one person it is another."""
    return "|".join(part for part in (normalised(name), publisher_key(publisher), user.casefold()) if part)


def _program(row: Row, category: Category) -> Item:
    name, version, publisher, user = (text(row.get(part)) for part in ("name", "version", "publisher", "user"))
    return Item(
        category=category,
        key=program_key(name, publisher, user),
        name=name,
        version=version,
        publisher=publisher,
        kind=text(row.get("kind")),
        scope=text(row.get("scope")),
        user=user,
        view=text(row.get("view")),
        source=text(row.get("source")),
        facts=_facts(row, {"kind": "kind", "view": "view", "location": "folder"}),
    )


def category_of_program(kind: str) -> Category:
    return {"hidden": Category.HIDDEN_PROGRAMS, "platform": Category.PLATFORM, "update": Category.UPDATES}.get(
        kind, Category.PROGRAMS
    )


def _programs(of: Category) -> Callable[[Report], Iterator[Item]]:
    """A program that brings a part of the platform is told there, once."""

    def read(report: Report) -> Iterator[Item]:
        found = rows(report, "programs")
        told = set(platform_parts.brought_by(_platform_facts(report), found).values())
        for at, row in enumerate(found):
            if at not in told and category_of_program(text(row.get("kind"))) == of:
                yield _program(row, of)

    return read


def _updates(report: Report) -> Iterator[Item]:
    yield from _programs(Category.UPDATES)(report)
    for row in rows(report, "programs"):
        product = text(row.get("name"))
        for update in rows(row, "updates"):
            name = text(update.get("name"))
            yield Item(
                category=Category.UPDATES,
                key=f"{normalised(product)}|{name.casefold()}",
                name=name,
                version=text(update.get("version")),
                source=text(update.get("source")),
                facts=(("of", product),),
            )


def _platform_facts(report: Report) -> Mapping[str, Any]:
    found = report.get("platform")
    return {str(part): value for part, value in found.items()} if isinstance(found, Mapping) else {}


def _platform(report: Report) -> Iterator[Item]:
    facts, programs = _platform_facts(report), rows(report, "programs")
    brought_by = platform_parts.brought_by(facts, programs)
    for part, value in facts.items():
        if value in (None, "", False, {}):
            continue
        item = _part(part, value)
        yield _together(item, programs[brought_by[part]]) if part in brought_by else item
    yield from _programs(Category.PLATFORM)(report)


def _part(part: str, value: Any) -> Item:
    row = value if isinstance(value, Mapping) else {"version": value}
    return Item(
        category=Category.PLATFORM,
        key=f"platform:{part}",
        name=platform_parts.NAMES.get(part, part),
        version="" if isinstance(value, bool) else text(row.get("version")),
        source=text(row.get("source")),
        facts=tuple((name, text(each)) for name, each in row.items() if name not in ("version", "source")),
        part=part,
    )


def _together(part: Item, row: Row) -> Item:
    """The program, as the part that it brings: in the part's version, with the sources of both."""
    program = _program(row, Category.PLATFORM)
    listed = (("listed version", program.version),) if part.version and part.version != program.version else ()
    return replace(
        program,
        version=part.version or program.version,
        source=" and ".join(dict.fromkeys(filter(None, (program.source, part.source)))),
        facts=program.facts + part.facts + listed,
        part=part.part,
    )


def _named(category: Category, part: str, names: Mapping[str, str]) -> Callable[[Report], Iterator[Item]]:
    """A dictionary of the report: one item for each value."""

    def read(report: Report) -> Iterator[Item]:
        found = report.get(part)
        values = found if isinstance(found, Mapping) else {}
        for name in names or values:
            if name in values and text(values[name]):
                yield Item(
                    category=category, key=name, name=names.get(name, name), version=text(values[name]), source=""
                )

    return read


def _listed(
    category: Category,
    key: Callable[[Row], str],
    name: Callable[[Row], str],
    facts: Mapping[str, str],
) -> Callable[[Report], Iterator[Item]]:
    def read(report: Report) -> Iterator[Item]:
        for row in rows(report, _PARTS[category]):
            yield Item(
                category=category,
                key=key(row).casefold(),
                name=name(row),
                version=text(row.get("version")),
                publisher=text(row.get("company")),
                kind=text(row.get("category") or row.get("sign")),
                source=text(row.get("source")),
                facts=_facts(row, facts),
            )

    return read


def _first(*names: str) -> Callable[[Row], str]:
    return lambda row: next((value for value in (text(row.get(name)) for name in names) if value), "")


def _patch_key(row: Row) -> str:
    return _first("id")(row) or _first("name")(row).partition("~")[0]


def _both(*names: str) -> Callable[[Row], str]:
    return lambda row: "|".join(text(row.get(name)) for name in names)


def _service_name(row: Row) -> str:
    shown = text(row.get("display_name"))
    return text(row.get("name")) if shown.startswith("@") or not shown else shown


_PARTS: dict[Category, str] = {
    Category.SIGNS: "signs",
    Category.SYSTEM: "os",
    Category.PLATFORM: "platform",
    Category.PROGRAMS: "programs",
    Category.UPDATES: "programs",
    Category.PATCHES: "patches",
    Category.SERVICES: "services",
    Category.DRIVERS: "drivers",
    Category.FEATURES: "features",
    Category.TASKS: "tasks",
    Category.APPX: "appx",
    Category.OFFICE: "office",
    Category.HIDDEN_PROGRAMS: "programs",
    Category.HIDDEN: "hidden",
}

_READERS: dict[Category, Callable[[Report], Iterable[Item]]] = {
    Category.SIGNS: _listed(Category.SIGNS, _both("sign", "source"), _first("words", "sign"), {}),
    Category.SYSTEM: _named(Category.SYSTEM, "os", SYSTEM_NAMES),
    Category.PLATFORM: _platform,
    Category.PROGRAMS: _programs(Category.PROGRAMS),
    Category.UPDATES: _updates,
    Category.PATCHES: _listed(Category.PATCHES, _patch_key, _first("id", "name"), {"state": "state"}),
    Category.SERVICES: _listed(
        Category.SERVICES,
        _first("name"),
        _service_name,
        {"start": "start", "path": "command", "account": "account", "type": "type"},
    ),
    Category.DRIVERS: _listed(
        Category.DRIVERS, _first("file", "name"), _first("name", "file"), {"start": "start", "class": "class"}
    ),
    Category.FEATURES: _listed(Category.FEATURES, _first("name"), _first("name"), {"state": "state"}),
    Category.TASKS: _listed(Category.TASKS, _first("path"), _first("path"), {"actions": "actions"}),
    Category.APPX: _listed(
        Category.APPX, _both("family", "architecture"), _first("family"), {"architecture": "processor"}
    ),
    Category.OFFICE: _named(Category.OFFICE, "office", {}),
    Category.HIDDEN_PROGRAMS: _programs(Category.HIDDEN_PROGRAMS),
    Category.HIDDEN: _listed(
        Category.HIDDEN, _both("category", "name"), _first("name"), {"category": "kind", "value": "value"}
    ),
}
