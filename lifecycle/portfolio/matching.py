"""Which package installs a program that was found in an image.

Nothing is guessed silently: a program belongs to a package because a person confirmed it, because the package's own
detection names it, or because both bear the same MSI product code. What merely looks alike is put to a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum

from lifecycle.contents import program_key
from lifecycle.program_names import normalised, publisher_key

ALIKE_FROM = 0.6
SUGGESTED = 3
LONGEST_COMPARED = 100
"""Characters of a name: comparing takes the square of it, and names come from images."""


class Cover(StrEnum):
    """How a program stands with the catalogue, the best first."""

    READY = "ready"
    NEEDS_NONE = "needs-none"
    LACKING = "lacking"
    UNSURE = "unsure"
    UNCOVERED = "uncovered"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Cover.READY: "package ready",
    Cover.NEEDS_NONE: "needs no package",
    Cover.LACKING: "package has gaps",
    Cover.UNSURE: "to be decided",
    Cover.UNCOVERED: "no package",
}


class Reason(StrEnum):
    """Why a program is taken for a package."""

    CONFIRMED = "confirmed"
    PRODUCT_CODE = "product-code"
    DETECTION = "detection"


_REASONS = {
    Reason.CONFIRMED: "confirmed by a person",
    Reason.PRODUCT_CODE: "same MSI product code",
    Reason.DETECTION: "named by the package's detection rule",
}


@dataclass(frozen=True)
class PackageFacts:
    """A package as far as it matters here. ``gaps``: what it lacks for a rebuild, a clause each."""

    pk: int
    name: str
    vendor: str = ""
    version: str = ""
    gaps: tuple[str, ...] = ()
    product_codes: tuple[str, ...] = ()
    detected_names: tuple[str, ...] = ()
    is_retired: bool = False


@dataclass(frozen=True)
class Rule:
    """A person's decision: a package by its number, or why none is needed."""

    package: int | None
    needs_none: str = ""


@dataclass(frozen=True)
class Program:
    """A program as a report has it."""

    name: str
    version: str = ""
    publisher: str = ""
    product_code: str = ""
    kind: str = "application"
    location: str = ""

    @property
    def key(self) -> str:
        return program_key(self.name, self.version, self.publisher)


@dataclass(frozen=True)
class Match:
    """``package`` for READY and LACKING, ``suggestions`` for UNSURE; ``words`` say why, always."""

    cover: Cover
    words: str
    package: PackageFacts | None = None
    reason: Reason | None = None
    suggestions: tuple[PackageFacts, ...] = ()
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """All packages and all decisions, laid out for looking up. Make it once for a page: ``Catalogue.of``."""

    packages: Mapping[int, PackageFacts]
    rules: Mapping[str, Rule]
    by_code: Mapping[str, PackageFacts] = field(default_factory=dict)
    by_name: Mapping[str, PackageFacts] = field(default_factory=dict)

    @classmethod
    def of(cls, packages: Iterable[PackageFacts], rules: Mapping[str, Rule]) -> Catalogue:
        everything = list(packages)
        in_use = [package for package in everything if not package.is_retired]
        return cls(
            packages={package.pk: package for package in everything},
            rules=rules,
            by_code=_claimed_once((code.upper(), package) for package in in_use for code in package.product_codes),
            by_name=_claimed_once((name.casefold(), package) for package in in_use for name in package.detected_names),
        )

    def judge(self, program: Program) -> Match:
        """How ``program`` stands. A decision of a person goes before all else."""
        if rule := self.rules.get(program.key):
            if rule.package is None:
                return Match(Cover.NEEDS_NONE, rule.needs_none, reason=Reason.CONFIRMED)
            return _matched(self.packages[rule.package], Reason.CONFIRMED)
        if package := self.by_code.get(program.product_code.upper()):
            return _matched(package, Reason.PRODUCT_CODE)
        if package := self.by_name.get(program.name.casefold()):
            return _matched(package, Reason.DETECTION)
        if alike := self._alike(program):
            names = " or ".join(package.name for package in alike)
            return Match(Cover.UNSURE, f"looks like {names}; a person has to say so", suggestions=alike)
        return Match(Cover.UNCOVERED, "no package installs it")

    def _alike(self, program: Program) -> tuple[PackageFacts, ...]:
        rated = [(_likeness(program, package), package) for package in self.packages.values() if not package.is_retired]
        good = sorted((pair for pair in rated if pair[0] >= ALIKE_FROM), key=lambda pair: (-pair[0], pair[1].name))
        return tuple(package for _, package in good[:SUGGESTED])


def _claimed_once(pairs: Iterable[tuple[str, PackageFacts]]) -> dict[str, PackageFacts]:
    """What two packages claim for themselves says nothing about either; an empty mark neither."""
    found: dict[str, PackageFacts] = {}
    twice: set[str] = set()
    for mark, package in pairs:
        if mark and found.setdefault(mark, package).pk != package.pk:
            twice.add(mark)
    return {mark: package for mark, package in found.items() if mark not in twice}


def _matched(package: PackageFacts, reason: Reason) -> Match:
    gaps = ("the package is retired", *package.gaps) if package.is_retired else package.gaps
    words = f"{package.name}, {_REASONS[reason]}"
    if gaps:
        return Match(Cover.LACKING, f"{words}: {'; '.join(gaps)}", package, reason, gaps=gaps)
    return Match(Cover.READY, words, package, reason)


def _likeness(program: Program, package: PackageFacts) -> float:
    """0 to 1. The same words count for more than the same letters; a publisher known to differ weighs against it."""
    ours = normalised(program.name, program.version)[:LONGEST_COMPARED]
    theirs = normalised(package.name, package.version)[:LONGEST_COMPARED]
    if not ours or not theirs:
        return 0.0
    mine, other = set(ours.split()), set(theirs.split())
    words = len(mine & other) / len(mine | other)
    # cheap bounds first: an image holds hundreds of programs, a catalogue hundreds of packages
    letters = SequenceMatcher(None, ours, theirs)
    rate = words if letters.real_quick_ratio() < ALIKE_FROM else max(words, letters.ratio())
    publishers = publisher_key(program.publisher), publisher_key(package.vendor)
    if all(publishers) and publishers[0] != publishers[1]:
        rate -= 0.25
    return rate


def programs_of(rows: Sequence[Mapping[str, object]]) -> list[Program]:
    """The programs of a report that a rebuild has to bring back: no updates, none that are hidden."""
    found = []
    for row in rows:
        texts = {name: str(row.get(name) or "") for name in Program.__dataclass_fields__}
        if texts["name"] and texts["kind"] in ("application", "platform"):
            found.append(Program(**texts))
    return found
