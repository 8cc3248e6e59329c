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
from lifecycle.globs import Glob
from lifecycle.program_names import normalised, publisher_key

KEY_LENGTH = 300
LETTERS_AT_LEAST = 3
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
    key: str = ""
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
    user: str = ""
    """Whose alone it is, where it was not installed for all."""
    known_key: str = ""
    """Its key, where somebody has worked it out already."""

    @property
    def key(self) -> str:
        return self.known_key or program_key(self.name, self.publisher, self.user)[:KEY_LENGTH]


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
    by_name: Sequence[tuple[Glob, PackageFacts]] = ()
    by_word: Mapping[str, Sequence[PackageFacts]] = field(default_factory=dict)

    @classmethod
    def of(cls, packages: Iterable[PackageFacts], rules: Mapping[str, Rule]) -> Catalogue:
        everything = list(packages)
        in_use = [package for package in everything if not package.is_retired]
        by_word: dict[str, list[PackageFacts]] = {}
        for package in in_use:
            for word in set(_bare(package.name).split()):
                by_word.setdefault(word, []).append(package)
        return cls(
            packages={package.pk: package for package in everything},
            rules=rules,
            by_code=_claimed_once((code.upper(), package) for package in in_use for code in package.product_codes),
            by_name=[(Glob.of(n), package) for package in in_use for n in package.detected_names if _says_enough(n)],
            by_word=by_word,
        )

    def judge(self, program: Program) -> Match:
        """How ``program`` stands. A decision of a person goes before all else."""
        if rule := self.rules.get(program.key):
            if rule.package is None:
                return Match(Cover.NEEDS_NONE, rule.needs_none, reason=Reason.CONFIRMED)
            return _matched(self.packages[rule.package], Reason.CONFIRMED)
        if package := self.by_code.get(program.product_code.upper()):
            return _matched(package, Reason.PRODUCT_CODE)
        named = {package.pk: package for glob, package in self.by_name if glob.fits(program.name)}
        if len(named) == 1:
            return _matched(next(iter(named.values())), Reason.DETECTION)
        if alike := tuple(named.values())[:SUGGESTED] or self._alike(program):
            names = " or ".join(package.name for package in alike)
            return Match(Cover.UNSURE, f"looks like {names}; a person has to say so", suggestions=alike)
        return Match(Cover.UNCOVERED, "no package installs it")

    def _alike(self, program: Program) -> tuple[PackageFacts, ...]:
        """Of the packages that share a word with it: hundreds of programs may be judged for one page."""
        words = set(_bare(program.name).split())
        near = {package.pk: package for word in words for package in self.by_word.get(word, ())}
        rated = [(_likeness(program, package), package) for package in near.values()]
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


def _says_enough(name: str) -> bool:
    """A rule such as ``*`` fits every program, and says nothing."""
    return len(name.replace("*", "").strip()) >= LETTERS_AT_LEAST


def _matched(package: PackageFacts, reason: Reason) -> Match:
    gaps = ("the package is retired", *package.gaps) if package.is_retired else package.gaps
    words = f"{package.name}, {_REASONS[reason]}"
    if gaps:
        return Match(Cover.LACKING, f"{words}: {'; '.join(gaps)}", package, reason, gaps=gaps)
    return Match(Cover.READY, words, package, reason)


def _likeness(program: Program, package: PackageFacts) -> float:
    """0 to 1. The same words count for more than the same letters; a publisher known to differ weighs against it."""
    ours, theirs = _bare(program.name), _bare(package.name)
    mine, other = set(ours.split()), set(theirs.split())
    words = len(mine & other) / len(mine | other) if mine and other else 0.0
    rate = max(words, SequenceMatcher(None, ours, theirs).ratio())
    publishers = publisher_key(program.publisher), publisher_key(package.vendor)
    if all(publishers) and publishers[0] != publishers[1]:
        rate -= 0.25
    return rate


def _bare(name: str) -> str:
    return normalised(name)[:LONGEST_COMPARED]


_READ = ("name", "version", "publisher", "product_code", "kind", "location", "user")


def programs_of(rows: Sequence[Mapping[str, object]]) -> list[Program]:
    """The programs of a report that a rebuild has to bring back: no updates, none that are hidden."""
    found = []
    for row in rows:
        texts = {name: str(row.get(name) or "") for name in _READ}
        if texts["name"] and texts["kind"] in ("application", "platform"):
            found.append(Program(**texts))
    return found
