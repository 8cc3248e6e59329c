"""All programs of all images, counted: in how many images and on how many running targets, in which versions.

An image is a vDisk here: the same program in five versions of one vDisk is one image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from lifecycle.contents import Category
from lifecycle.portfolio.matching import Catalogue, Cover, Match, Program
from lifecycle.program_versions import sort_key

NAMES_AT_MOST = 5

_PROGRAMS = """
WITH running AS (
    SELECT booted_vdisk_id AS vdisk_id, booted_version AS number, count(*) AS targets
    FROM lifecycle_target
    WHERE active AND gone_at IS NULL AND booted_vdisk_id IS NOT NULL
    GROUP BY 1, 2
), held AS (
    SELECT DISTINCT item.key, item.name, item.version, item.publisher, item.kind, version.vdisk_id, version.number
    FROM lifecycle_contentitem item
    JOIN lifecycle_versionimage image ON image.content_id = item.content_id
    JOIN lifecycle_version version ON version.id = image.version_id AND version.gone_at IS NULL
    JOIN lifecycle_vdisk vdisk ON vdisk.id = version.vdisk_id AND vdisk.gone_at IS NULL
    WHERE item.category = ANY(%(categories)s) AND item.kind IN ('application', 'platform')
      AND (%(key)s = '' OR item.key = %(key)s)
), places AS (
    SELECT key, vdisk_id, number, min(name) AS name FROM held GROUP BY 1, 2, 3
), counts AS (
    SELECT places.key, count(DISTINCT places.vdisk_id) AS images, coalesce(sum(running.targets), 0)::int AS targets
    FROM places LEFT JOIN running USING (vdisk_id, number)
    GROUP BY 1
)
SELECT held.key, max(held.name), max(held.publisher), max(held.kind), array_agg(DISTINCT held.version),
       max(counts.images), max(counts.targets)
FROM held JOIN counts USING (key)
GROUP BY held.key
"""


@dataclass(frozen=True)
class Line:
    """One program of the company. ``versions``: those in use, the newest first."""

    key: str
    name: str
    publisher: str
    kind: str
    versions: tuple[str, ...]
    images: int
    targets: int
    match: Match


def lines(catalogue: Catalogue, key: str = "") -> list[Line]:
    """Every program of present versions, or the one with ``key``; the most used first. One query."""
    with connection.cursor() as cursor:
        categories = [Category.PROGRAMS.value, Category.PLATFORM.value]
        cursor.execute(_PROGRAMS, {"key": key, "categories": categories})
        found = [_line(row, catalogue) for row in cursor.fetchall()]
    return sorted(found, key=lambda line: (-line.targets, -line.images, line.name.casefold()))


def _line(row: Sequence[Any], catalogue: Catalogue) -> Line:
    key, name, publisher, kind, versions, images, targets = row
    newest_first = sorted((text for text in versions if text), key=sort_key, reverse=True)
    newest = newest_first[0] if newest_first else ""
    match = catalogue.judge(Program(name=name, version=newest, publisher=publisher, kind=kind, known_key=key))
    return Line(key, name, publisher, kind, tuple(newest_first), images, targets, match)


def counts(found: Sequence[Line]) -> dict[Cover, int]:
    return {cover: sum(line.match.cover == cover for line in found) for cover in Cover}
