"""In which order packages would be installed, as rows for a document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lifecycle.models import Package
from lifecycle.package_kinds import DetectionKind, LinkKind, PackageState, Phase
from lifecycle.packages import ordering
from lifecycle.packages.detection import Detection, in_words


@dataclass(frozen=True)
class Plan:
    """``rows``: phase, package, revision, command, detection, files with the beginning of their digest."""

    rows: tuple[tuple[str, ...], ...]
    troubles: tuple[str, ...]


def install_order(wanted: Iterable[int]) -> Plan:
    """The wanted packages, by number, and all that they need."""
    packages = {
        package.key: package
        for package in Package.objects.exclude(state=PackageState.RETIRED)
        .filter(current__isnull=False)
        .select_related("current")
        .prefetch_related("current__files", "current__links__other")
    }
    chosen = set(wanted)
    nodes = {key: _node(package) for key, package in packages.items()}
    found = ordering.order((key for key, package in packages.items() if package.pk in chosen), nodes)
    troubles = [f"Packages need each other in a circle: {ordering.in_words(cycle)}." for cycle in found.cycles]
    troubles += [f"{by} needs {key}, which is not in the catalogue." for by, key in found.missing]
    troubles += [f"{one} and {other} cannot stand beside each other." for one, other in found.clashes]
    return Plan(tuple(_row(packages[key]) for key in found.keys), tuple(troubles))


def _node(package: Package) -> ordering.Node:
    links = package.current.links.all() if package.current else ()
    return ordering.Node(
        package.key,
        Phase(package.current.phase) if package.current else Phase.APP,
        needs=frozenset(link.other.key for link in links if link.kind == LinkKind.NEEDS),
        conflicts=frozenset(link.other.key for link in links if link.kind == LinkKind.CONFLICTS),
    )


def _row(package: Package) -> tuple[str, ...]:
    current = package.current
    if current is None:
        return ("", package.key, "", "", "", "")
    kind = current.detection_kind
    rule = Detection(DetectionKind(kind), current.detection) if kind else None
    files = ", ".join(f"{file.name} ({file.sha256[:12]})" for file in current.files.all())
    return (
        Phase(current.phase).label,
        f"{current} ({package.key})",
        str(current.number),
        current.install_command,
        in_words(rule),
        files,
    )
