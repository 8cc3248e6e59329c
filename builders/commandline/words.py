"""Reports and differences as lines for a terminal. Text from an image never moves the cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lifecycle.differences import CategoryDifference, Difference, Update

MOST_LINES = 40
"""Of one list; ``--json`` has all."""
PROGRAMS = {"Programs": "application", "Parts of the platform": "platform"}
"""By the kinds of a report; updates have a list of their own, and hidden ones are counted only."""
Report = Mapping[str, Any]


def tame(text: object) -> str:
    """One line, without control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def report_lines(report: Report) -> Iterator[str]:
    yield from _image(report)
    yield from _system(report.get("os") or {})
    for title, kind in PROGRAMS.items():
        yield from _list(title, [_program(each) for each in report["programs"] if each["kind"] == kind])
    yield from _list("Updates of programs", sorted(_updates(report["programs"])))
    yield from _list("Patches", [_joined(each["id"], each["version"], each["state"]) for each in report["patches"]])
    yield from _list("Platform", list(_platform(report.get("platform") or {})))
    yield from _list("Signs that it is not sealed", [each["words"] for each in report["signs"]])
    counted = ("services", "drivers", "features", "tasks", "appx", "hidden")
    yield "Further: " + ", ".join(f"{len(report[name])} {name}" for name in counted) + " (all with --json)"
    yield from _list("Warnings", [f"{each['where']}: {each['words']}" for each in report["warnings"]])


def difference_lines(found: Difference) -> Iterator[str]:
    yield tame(found.headline)
    for caveat in found.caveats:
        yield f"Note: {tame(caveat)}"
    for category in found.changed:
        yield from _list(category.label, list(_category(category)))


def _image(report: Report) -> Iterator[str]:
    image = report["image"]
    for link in image["links"]:
        state = "" if link["log"] == "clean" else f", log {link['log']}"
        yield f"File: {tame(link['name'])} ({link['format']}, {link['kind']}, {link['file_size']:,} bytes{state})"
    yield f"Disk: {image['size']:,} bytes, {image['style']}"
    for part in image["partitions"]:
        what = _joined(part["kind"], part["file_system"], part["name"])
        yield f"Partition {part['number']}: {tame(what)}, {part['length']:,} bytes"


def _system(system: Mapping[str, Any]) -> Iterator[str]:
    named = _joined(system.get("name"), system.get("display_version"), system.get("full_build"))
    yield f"System: {tame(named) or 'not found'}"
    if system.get("computer_name"):
        yield f"Computer: {tame(_joined(system['computer_name'], system.get('domain')))}"


def _platform(platform: Mapping[str, Any]) -> Iterator[str]:
    for name, value in platform.items():
        if value:
            yield f"{name}: {value.get('version', '') if isinstance(value, dict) else value}"


def _program(program: Mapping[str, Any]) -> str:
    by_user = f"user {program['user']}" if program["scope"] == "user" else ""
    return _joined(program["name"], program["version"], program["publisher"], by_user)


def _updates(programs: Sequence[Mapping[str, Any]]) -> set[str]:
    """An update can stand among the programs, with its program, or in both places."""
    alone = {_update_of(each, each.get("parent", "")) for each in programs if each["kind"] == "update"}
    return alone | {_update_of(one, each["name"]) for each in programs for one in each.get("updates") or ()}


def _update_of(update: Mapping[str, Any], program: str) -> str:
    return _joined(update["name"], update["version"], f"of {program}" if program else "")


def _category(category: CategoryDifference) -> Iterator[str]:
    for item in category.added:
        yield f"+ {_joined(item.name, item.version)}"
    for item in category.removed:
        yield f"- {_joined(item.name, item.version)}"
    for update in category.updated:
        yield f"~ {update.after.name}: {_update(update)}"


def _update(update: Update) -> str:
    return "; ".join(f"{what} {before or 'nothing'} -> {after or 'nothing'}" for what, before, after in update.fields)


def _list(title: str, lines: list[str]) -> Iterator[str]:
    if not lines:
        return
    yield ""
    yield f"{title} ({len(lines)})"
    for line in lines[:MOST_LINES]:
        yield f"  {tame(line)}"
    if len(lines) > MOST_LINES:
        yield f"  and {len(lines) - MOST_LINES} more (all with --json)"


def _joined(*parts: object) -> str:
    return ", ".join(str(part) for part in parts if part)
