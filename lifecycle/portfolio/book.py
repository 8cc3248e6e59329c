"""The build book: all there is to know about one vDisk, as a document for people, always made anew from rows.

The document is plain data, sections of paragraphs and tables; how it looks as a page, as Markdown or as PDF is decided
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from lifecycle import contents
from lifecycle.contents import Category, Item, Report
from lifecycle.differences import difference
from lifecycle.models import ChangeRequest, Job, ProductionChange, VDisk, Version, VersionImage
from lifecycle.portfolio import shelf
from lifecycle.portfolio.matching import KEY_LENGTH, Catalogue, Cover, Match
from lifecycle.portfolio.plan import install_order
from lifecycle.portfolio.readiness import Readiness, readiness
from lifecycle.states import Access, ChangeState, JobState

ROWS_AT_MOST = 400
LAST = 50


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Table:
    """``left_out``: rows that a document of sensible length does not hold."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


Block = Paragraph | Table


@dataclass(frozen=True)
class Section:
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Book:
    title: str
    made_at: datetime
    sections: tuple[Section, ...]


def write(vdisk: VDisk, catalogue: Catalogue | None = None, *, with_changes: bool, with_jobs: bool) -> Book:
    """The book of ``vdisk`` as of now. A vDisk that was never read gets one too; it says so. Without what the reader
    may not see elsewhere: ``with_changes`` the requests, ``with_jobs`` the jobs."""
    images = list(
        VersionImage.objects.filter(version__vdisk=vdisk, version__gone_at=None, content__isnull=False)
        .select_related("version", "content")
        .order_by("version__number")
    )
    known = catalogue or shelf.catalogue()
    newest = images[-1] if images else None
    sections = [Section("The vDisk", tuple(_vdisk(vdisk))), Section("Versions", tuple(_versions(vdisk, images)))]
    if newest is None or newest.content is None:
        words = "No version was read yet, so nothing can be said about what is in it, nor how it could be built again."
        sections.append(Section("What is in it", (Paragraph(words),)))
    else:
        report = newest.content.report
        judged = readiness(report, known)
        sections += [
            Section(f"What is in it: version {newest.version.number}", tuple(_contents(report, judged))),
            Section("How it is built again", tuple(_rebuild(judged))),
            Section("What to know about it", tuple(_warnings(report))),
        ]
    if with_changes:
        sections.append(Section("How it came to production", tuple(_changes(vdisk))))
    if with_jobs:
        sections.append(Section("What was done", tuple(_jobs(vdisk))))
    return Book(f"Build book of {vdisk.name}", timezone.now(), tuple(sections))


def _vdisk(vdisk: VDisk) -> Iterator[Block]:
    if vdisk.description:
        yield Paragraph(vdisk.description)
    yield _table(
        ("", ""),
        [
            ("Farm and site", f"{vdisk.farm.name}, {vdisk.site.name}"),
            ("Store", vdisk.store.name),
            ("Size", f"{vdisk.size_bytes / 2**30:.0f} GiB" if vdisk.size_bytes else "not known"),
            ("Format", "VHDX" if vdisk.is_vhdx else "VHD"),
            (
                "Targets",
                f"{vdisk.production_targets} production, {vdisk.test_targets} test, "
                f"{vdisk.maintenance_targets} maintenance",
            ),
        ],
    )


def _versions(vdisk: VDisk, images: Sequence[VersionImage]) -> Iterator[Block]:
    news = dict(_news(images))
    rows = [
        (
            str(version.number),
            Access(version.access).label if version.access in Access.values else str(version.access),
            _day(version.created_at) or version.created,
            version.description,
            news.get(version.number, "was not read"),
        )
        for version in Version.objects.filter(vdisk=vdisk, gone_at=None).order_by("-number")
    ]
    yield _table(("Version", "State", "Made", "Description", "What is new in it"), rows)


def _news(images: Sequence[VersionImage]) -> Iterator[tuple[int, str]]:
    """Each version against the next lower one that was read."""
    before: Report | None = None
    for image in images:
        report = image.content.report if image.content else {}
        yield image.version.number, difference(before, report).headline if before is not None else "the first one read"
        before = report


def _contents(report: Report, judged: Readiness) -> Iterator[Block]:
    yield _table(("", ""), [(item.name, item.version) for item in contents.items(report, Category.SYSTEM)])
    packages = {each.program.key: _package(each.match) for each in judged.programs}
    platform = contents.items(report, Category.PLATFORM)
    if platform:
        yield Paragraph("The platform, with the packages that install what is a program:")
        rows = [(item.name, item.version, packages.get(item.key[:KEY_LENGTH], "")) for item in platform]
        yield _table(("Component", "Version", "Package"), rows)
    yield Paragraph("Programs, each with the package that installs it:")
    programs = [
        (
            each.program.name,
            each.program.version,
            each.program.publisher,
            _package(each.match),
        )
        for each in judged.programs
        if each.program.kind != "platform"
    ]
    yield _table(("Program", "Version", "Publisher", "Package"), programs)
    patches = contents.items(report, Category.PATCHES)
    if patches:
        yield Paragraph("Patches of Windows:")
        yield _table(("Patch", "State"), [(item.name, item.fact("state")) for item in patches])
    for category, words in ((Category.TASKS, "Scheduled tasks"), (Category.HIDDEN, "Other state")):
        found = [item for item in contents.items(report, category) if _is_own(item)]
        if found:
            yield Paragraph(f"{words}:")
            yield _table(
                ("Name", "What"), [(item.name, "; ".join(filter(None, dict(item.facts).values()))) for item in found]
            )


def _package(match: Match) -> str:
    return match.cover.label if match.cover == Cover.UNCOVERED else f"{match.cover.label}: {match.words}"


def _is_own(item: Item) -> bool:
    return not item.name.casefold().startswith("\\microsoft\\")


def _rebuild(judged: Readiness) -> Iterator[Block]:
    if judged.percent is None:
        yield Paragraph("The image holds nothing that Windows did not bring.")
        return
    ready = [each.match.package.pk for each in judged.of(Cover.READY, Cover.LACKING) if each.match.package]
    plan = install_order(ready)
    yield Paragraph(
        f"{judged.percent} % of the image is explained by packages that are ready; {judged.open_programs} of its "
        f"{len(judged.programs)} programs would not come back today."
    )
    if plan.rows:
        yield Paragraph("Packages in the order in which they are installed:")
        yield _table(("Phase", "Package", "Revision", "Command", "Seen by", "Files"), plan.rows)
    for words in plan.troubles:
        yield Paragraph(words)
    for obstacle in judged.obstacles:
        yield Paragraph(f"{obstacle.words}: {', '.join(obstacle.names[:LAST])}.")


def _warnings(report: Report) -> Iterator[Block]:
    signs = contents.items(report, Category.SIGNS)
    warnings = [
        (contents.text(row.get("where")), contents.text(row.get("words"))) for row in contents.rows(report, "warnings")
    ]
    if signs:
        yield Paragraph("Signs that the image is not sealed:")
        yield _table(("Sign", "Found at"), [(item.name, item.source) for item in signs])
    if warnings:
        yield Paragraph("What could not be read, or only in part:")
        yield _table(("Where", "What"), warnings)
    if not signs and not warnings:
        yield Paragraph("Nothing: it was read as a whole, and looks sealed.")


def _changes(vdisk: VDisk) -> Iterator[Block]:
    done = ChangeRequest.objects.filter(vdisk=vdisk, state=ChangeState.DONE).select_related("requested_by")
    rows = []
    for change in done.prefetch_related("decisions__by").order_by("-requested_at")[:LAST]:
        by = ", ".join(decision.by.get_username() for decision in change.decisions.all())
        rows.append(
            (
                str(change.version_number),
                _day(change.requested_at),
                change.requested_by.get_username(),
                by,
                " ".join(filter(None, (change.ticket, change.reason))),
            )
        )
    if rows:
        yield _table(("Version", "Requested", "By", "Approved by", "Why"), rows)
    else:
        yield Paragraph("No promotion went through the portal yet.")
    seen = ProductionChange.objects.filter(vdisk=vdisk)[:LAST]
    if seen:
        yield Paragraph("What production targets were to boot, as the portal saw it:")
        yield _table(
            ("Since", "Version"),
            [(_day(row.seen_at), "none" if row.number is None else str(row.number)) for row in seen],
        )


def _jobs(vdisk: VDisk) -> Iterator[Block]:
    jobs = Job.objects.filter(vdisk=vdisk, state=JobState.SUCCEEDED).select_related("requested_by")
    rows = [
        (
            _day(job.created_at),
            job.title,
            job.requested_by.get_username() if job.requested_by else "the portal",
            job.outcome,
        )
        for job in jobs.order_by("-created_at")[:LAST]
    ]
    yield _table(("Day", "Job", "By", "Outcome"), rows) if rows else Paragraph("No job has succeeded yet.")


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    everything = tuple(rows)
    return Table(heads, everything[:ROWS_AT_MOST], max(0, len(everything) - ROWS_AT_MOST))


def _day(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if moment else ""
