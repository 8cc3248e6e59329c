"""What the pages of the package catalogue show: rows, revisions side by side, what is installed with a package."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lifecycle.models import Installer, Package, PackageRevision, SourceFile
from lifecycle.package_kinds import PackageState
from lifecycle.packages import ordering, terms
from lifecycle.packages.findings import Finding, Picture


@dataclass(frozen=True)
class Row:
    """A package on the list."""

    package: Package
    revision: PackageRevision
    findings: tuple[Finding, ...]

    @property
    def hindering(self) -> int:
        return sum(each.hinders for each in self.findings)


@dataclass(frozen=True)
class Line:
    """One field of two revisions."""

    label: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class FileOnPage:
    file: SourceFile
    installer: Installer | None


def rows(packages: Iterable[Package], picture: Picture, finding: str = "") -> list[Row]:
    """With ``finding`` those alone that have it; ``any`` is one of all."""
    found = (Row(each, picture.revision(each), tuple(picture.findings(each))) for each in packages)
    if not finding:
        return list(found)
    return [row for row in found if any(finding in ("any", each.code) for each in row.findings)]


def side_by_side(before: PackageRevision, after: PackageRevision) -> list[Line]:
    """All fields; those that differ say so."""
    old, new = terms.in_words(terms.of(before)), terms.in_words(terms.of(after))
    return [Line(label, old[name], new[name]) for name, label in terms.LABELS.items()]


def installed_with(package: Package, picture: Picture) -> list[dict[str, Any]]:
    """The package and all that it needs, in the order of installation."""
    by_key = {each.key: each for each in picture.packages.values()}
    return [
        {"package": by_key[key], "revision": picture.revision(by_key[key]), "is_it": key == package.key}
        for key in ordering.order([package.key], picture.nodes).keys
    ]


def files(revision: PackageRevision) -> list[FileOnPage]:
    found = list(revision.files.order_by("position"))
    there = {each.sha256: each for each in Installer.objects.filter(sha256__in=[file.sha256 for file in found])}
    return [FileOnPage(file, there.get(file.sha256)) for file in found]


def owners() -> list[str]:
    """Those that answer for something, to choose from."""
    in_use = Package.objects.exclude(state=PackageState.RETIRED).exclude(owner="")
    return sorted(set(in_use.values_list("owner", flat=True)), key=str.casefold)
