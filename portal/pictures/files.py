"""The files that differ between two versions, as a worker found them, or what is to be done to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifecycle import readings
from lifecycle.contents import rows, text
from lifecycle.models import FileComparison, Job
from lifecycle.states import JobState, Reading
from portal.pictures.differences import Compared

MOST_ROWS = 200
KINDS = ("added", "removed", "changed")


@dataclass(frozen=True)
class FileRow:
    path: str
    size_before: int | None
    size_after: int | None
    words: str


@dataclass(frozen=True)
class FileGroup:
    """``count`` files in all; ``rows`` are the first of them."""

    name: str
    rows: tuple[FileRow, ...]
    count: int

    @property
    def has_more(self) -> bool:
        return self.count > len(self.rows)


@dataclass(frozen=True)
class Files:
    """``why_not``: why it cannot be asked for now. ``failed``: the last job that came to nothing."""

    groups: tuple[FileGroup, ...] = ()
    comparison: FileComparison | None = None
    warnings: tuple[str, ...] = ()
    job: Job | None = None
    failed: Job | None = None
    why_not: str = ""


def files_of(found: Compared) -> Files:
    """Two queries or three."""
    a, b = found.a.image, found.b.image
    if a and b and a.fingerprint and b.fingerprint:
        known = (
            FileComparison.objects.filter(before=a.fingerprint, after=b.fingerprint)
            .order_by("-taken_at", "-id")
            .first()
        )
        if known is not None:
            return _of_result(known)
    jobs = Job.objects.filter(
        kind=Reading.COMPARE, parameters={"before": found.a.version.pk, "after": found.b.version.pk}
    )
    last = jobs.order_by("-id").first()
    if last is not None and last.is_active:
        return Files(job=last)
    failed = last if last is not None and last.state != JobState.SUCCEEDED else None
    return Files(failed=failed, why_not=_why_not(found))


def _why_not(found: Compared) -> str:
    for side in (found.a, found.b):
        if not readings.has_access(side.vdisk):
            return readings.no_access_words(side.vdisk)
        if why_not := readings.why_not_read(side.vdisk.chain(), side.version.number):
            return why_not
    return ""


def _of_result(comparison: FileComparison) -> Files:
    """The answer of the task "compare-files": per volume the files as lists, the first of very many."""
    volumes = rows(comparison.result, "volumes")
    groups = []
    for kind in KINDS:
        found = [row for volume in volumes for row in _listed(volume, kind)]
        count = sum(_whole(_counts(volume).get(kind)) or len(_listed(volume, kind)) for volume in volumes)
        shown = [_changed(row) if kind == "changed" else _alone(kind, row) for row in found[:MOST_ROWS]]
        groups.append(FileGroup(kind, tuple(shown), count))
    said = [*_listed(comparison.result, "warnings"), *(each for one in volumes for each in _listed(one, "warnings"))]
    return Files(tuple(group for group in groups if group.count), comparison, tuple(map(_warning, said)))


def _alone(kind: str, row: Any) -> FileRow:
    path, size, *_ = [*row, "", None] if isinstance(row, list) else [text(row), None]
    told = _whole(size)
    words = "folder" if isinstance(row, list) and len(row) > 3 and row[3] else ""
    if words:
        return FileRow(text(path), None, None, words)
    return FileRow(text(path), None if kind == "added" else told, told if kind == "added" else None, words)


def _changed(row: Any) -> FileRow:
    values = row if isinstance(row, Mapping) else {}
    before, after = _listed(values, "before"), _listed(values, "after")
    words = "only its time differs" if values.get("what") == "time" else ""
    return FileRow(text(values.get("path")), _first(before), _first(after), words)


def _first(values: list[Any]) -> int | None:
    return _whole(values[0]) if values else None


def _listed(of: Mapping[str, Any], name: str) -> list[Any]:
    found = of.get(name)
    return found if isinstance(found, list) else []


def _counts(volume: Mapping[str, Any]) -> Mapping[str, Any]:
    found = volume.get("counts")
    return found if isinstance(found, Mapping) else {}


def _warning(value: Any) -> str:
    return ": ".join(part for part in map(text, value.values()) if part) if isinstance(value, Mapping) else text(value)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
