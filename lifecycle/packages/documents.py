"""The catalogue as YAML: written so that it reads well, read so that a mistake is named by line, package and field."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml

from lifecycle.errors import Incomplete
from lifecycle.models import Package
from lifecycle.packages import names, terms
from lifecycle.packages.terms import File, Terms
from lifecycle.packages.yamltree import Listing, Table, Text, Tree, Unreadable, read

FORMAT = 1
MOST_PACKAGES = 2000
_DEFAULT = Terms(name="")

_TEXTS = {
    "name": "name",
    "vendor": "vendor",
    "version": "version",
    "architecture": "architecture",
    "phase": "phase",
    "installer": "installer",
    "install": "install_command",
    "uninstall": "uninstall_command",
    "licence": "licence_note",
    "notes": "notes",
}
"""Fields of the document, and of the terms."""
_FIELD_OF = {theirs: ours for ours, theirs in _TEXTS.items()}
FIELDS = (
    "key",
    "owner",
    *list(_TEXTS)[:8],
    "detection",
    "success_codes",
    "reboot_codes",
    "minutes",
    "files",
    "needs",
    "conflicts",
    "licence",
    "notes",
)


@dataclass(frozen=True)
class Problem:
    """A mistake, as a sentence that names line, package and field."""

    line: int
    words: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.words}"


@dataclass(frozen=True)
class Entry:
    """One package of a document. ``owner`` None: the document does not say."""

    line: int
    key: str
    owner: str | None
    terms: Terms


@dataclass
class Document:
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def parse(text: str) -> Document:
    """All packages that make sense, and all that does not."""
    found = Document()
    try:
        listing = _packages(read(text))
    except Unreadable as error:
        return Document(problems=[Problem(error.line, str(error).partition(": ")[2])])
    seen: dict[str, int] = {}
    for item in listing.items:
        try:
            entry = _entry(item)
        except _Mistake as mistake:
            found.problems.append(mistake.problem)
            continue
        if entry.key in seen:
            words = f"Package {entry.key}, key: it stands in line {seen[entry.key]} already."
            found.problems.append(Problem(entry.line, words))
            continue
        seen[entry.key] = entry.line
        found.entries.append(entry)
    return found


def write(packages: Iterable[Package]) -> str:
    """The current revision of each, in the form that ``parse`` reads."""
    body = {"format": FORMAT, "packages": [_written(each) for each in packages]}
    text: str = yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, so that notes of several lines read as such; lists set in below their name."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def _as_block(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _as_block)


def _written(package: Package) -> dict[str, Any]:
    revision = package.current
    assert revision is not None
    of = terms.of(revision)
    values: dict[str, Any] = {"key": package.key, "owner": package.owner}
    values |= {theirs: getattr(of, ours) for theirs, ours in _TEXTS.items()}
    values |= {
        "detection": {"kind": of.detection_kind, **of.detection} if of.detection_kind else None,
        "success_codes": list(of.success_codes),
        "reboot_codes": list(of.reboot_codes),
        "minutes": of.minutes,
        "files": [{"name": each.name, "sha256": each.sha256, "size": each.size} for each in of.files],
        "needs": list(of.needs),
        "conflicts": list(of.conflicts),
    }
    always = ("key", "name", "success_codes", "reboot_codes", "minutes")
    return {name: values[name] for name in FIELDS if name in always or values[name]}


class _Mistake(Exception):
    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.problem = Problem(line, words)


def _packages(root: Tree) -> Listing:
    """Also of a document that is one package, or a list of them."""
    if isinstance(root, Listing):
        listing = root
    elif isinstance(root, Table) and "packages" not in root.fields and "key" in root.fields:
        listing = Listing(root.line, [root])
    elif isinstance(root, Table):
        for name, value in root.fields.items():
            if name not in ("format", "packages"):
                raise Unreadable(value.line, f"field “{name}” is not known; a document has format and packages.")
        version = root.fields.get("format", Text(root.line, str(FORMAT)))
        if not isinstance(version, Text) or version.value != str(FORMAT):
            raise Unreadable(version.line, f"format: this portal reads format {FORMAT}.")
        found = root.fields.get("packages")
        if not isinstance(found, Listing):
            raise Unreadable(root.line, "field “packages” has to be a list of packages.")
        listing = found
    else:
        raise Unreadable(root.line, "this is text; a document has format and packages.")
    if len(listing.items) > MOST_PACKAGES:
        raise Unreadable(listing.line, f"there are more than {MOST_PACKAGES} packages.")
    return listing


def _entry(item: Tree) -> Entry:
    if not isinstance(item, Table):
        raise _Mistake(item.line, "Each package is a table of fields, such as key and name.")
    reader = _Reader(item)
    key = reader.checked("key", names.key)
    for name, value in item.fields.items():
        if name not in FIELDS:
            raise reader.mistake(name, f"this field is not known; a package has {', '.join(FIELDS)}.", value.line)
    owner = reader.text("owner") if "owner" in item.fields else None
    values: dict[str, Any] = {ours: reader.text(theirs) for theirs, ours in _TEXTS.items() if theirs in item.fields}
    for name in ("success_codes", "reboot_codes"):
        if name in item.fields:
            values[name] = tuple(reader.numbers(name))
    if "minutes" in item.fields:
        values["minutes"] = reader.number("minutes")
    for name in ("needs", "conflicts"):
        values[name] = tuple(reader.texts(name))
    rule = reader.table("detection")
    values["detection_kind"] = rule.pop("kind", "")
    given = Terms(**{"name": "", **values, "detection": rule, "files": tuple(reader.files())})
    try:
        return Entry(item.line, key, owner, terms.check(given, key=key))
    except Incomplete as error:
        name = _FIELD_OF.get(error.field, error.field.partition("_")[0] if "detection" in error.field else error.field)
        raise reader.mistake(name, str(error)) from error


class _Reader:
    """The fields of one package as values of the kind that is wanted."""

    def __init__(self, item: Table) -> None:
        self.item = item
        key = item.fields.get("key")
        self.key = key.value[:80] if isinstance(key, Text) else ""

    def mistake(self, name: str, words: str, line: int | None = None) -> _Mistake:
        found = self.item.fields.get(name)
        at = line if line is not None else found.line if found else self.item.line
        return _Mistake(at, f"Package {self.key or 'without a key'}, {name}: {words}")

    def checked(self, name: str, check: Callable[[str], str]) -> str:
        try:
            return check(self.text(name))
        except Incomplete as error:
            raise self.mistake(name, str(error)) from error

    def text(self, name: str) -> str:
        return self._text(name, self.item.fields.get(name))

    def number(self, name: str) -> int:
        return self._number(name, self.item.fields.get(name))

    def texts(self, name: str) -> list[str]:
        return [self._text(name, each) for each in self._items(name)]

    def numbers(self, name: str) -> list[int]:
        return [self._number(name, each) for each in self._items(name)]

    def table(self, name: str) -> dict[str, str]:
        found = self.item.fields.get(name)
        return self._table(name, found)

    def files(self) -> list[File]:
        found = []
        for item in self._items("files"):
            values = self._table("files", item)
            if values.keys() != {"name", "sha256", "size"}:
                raise self.mistake("files", "each file has name, sha256 and size.", item.line)
            assert isinstance(item, Table)
            size = self._number("files", item.fields["size"])
            found.append(File(values["name"], values["sha256"], size))
        return found

    def _items(self, name: str) -> list[Tree]:
        found = self.item.fields.get(name)
        if found is None or (isinstance(found, Text) and found.is_nothing):
            return []
        if not isinstance(found, Listing):
            raise self.mistake(name, "this has to be a list.")
        return found.items

    def _table(self, name: str, found: Tree | None) -> dict[str, str]:
        if found is None or (isinstance(found, Text) and found.is_nothing):
            return {}
        if not isinstance(found, Table):
            raise self.mistake(name, "this has to be a table of fields.", found.line)
        return {each: self._text(name, value) for each, value in found.fields.items()}

    def _text(self, name: str, found: Tree | None) -> str:
        if found is None:
            return ""
        if not isinstance(found, Text):
            raise self.mistake(name, "this has to be text.", found.line)
        return "" if found.is_nothing else found.value

    def _number(self, name: str, found: Tree | None) -> int:
        text = self._text(name, found)
        digits = text.strip().removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
            line = found.line if found else None
            raise self.mistake(name, f"“{text[:40]}” is no whole number.", line)
        return int(text)
