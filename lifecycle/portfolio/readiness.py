"""How ready an image is to be rebuilt: what of it is explained by packages, and what stands in the way.

The figure is the weight of what is explained over the weight of all that Windows did not bring. Weights are our choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lifecycle.contents import Report, rows, text
from lifecycle.portfolio.matching import Catalogue, Cover, Match, Program, programs_of
from lifecycle.program_names import publisher_key

WINDOWS = ("%systemroot%", "%windir%", "\\systemroot\\", "system32\\", "c:\\windows\\", "\\??\\c:\\windows\\")
"""What a command begins with when Windows itself may have brought it; there is no list of a clean build to subtract."""


class Part(StrEnum):
    PROGRAM = "program"
    SERVICE = "service"
    DRIVER = "driver"
    TASK = "task"
    HIDDEN = "hidden"


WEIGHTS: Mapping[Part, int] = {Part.PROGRAM: 5, Part.SERVICE: 3, Part.DRIVER: 3, Part.TASK: 2, Part.HIDDEN: 1}
EXPLAINED = (Cover.READY, Cover.NEEDS_NONE)
PACKAGED = (*EXPLAINED, Cover.LACKING)


@dataclass(frozen=True)
class Judged:
    program: Program
    match: Match


@dataclass(frozen=True)
class Unexplained:
    """Something besides programs that no ready package brings: a service, a driver, a task, other state."""

    part: Part
    name: str
    what: str
    source: str = ""


@dataclass(frozen=True)
class Obstacle:
    """One kind of thing that stands in the way: ``words`` say what to do, ``names`` for what."""

    words: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Readiness:
    """``percent`` is None when the image holds nothing that could be judged. ``coverage`` counts programs alone: those
    with any package, ready or not, or with a reason for none."""

    programs: tuple[Judged, ...] = ()
    unexplained: tuple[Unexplained, ...] = ()
    percent: int | None = None
    coverage: int | None = None
    obstacles: tuple[Obstacle, ...] = ()
    counts: Mapping[Cover, int] = field(default_factory=dict)

    def of(self, *covers: Cover) -> list[Judged]:
        return [judged for judged in self.programs if judged.match.cover in covers]

    @property
    def is_ready(self) -> bool:
        return self.percent == 100

    @property
    def open_programs(self) -> int:
        """Programs that a rebuild today would not bring back."""
        return len(self.programs) - sum(self.counts.get(cover, 0) for cover in EXPLAINED)


def readiness(report: Report, catalogue: Catalogue) -> Readiness:
    """Judge one image by its report (docs/image-contents.md) and the catalogue."""
    judged = tuple(
        Judged(program, catalogue.judge(program)) for program in _once(programs_of(rows(report, "programs")))
    )
    explained = [each.program for each in judged if each.match.cover in EXPLAINED]
    brought = _brought(explained)
    others = [*_services(report), *_drivers(report), *_tasks(report), *_hidden(report)]
    unexplained = tuple(item for item, marks in others if not brought(marks))
    whole = WEIGHTS[Part.PROGRAM] * len(judged) + sum(WEIGHTS[item.part] for item, _ in others)
    missing = WEIGHTS[Part.PROGRAM] * (len(judged) - len(explained)) + sum(WEIGHTS[item.part] for item in unexplained)
    return Readiness(
        programs=judged,
        unexplained=unexplained,
        percent=_percent(whole - missing, whole),
        coverage=_percent(sum(each.match.cover in PACKAGED for each in judged), len(judged)),
        obstacles=tuple(_obstacles(judged, unexplained)),
        counts={cover: sum(each.match.cover == cover for each in judged) for cover in Cover},
    )


def _percent(part: int, whole: int) -> int | None:
    """Rounded down: nothing is 100 % ready while something is missing."""
    return part * 100 // whole if whole else None


def _once(programs: Iterable[Program]) -> list[Program]:
    """A program that is there in two versions or views is one to be rebuilt."""
    found: dict[str, Program] = {}
    for program in programs:
        found.setdefault(program.key, program)
    return sorted(found.values(), key=lambda program: program.name.casefold())


def _obstacles(judged: Sequence[Judged], unexplained: Sequence[Unexplained]) -> Iterable[Obstacle]:
    by_cover = {cover: [each for each in judged if each.match.cover == cover] for cover in Cover}
    if found := by_cover[Cover.UNCOVERED]:
        yield Obstacle("Make a package, or say why none is needed", tuple(each.program.name for each in found))
    if found := by_cover[Cover.UNSURE]:
        yield Obstacle("Say which package installs it", tuple(each.program.name for each in found))
    gaps: dict[str, list[str]] = {}
    for each in by_cover[Cover.LACKING]:
        for gap in each.match.gaps:
            gaps.setdefault(gap, []).append(each.program.name)
    for gap, names in sorted(gaps.items()):
        yield Obstacle(f"Mend the package: {gap}", tuple(names))
    for part, words in (
        (Part.SERVICE, "Find out which program brings the service"),
        (Part.DRIVER, "Find out which program brings the driver"),
        (Part.TASK, "Find out who made the scheduled task"),
        (Part.HIDDEN, "Find out where this came from, or accept that it is lost"),
    ):
        if items := tuple(item.name for item in unexplained if item.part == part):
            yield Obstacle(words, items)


def _brought(explained: Sequence[Program]) -> Callable[[Sequence[str]], bool]:
    """Whether one of the marks of an item lies in the folder of an explained program, or bears its publisher."""
    folders = tuple(sorted({folder for program in explained if (folder := _folder(program.location))}))
    publishers = {key for program in explained if (key := publisher_key(program.publisher))}

    def is_brought(marks: Sequence[str]) -> bool:
        for mark in marks:
            path = _path(mark)
            if path.startswith(folders) or publisher_key(mark) in publishers:
                return True
        return False

    return is_brought


def _folder(location: str) -> str:
    """With its closing backslash, so that ``C:\\App`` is no folder of ``C:\\Apps``; a bare drive says nothing."""
    path = _path(location).rstrip("\\")
    return f"{path}\\" if path.count("\\") >= 1 else ""


def _path(command: str) -> str:
    path = command.strip().strip('"').casefold().replace("/", "\\")
    for prefix in ("\\??\\", "file:"):
        path = path.removeprefix(prefix)
    for name, folder in (("%programfiles%", "c:\\program files"), ("%programfiles(x86)%", "c:\\program files (x86)")):
        path = path.replace(name, folder)
    return path


def _is_of_windows(command: str) -> bool:
    return not command or _path(command).startswith(WINDOWS)


Found = tuple[Unexplained, tuple[str, ...]]


def _services(report: Report) -> Iterable[Found]:
    for row in rows(report, "services"):
        path = text(row.get("path"))
        if not _is_of_windows(path):
            yield _item(Part.SERVICE, row, "name", path), (path, text(row.get("company")))


def _drivers(report: Report) -> Iterable[Found]:
    for row in rows(report, "drivers"):
        company = text(row.get("company"))
        if company and publisher_key(company) != publisher_key("Microsoft Corporation"):
            yield _item(Part.DRIVER, row, "name", company), (company, text(row.get("file")))


def _tasks(report: Report) -> Iterable[Found]:
    for row in rows(report, "tasks"):
        path = text(row.get("path"))
        if not path.casefold().startswith("\\microsoft\\"):
            actions = row.get("actions")
            marks: tuple[str, ...] = tuple(map(text, actions)) if isinstance(actions, list | tuple) else ()
            yield _item(Part.TASK, row, "path", ", ".join(marks)), marks


def _hidden(report: Report) -> Iterable[Found]:
    for row in rows(report, "hidden"):
        value = text(row.get("value"))
        if not _is_of_windows(value):
            yield (
                _item(Part.HIDDEN, row, "name", f"{text(row.get('category'))}: {value}"),
                (value, text(row.get("name"))),
            )


def _item(part: Part, row: Mapping[str, Any], name: str, what: str) -> Unexplained:
    return Unexplained(part, text(row.get(name)), what, text(row.get("source")))
