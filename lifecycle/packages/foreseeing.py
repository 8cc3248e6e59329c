"""What would be wrong with packages once a document were imported; nothing is written to find out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lifecycle.models import Installer, Package, PackageRevision, SourceFile
from lifecycle.package_kinds import PackageState, Phase
from lifecycle.packages import ordering, terms
from lifecycle.packages.documents import Entry
from lifecycle.packages.findings import Code, Finding, Picture
from lifecycle.packages.ordering import Node

OF_EVERY_NEW_REVISION = frozenset({Code.UNTESTED})


@dataclass(frozen=True)
class Wanted:
    """A package as it would become; ``package`` is None for a new one."""

    entry: Entry
    number: int
    package: Package | None


def findings(wanted: Mapping[str, Wanted]) -> dict[str, tuple[Finding, ...]]:
    """By key, in the catalogue as it would be with all of them."""
    picture, packages = _foreseen(wanted)
    return {
        key: tuple(each for each in picture.findings(package) if each.code not in OF_EVERY_NEW_REVISION)
        for key, package in packages.items()
    }


def _foreseen(wanted: Mapping[str, Wanted]) -> tuple[Picture, dict[str, Package]]:
    """Rows that do not exist have negative keys."""
    now = Picture.taken()
    packages, revisions, files, nodes = dict(now.packages), dict(now.revisions), dict(now.files), dict(now.nodes)
    made = {}
    for place, (key, each) in enumerate(wanted.items(), 1):
        package, revision = _rows(each, -place)
        packages[package.pk] = made[key] = package
        revisions[-place] = revision
        files[-place] = [
            SourceFile(revision_id=-place, position=at, name=file.name, sha256=file.sha256, size=file.size)
            for at, file in enumerate(each.entry.terms.files)
        ]
        says = each.entry.terms
        nodes[key] = Node(key, Phase(says.phase), frozenset(says.needs), frozenset(says.conflicts))
    digests = {file.sha256 for rows in files.values() for file in rows}
    installers = {each.sha256: each for each in Installer.objects.filter(sha256__in=digests)}
    foreseen = replace(
        now,
        packages=packages,
        revisions=revisions,
        files=files,
        installers=installers,
        nodes=nodes,
        cycles=ordering.find_cycles(nodes),
    )
    return foreseen, made


def _rows(wanted: Wanted, key: int) -> tuple[Package, PackageRevision]:
    entry = wanted.entry
    package = copy.copy(wanted.package) or Package(pk=key, key=entry.key, state=PackageState.DRAFT)
    if entry.owner is not None:
        package.owner = entry.owner
    package.current_id = key
    return package, PackageRevision(pk=key, package_id=package.pk, number=wanted.number, **terms.columns(entry.terms))
