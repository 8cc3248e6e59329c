"""What a document would change, shown before it is done; and doing exactly that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from django.contrib.auth.models import User
from django.db import transaction

from lifecycle.errors import StaleState
from lifecycle.models import Package
from lifecycle.package_kinds import PackageState
from lifecycle.packages import catalogue, documents, foreseeing, terms
from lifecycle.packages.catalogue import New
from lifecycle.packages.documents import Document, Entry, Problem
from lifecycle.packages.findings import Finding
from lifecycle.packages.foreseeing import Wanted


class Deed(StrEnum):
    NEW = "new"
    REVISE = "revise"
    OWNER = "owner"
    SAME = "same"


@dataclass(frozen=True)
class Change:
    """What becomes of one package; ``based_on`` is the revision that it was compared with, 0 for a new one."""

    entry: Entry
    deed: Deed
    based_on: int = 0
    differences: tuple[tuple[str, str, str], ...] = ()
    package: Package | None = None
    findings: tuple[Finding, ...] = ()
    """What would be wrong with it afterwards. Nothing is said of one that stays as it is."""


@dataclass(frozen=True)
class Plan:
    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    digest: str = field(default="")
    """Of all that the plan would do: the same only while document and catalogue stay as they are."""

    @property
    def does_something(self) -> bool:
        return any(each.deed != Deed.SAME for each in self.changes)

    @property
    def wrong(self) -> int:
        """Packages with findings."""
        return sum(bool(each.findings) for each in self.changes)

    def count(self, deed: str) -> int:
        return sum(each.deed == deed for each in self.changes)


def plan(text: str) -> Plan:
    """Compared with the catalogue as it is now."""
    document = documents.parse(text)
    known = {
        each.key: each
        for each in Package.objects.filter(key__in=[entry.key for entry in document.entries]).select_related("current")
    }
    changes = tuple(_change(entry, known.get(entry.key)) for entry in document.entries)
    problems = (*document.problems, *_unknown(document), *_retired(changes))
    body = [(each.entry.key, each.deed, each.based_on, each.differences) for each in changes]
    digest = hashlib.sha256(json.dumps([text, body]).encode()).hexdigest()
    if not problems:
        changes = _with_findings(changes)
    return Plan(changes, tuple(sorted(problems, key=lambda each: each.line)), digest)


def carry_out(text: str, *, digest: str, by: User) -> Plan:
    """All of it or nothing. StaleState when it is not what was shown, Incomplete where a package cannot be saved."""
    catalogue.check_manager(by)
    with transaction.atomic():
        found = plan(text)
        if found.digest != digest or found.problems:
            raise StaleState("The catalogue changed since this was shown. Look again at what would be saved.")
        new = [each.entry for each in found.changes if each.deed == Deed.NEW]
        catalogue.make_together([New(each.key, each.terms, each.owner or "") for each in new], reason="Imported", by=by)
        for change in found.changes:
            _carry_out(change, by)
    return found


def _carry_out(change: Change, by: User) -> None:
    """Of a package that is there already."""
    entry, package = change.entry, change.package
    if package is None:
        return
    if entry.owner is not None and entry.owner != package.owner:
        catalogue.give_owner(package, entry.owner, by=by)
    if change.deed == Deed.REVISE:
        catalogue.revise(package, entry.terms, based_on=change.based_on, reason="Imported", by=by)


def _change(entry: Entry, package: Package | None) -> Change:
    if package is None or package.current is None:
        return Change(entry, Deed.NEW)
    differences = terms.differences(terms.of(package.current), entry.terms)
    deed = Deed.REVISE if differences else Deed.SAME
    if entry.owner is not None and entry.owner != package.owner:
        differences = [("Owner", package.owner, entry.owner), *differences]
        deed = Deed.OWNER if deed == Deed.SAME else deed
    return Change(entry, deed, package.current.number, tuple(differences), package)


def _with_findings(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    wanted = {
        each.entry.key: Wanted(each.entry, each.based_on + (each.deed in (Deed.NEW, Deed.REVISE)), each.package)
        for each in changes
        if each.deed != Deed.SAME
    }
    found = foreseeing.findings(wanted) if wanted else {}
    return tuple(replace(each, findings=found.get(each.entry.key, ())) for each in changes)


def _unknown(document: Document) -> Iterable[Problem]:
    """Links to packages that neither the document nor the catalogue has."""
    keys = {entry.key for entry in document.entries}
    wanted = {key for entry in document.entries for key in (*entry.terms.needs, *entry.terms.conflicts)} - keys
    there = set(Package.objects.filter(key__in=wanted).values_list("key", flat=True))
    for entry in document.entries:
        for name, links in (("needs", entry.terms.needs), ("conflicts", entry.terms.conflicts)):
            for key in links:
                if key not in keys and key not in there:
                    words = f"Package {entry.key}, {name}: there is no package {key}, here or in the catalogue."
                    yield Problem(entry.line, words)


def _retired(changes: Iterable[Change]) -> Iterable[Problem]:
    for change in changes:
        if change.package and change.package.state == PackageState.RETIRED and change.deed == Deed.REVISE:
            yield Problem(change.entry.line, f"Package {change.entry.key}: it is retired; reinstate it first.")
