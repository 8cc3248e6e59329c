"""The rules that make of a hive's entries the list a person would give: what is a program, what belongs to another.

Each rule is a function of entries alone; docs/image-contents.md tells them in words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from builders.inspection.inventory.entries import Entry
from builders.inspection.inventory.names import GUID, kb_in, normal, same_version, width
from builders.inspection.inventory.platform_names import is_platform
from builders.inspection.inventory.report import Part, Program, ProgramUpdate

APPLICATION, UPDATE, PLATFORM, HIDDEN = "application", "update", "platform", "hidden"
RELEASE_TYPES = frozenset({"security update", "update rollup", "update", "hotfix"})

_FILLED = ("product_code", "publisher", "location", "install_source", "uninstall", "quiet_uninstall", "installed_on")
_UPDATE_FOR = re.compile(
    r"(?i)\b(?:update|hotfix|fix|patch|service pack \d+)\b.*?\bfor (?:the )?(.+?)\s*[(\[]?\s*KB\d{6,8}"
)


def kind_of(entry: Entry) -> str:
    if entry.is_component:
        return HIDDEN
    if is_update(entry):
        return UPDATE
    return PLATFORM if is_platform(entry.program["name"]) else APPLICATION


def is_update(entry: Entry) -> bool:
    named = kb_in(entry.program["name"], entry.program["key"])
    return bool(entry.parent_key or entry.release_type.strip().lower() in RELEASE_TYPES or named)


def programs_of(entries: Iterable[Entry]) -> list[Program]:
    """Judged, merged, and the updates given to what they update; sorted by name."""
    listed = list(entries)
    for entry in listed:
        entry.program["kind"] = kind_of(entry)
    heads = merged([entry for entry in listed if entry.program["kind"] != UPDATE])
    updates = [entry for entry in listed if entry.program["kind"] == UPDATE]
    fold(updates, heads)
    programs = [head[0].program for head in heads] + [update.program for update in updates]
    return sorted(programs, key=lambda program: (program["name"].lower(), program["version"], program["source"]))


def merged(entries: list[Entry]) -> list[list[Entry]]:
    """Entries of one product together; the first of each list is the one that is shown and now knows the others."""
    alike: dict[tuple[str, str], list[list[Entry]]] = defaultdict(list)
    heads: list[list[Entry]] = []
    for entry in sorted(entries, key=_shown_first):
        groups = alike[entry.program["user"], normal(entry.program["name"])]
        home = next((group for group in groups if all(are_one(other, entry) for other in group)), None)
        if home is None:
            groups.append([entry])
            heads.append(groups[-1])
        else:
            home.append(entry)
            _take_in(home[0].program, entry.program)
    return heads


def are_one(one: Entry, other: Entry) -> bool:
    """Whether two entries of the same normal name are one product: its two views, or a bundle and what it installs."""
    a, b = one.program, other.program
    fields = 3 if _is_bundle_of(one, other) or _is_bundle_of(other, one) else None
    if not same_version(a["version"], b["version"], fields) or not _same_publisher(a["publisher"], b["publisher"]):
        return False
    if _contradict(width(a["name"]), width(b["name"])):
        return False
    if one.is_bundle != other.is_bundle or _wraps(a["key"], b["key"]):
        return True
    if a["view"] == b["view"] or _contradict(_folder(a), _folder(b)):
        return False
    if a["key"].lower() == b["key"].lower() or a["name"].lower() == b["name"].lower():
        return True
    return not _contradict(a["product_code"], b["product_code"])


def _is_bundle_of(one: Entry, other: Entry) -> bool:
    """A bundle counts its builds in the fourth field of a version, to which the Windows Installer pays no heed."""
    return one.is_bundle and other.is_msi and not other.is_bundle


def fold(updates: list[Entry], heads: list[list[Entry]]) -> None:
    """Give each update to the product it is for, by the parent that it names, else by its own name."""
    by_key: dict[str, list[tuple[Entry, Entry]]] = defaultdict(list)
    by_name: dict[str, Entry] = {}
    for head in heads:
        for part in head:
            by_key[part.program["key"].lower()].append((part, head[0]))
            by_name.setdefault(part.program["name"].lower(), head[0])
            by_name.setdefault(normal(part.program["name"]), head[0])
    for update in updates:
        parent = _by_key(update, by_key) or _by_name(update, by_name)
        update.program["parent"] = parent.program["name"] if parent else update.parent_name or update.parent_key
        if parent:
            held = update.program
            add_update(parent.program, {"name": held["name"], "version": held["version"], "source": held["source"]})


def add_update(program: Program, update: ProgramUpdate) -> None:
    program["updates"].append(update)
    program["updates"].sort(key=lambda held: (held["name"].lower(), held["version"]))


def _by_key(update: Entry, by_key: dict[str, list[tuple[Entry, Entry]]]) -> Entry | None:
    found = by_key.get(update.parent_key.lower(), []) if update.parent_key else []
    same_user = [pair for pair in found if pair[0].program["user"] == update.program["user"]]
    same_view = [pair for pair in same_user if pair[0].program["view"] == update.program["view"]]
    return next((head for _, head in (*same_view, *same_user)), None)


def _by_name(update: Entry, by_name: dict[str, Entry]) -> Entry | None:
    named = [update.parent_name]
    if match := _UPDATE_FOR.search(update.program["name"]):
        named.append(match[1])
    for name in filter(None, named):
        if parent := by_name.get(name.lower()) or by_name.get(normal(name)):
            return parent
    return None


def _shown_first(entry: Entry) -> tuple[object, ...]:
    program = entry.program
    return (
        entry.is_component,
        not entry.is_bundle,
        program["view"] != "64",
        program["name"].lower(),
        program["source"],
    )


def _take_in(head: Program, part: Program) -> None:
    head["parts"].append(part["name"])
    head["parts"].sort(key=str.lower)
    head["also"].append(
        Part(
            name=part["name"],
            version=part["version"],
            view=part["view"],
            location=part["location"],
            source=part["source"],
        )
    )
    head["also"].sort(key=lambda held: (held["name"].lower(), held["source"]))
    for key in _FILLED:
        if not head[key]:  # type: ignore[literal-required]
            head[key] = part[key]  # type: ignore[literal-required]
    if head["size_kb"] is None:
        head["size_kb"] = part["size_kb"]


def _same_publisher(one: str, other: str) -> bool:
    one, other = (re.sub(r"[^a-z0-9]+", "", name.lower()) for name in (one, other))
    return one == other or not one or not other


def _contradict(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def _wraps(one: str, other: str) -> bool:
    """A setup program's own key that carries its MSI's product code, as in ``InstallShield_{...}``."""
    one, other = one.lower(), other.lower()
    return one != other and ((GUID.fullmatch(other) and other in one) or (GUID.fullmatch(one) and one in other)) is True


def _folder(program: Program) -> str:
    return program["location"].replace("/", "\\").rstrip("\\").lower()
