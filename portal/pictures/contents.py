"""What a page shows of an image's contents: what state the reading is in, and its lists, folded and filtered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lifecycle import contents, readings
from lifecycle.contents import LABELS, Category, Item, Report
from lifecycle.models import ImageContent, Job, VDisk, Version, VersionImage
from lifecycle.states import Reading

FOLDED_ROWS = 40
"""So many rows of a category are on the page of all; its own page has the others."""
TO_BE_DELETED = (
    "This version is to be deleted, no target runs it and no other version needs its file. It is read only when a "
    "Citrix admin asks for it."
)
_OPEN = (Category.PLATFORM, Category.PROGRAMS)
_COLUMNS: dict[Category, tuple[str, ...]] = {
    Category.PATCHES: ("state",),
    Category.SERVICES: ("start", "account", "command"),
    Category.DRIVERS: ("start", "class"),
    Category.FEATURES: ("state",),
    Category.TASKS: ("actions",),
    Category.APPX: ("processor",),
    Category.UPDATES: ("of",),
    Category.HIDDEN: ("kind", "value"),
}


@dataclass(frozen=True, kw_only=True)
class ReadingState:
    """Whether the contents of a version are known, and when not, why and what to do."""

    tone: str
    words: str
    advice: str = ""
    job: Job | None = None
    content: ImageContent | None = None
    image: VersionImage | None = None
    reads_on: bool = False  # the contents shown are known, and a reading is under way or came to nothing since

    @property
    def report(self) -> Report:
        return self.content.report if self.content else {}

    @property
    def warnings(self) -> list[dict[str, str]]:
        return [
            {"where": contents.text(row.get("where")), "words": contents.text(row.get("words"))}
            for row in contents.rows(self.report, "warnings")
        ]


@dataclass(frozen=True, kw_only=True)
class Section:
    """One category on the page of all. ``items`` are the first of ``found``; ``total`` is without the filter."""

    category: Category
    label: str
    items: tuple[Item, ...]
    found: int
    total: int
    is_open: bool
    columns: tuple[str, ...]

    @property
    def has_more(self) -> bool:
        return self.found > len(self.items)


def image_of(version: Version) -> VersionImage | None:
    return VersionImage.objects.filter(version=version).select_related("content").first()


def reading_state(vdisk: VDisk, version: Version) -> ReadingState:
    """Three queries at most, and the vDisk's chain."""
    image = image_of(version)
    jobs = readings.active_readings(vdisk).filter(version_number=version.number, kind=Reading.INSPECT)
    job = jobs.order_by("id").first()
    problem = image.problem if image else ""
    if image is not None and image.content is not None:
        tone, words, advice = _of_known(image.content, job, problem)
        is_old = bool(job or problem)
    else:
        tone, words, advice = _of_unknown(vdisk, version, job, problem)
        is_old = False
    content = image.content if image else None
    return ReadingState(tone=tone, words=words, advice=advice, job=job, content=content, image=image, reads_on=is_old)


def _of_known(content: ImageContent, job: Job | None, problem: str) -> tuple[str, str, str]:
    """Tone, words, advice."""
    if job is not None:
        return "busy", "The files are being read anew.", "Below is what was read before."
    if problem:
        return "warn", "The last look at the files came to nothing; below is what was read before.", problem
    if content.partial:
        return (
            "warn",
            "The contents were read in part only.",
            "What is missing below may be in the image all the same. The reasons stand under “What could not be read”.",
        )
    return "good", "The contents were read whole.", ""


def _of_unknown(vdisk: VDisk, version: Version, job: Job | None, problem: str) -> tuple[str, str, str]:
    if job is not None:
        return "busy", "The contents are being read.", "This page shows them when the job has ended."
    if not readings.has_access(vdisk):
        return "warn", "The contents are not known.", readings.no_access_words(vdisk)
    chain = vdisk.chain()
    if why_not := readings.why_not_read(chain, version.number):
        return "quiet", "The contents are not known yet.", why_not
    if problem:
        return "bad", "The contents could not be read.", problem
    if not readings.is_read_unasked(chain, version.number):
        return "quiet", "The contents have not been read.", TO_BE_DELETED
    return (
        "quiet",
        "The contents have not been read yet.",
        "The portal reads them by itself after the next look at the farm.",
    )


def sections(report: Report, *, text: str = "", only: str = "") -> list[Section]:
    """The categories that the report tells of; with a filter those in which something fits."""
    made = []
    for category in Category:
        if category == Category.SIGNS or not contents.is_told(report, category) or only not in ("", category):
            continue
        everything = contents.items(report, category)
        found = filtered(everything, text)
        if not everything or (text and not found):
            continue
        made.append(
            Section(
                category=category,
                label=LABELS[category],
                items=tuple(found[:FOLDED_ROWS]),
                found=len(found),
                total=len(everything),
                is_open=bool(text or only) or category in _OPEN,
                columns=columns(category),
            )
        )
    return made


def filtered(items: list[Item], text: str) -> list[Item]:
    """The items in which every word occurs somewhere."""
    words = text.casefold().split()
    return [item for item in items if all(word in _searched(item) for word in words)] if words else items


def _searched(item: Item) -> str:
    facts = " ".join(value for _, value in item.facts)
    return f"{item.name} {item.version} {item.publisher} {item.source} {item.user} {facts}".casefold()


def columns(category: Category) -> tuple[str, ...]:
    return _COLUMNS.get(category, ())


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What is said of an image before the lists."""

    system: str
    signs: tuple[Item, ...]
    platform: tuple[Item, ...]
    programs: int
    hidden_programs: int
    patches: int
    firmware: str
    links: tuple[dict[str, Any], ...]
    partitions: tuple[dict[str, Any], ...]
    size: int | None
    taken_at: datetime


def overview(content: ImageContent) -> Overview:
    report = content.report
    image = report.get("image")
    platform = [item for item in contents.items(report, Category.PLATFORM) if item.part]
    size = image.get("size") if isinstance(image, dict) else None
    return Overview(
        system=system(report),
        signs=tuple(contents.items(report, Category.SIGNS)),
        platform=tuple(item for item in platform if item.part != "firmware"),
        firmware=next((item.version for item in platform if item.part == "firmware"), ""),
        programs=len(contents.items(report, Category.PROGRAMS)),
        hidden_programs=len(contents.items(report, Category.HIDDEN_PROGRAMS)),
        patches=len(contents.items(report, Category.PATCHES)),
        links=tuple(dict(row) for row in contents.rows(image, "links")) if isinstance(image, dict) else (),
        partitions=tuple(dict(row) for row in contents.rows(image, "partitions")) if isinstance(image, dict) else (),
        size=size if isinstance(size, int) else None,
        taken_at=content.taken_at,
    )


def system(report: Report) -> str:
    """``Windows 11 Enterprise 23H2, build 10.0.22631.3447``; empty when no Windows was found."""
    found = report.get("os")
    values = found if isinstance(found, dict) else {}
    name = contents.text(values.get("name"))
    shown = " ".join(part for part in (name, contents.text(values.get("display_version"))) if part)
    build = contents.text(values.get("full_build") or values.get("build"))
    return ", ".join(part for part in (shown, f"build {build}" if build else "") if part)
