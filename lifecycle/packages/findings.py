"""What is wrong with packages, in words. Looked at for the whole catalogue at once, as packages hang together."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.db import models

from lifecycle.installers.facts import Facts
from lifecycle.models import Installer, Package, PackageLink, PackageRevision, SourceFile
from lifecycle.package_kinds import FileState, InstallerKind, LinkKind, PackageState, Phase
from lifecycle.packages import ordering, silence
from lifecycle.packages.ordering import Node

logger = logging.getLogger(__name__)


class Code(models.TextChoices):
    NOT_JUDGED = "not-judged", "cannot be judged"
    CYCLE = "cycle", "needs itself in a circle"
    NO_FILE = "no-file", "no source file"
    FILE_MISSING = "file-missing", "source file not in place"
    FILE_DIFFERS = "file-differs", "checksum differs"
    NO_OWNER = "no-owner", "no owner"
    NO_COMMAND = "no-command", "no install command"
    NEEDS_RETIRED = "needs-retired", "needs a retired package"
    CLASH = "clash", "needs what it conflicts with"
    NOT_SILENT = "not-silent", "command may ask questions"
    NO_UNINSTALL = "no-uninstall", "no uninstall command"
    NO_DETECTION = "no-detection", "no detection rule"
    TOO_EARLY = "too-early", "needs a later phase"
    OTHER_FACTS = "other-facts", "the file says otherwise"
    UNTESTED = "untested", "not tested"
    TEST_FAILED = "test-failed", "last test failed"


HINDRANCES = frozenset(
    {
        Code.NOT_JUDGED,
        Code.CYCLE,
        Code.NO_FILE,
        Code.FILE_MISSING,
        Code.FILE_DIFFERS,
        Code.NO_OWNER,
        Code.NO_COMMAND,
        Code.NEEDS_RETIRED,
        Code.CLASH,
    }
)
"""With one of these a package cannot be ready; the others are for a person to weigh."""
FILELESS = frozenset({InstallerKind.SCRIPT})
"""May do without a file: the command is all of it."""


@dataclass(frozen=True)
class Finding:
    code: Code
    words: str

    @property
    def hinders(self) -> bool:
        return self.code in HINDRANCES


@dataclass(frozen=True)
class Picture:
    """The catalogue in memory: six queries, whatever its size. Revisions carry ``tested_at`` and ``test_passed``."""

    packages: Mapping[int, Package]
    revisions: Mapping[int, PackageRevision]
    files: Mapping[int, list[SourceFile]]
    installers: Mapping[str, Installer]
    nodes: Mapping[str, Node]
    cycles: tuple[tuple[str, ...], ...]
    retired: frozenset[str]

    @classmethod
    def taken(cls) -> Picture:
        packages = {each.pk: each for each in Package.objects.filter(current__isnull=False)}
        revisions = {each.pk: each for each in PackageRevision.objects.filter(current_of__isnull=False).with_test()}
        files: defaultdict[int, list[SourceFile]] = defaultdict(list)
        for file in SourceFile.objects.filter(revision__current_of__isnull=False).order_by("revision_id", "position"):
            files[file.revision_id].append(file)
        digests = SourceFile.objects.filter(revision__current_of__isnull=False).values("sha256")
        installers = {each.sha256: each for each in Installer.objects.filter(sha256__in=digests)}
        nodes = _nodes(packages, revisions)
        retired = frozenset(each.key for each in packages.values() if each.state == PackageState.RETIRED)
        return cls(packages, revisions, files, installers, nodes, ordering.find_cycles(nodes), retired)

    def revision(self, of: Package) -> PackageRevision:
        """The current one, with the newest test."""
        return self.revisions[self.packages[of.pk].current_id or 0]

    def findings(self, of: Package) -> list[Finding]:
        """None for a retired package: nobody installs it."""
        package = self.packages[of.pk]
        if package.state == PackageState.RETIRED:
            return []
        found = [each for look in _LOOKS for each in _looked(look, self, package)]
        return sorted(found, key=lambda each: not each.hinders)


def hindrances(of: Package) -> list[Finding]:
    """What keeps a package from being ready."""
    return [each for each in Picture.taken().findings(of) if each.hinders]


def of_package(package: Package) -> list[Finding]:
    return Picture.taken().findings(package)


def _nodes(packages: Mapping[int, Package], revisions: Mapping[int, PackageRevision]) -> dict[str, Node]:
    links: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    for revision, kind, other in PackageLink.objects.filter(revision__in=revisions).values_list(
        "revision_id", "kind", "other__key"
    ):
        links[revision, kind].add(other)
    return {
        each.key: Node(
            each.key,
            Phase(revisions[each.current_id or 0].phase),
            frozenset(links[each.current_id or 0, LinkKind.NEEDS]),
            frozenset(links[each.current_id or 0, LinkKind.CONFLICTS]),
        )
        for each in packages.values()
    }


Look = Callable[[Picture, Package, PackageRevision], Iterable[Finding]]


def _looked(look: Look, picture: Picture, package: Package) -> list[Finding]:
    """What one look finds. One that fails hinders its package, and leaves the pages of all others as they are."""
    try:
        return list(look(picture, package, picture.revision(package)))
    except Exception:
        logger.exception("The package %s cannot be judged.", package.key)
        words = (
            "A part of it cannot be judged; the log of the portal says why. Check what was entered, and save it again."
        )
        return [Finding(Code.NOT_JUDGED, words)]


def _circles(picture: Picture, package: Package, _revision: PackageRevision) -> Iterator[Finding]:
    for cycle in picture.cycles:
        if package.key in cycle:
            yield Finding(Code.CYCLE, f"These packages need each other: {ordering.in_words(cycle)}.")


def _needs(picture: Picture, package: Package, _revision: PackageRevision) -> Iterator[Finding]:
    node = picture.nodes[package.key]
    for key in sorted(node.needs):
        if key in picture.retired:
            yield Finding(Code.NEEDS_RETIRED, f"It needs {key}, which is retired.")
    for low, high in ordering.order([package.key], picture.nodes).clashes:
        yield Finding(Code.CLASH, f"It needs {low} and {high}, which cannot stand beside each other.")
    for later in ordering.too_early(node, picture.nodes):
        label = picture.nodes[later].phase.label
        yield Finding(Code.TOO_EARLY, f"It needs {later}, which belongs to a later phase ({label}).")


def _files(picture: Picture, _package: Package, revision: PackageRevision) -> Iterator[Finding]:
    files = picture.files.get(revision.pk, [])
    if not files and revision.installer not in FILELESS:
        yield Finding(Code.NO_FILE, "It has no source file.")
    for file in files:
        there = picture.installers.get(file.sha256)
        if there is None or there.state == FileState.MISSING:
            yield Finding(Code.FILE_MISSING, f"{file.name} is not in the package folder.")
        elif there.state == FileState.DIFFERS or there.size != file.size:
            yield Finding(Code.FILE_DIFFERS, f"{file.name} in the package folder is not what the revision names.")


def _owner(_picture: Picture, package: Package, _revision: PackageRevision) -> Iterator[Finding]:
    if not package.owner:
        yield Finding(Code.NO_OWNER, "Nobody answers for it.")


def _commands(_picture: Picture, _package: Package, revision: PackageRevision) -> Iterator[Finding]:
    if not revision.install_command:
        yield Finding(Code.NO_COMMAND, "It has no install command.")
    if not revision.uninstall_command:
        yield Finding(Code.NO_UNINSTALL, "It has no uninstall command.")
    for what, command in (("install", revision.install_command), ("uninstall", revision.uninstall_command)):
        if words := silence.warning(command, revision.installer):
            yield Finding(Code.NOT_SILENT, f"The {what} command may wait for an answer for ever. {words}")


def _detection(_picture: Picture, _package: Package, revision: PackageRevision) -> Iterator[Finding]:
    if not revision.detection_kind:
        yield Finding(Code.NO_DETECTION, "Nothing says how to see that it is installed.")


def _facts(picture: Picture, _package: Package, revision: PackageRevision) -> Iterator[Finding]:
    """Of an MSI, whose facts are exact; a setup program's version is often that of the setup program."""
    for file in picture.files.get(revision.pk, [])[:1]:
        there = picture.installers.get(file.sha256)
        facts = Facts.of(there.facts) if there else Facts()
        if facts.kind != "msi":
            continue
        if facts.version and revision.version and not _same(facts.version, revision.version):
            yield Finding(Code.OTHER_FACTS, f"{file.name} is version {facts.version}, not {revision.version}.")
        code = revision.detection.get("code", "")
        if facts.product_code and code and facts.product_code.casefold() != code.casefold():
            yield Finding(Code.OTHER_FACTS, f"{file.name} has the product code {facts.product_code}, not {code}.")


def _tests(_picture: Picture, _package: Package, revision: PackageRevision) -> Iterator[Finding]:
    passed: bool | None = getattr(revision, "test_passed", None)
    if passed is None:
        yield Finding(Code.UNTESTED, f"Revision {revision.number} was never seen to install.")
    elif not passed:
        yield Finding(Code.TEST_FAILED, f"Revision {revision.number} did not install when it was last tried.")


def _same(one: str, other: str) -> bool:
    """``24.8`` is ``24.08.00.0``; people leave zeros out."""
    return _plain_parts(one) == _plain_parts(other)


def _plain_parts(version: str) -> list[str]:
    """Numbers without leading zeros, zeros at the end dropped. They stay text: what stands there may be anything."""
    parts = [
        part.lstrip("0") if _is_number(part) else part for part in version.strip().casefold().lstrip("v").split(".")
    ]
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit()


_LOOKS: tuple[Look, ...] = (_circles, _needs, _files, _owner, _commands, _detection, _facts, _tests)
