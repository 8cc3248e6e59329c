"""Two versions side by side: what differs, or why that cannot be said."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.differences import CategoryDifference, Difference, difference
from lifecycle.models import ImageContent, VDisk, Version, VersionImage
from portal.pictures.contents import ReadingState, image_of, reading_state

FOLDED_ROWS = 60
"""So many rows of each kind of a category are on the page; the export has all."""


@dataclass(frozen=True)
class Side:
    """One version and what the portal knows of its files."""

    vdisk: VDisk
    version: Version
    image: VersionImage | None

    @classmethod
    def of(cls, vdisk: VDisk, version: Version) -> Side:
        return cls(vdisk, version, image_of(version))

    @property
    def content(self) -> ImageContent | None:
        return self.image.content if self.image else None

    @property
    def key(self) -> str:
        return f"{self.vdisk.pk}-{self.version.number}"

    @property
    def name(self) -> str:
        return f"{self.vdisk.name} version {self.version.number}"

    @property
    def state(self) -> ReadingState:
        """Queries; for the side whose contents are not known."""
        return reading_state(self.vdisk, self.version)


@dataclass(frozen=True)
class Compared:
    """``difference`` is None when the contents of a side are not known; ``missing`` are those sides."""

    a: Side
    b: Side
    difference: Difference | None
    missing: tuple[tuple[Side, ReadingState], ...] = ()

    @property
    def is_same_image(self) -> bool:
        """Both are one state of one chain of files."""
        return bool(self.a.content and self.b.content and self.a.content.pk == self.b.content.pk)

    @property
    def readers_differ(self) -> bool:
        one, other = self.a.content, self.b.content
        return bool(one and other and one.reader_version != other.reader_version)

    @property
    def changed(self) -> tuple[CategoryDifference, ...]:
        return self.difference.changed if self.difference else ()

    @property
    def headline(self) -> str:
        return self.difference.headline if self.difference else ""


def compared(a: Side, b: Side) -> Compared:
    if a.content is None or b.content is None:
        missing = tuple((side, side.state) for side in (a, b) if side.content is None)
        return Compared(a, b, None, missing)
    return Compared(a, b, difference(a.content.report, b.content.report))


def between(vdisk: VDisk, before: int | None, after: int | None) -> Compared | None:
    """Two versions of one vDisk by their numbers; None when they are one, or PVS has not both of them now."""
    if before is None or after is None or before == after:
        return None
    vdisk.chain()
    rows = {row.number: row for row in vdisk.present_versions}
    if before not in rows or after not in rows:
        return None
    return compared(Side.of(vdisk, rows[before]), Side.of(vdisk, rows[after]))
