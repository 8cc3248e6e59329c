"""Folders that no program claims: copied by hand, left behind, or a program without an installer."""

from __future__ import annotations

from collections.abc import Iterator

from builders.inspection.inventory.file_paths import below_volume, program_in
from builders.inspection.inventory.finding import MISSES
from builders.inspection.inventory.hidden import item
from builders.inspection.inventory.hidden_lists import DATA_FOLDERS, PROGRAM_FOLDERS, SYSTEM_FOLDERS
from builders.inspection.inventory.names import normal
from builders.inspection.inventory.reading import Reading, first_of
from builders.inspection.inventory.report import Hidden, Report

MOST_FOLDERS = 500
_PLACES = (
    ("", SYSTEM_FOLDERS),
    ("Program Files", PROGRAM_FOLDERS),
    ("Program Files (x86)", PROGRAM_FOLDERS),
    ("ProgramData", DATA_FOLDERS),
)


def unexplained_folders(reading: Reading, report: Report) -> list[Hidden]:
    """Against the places that programs, services, drivers and tasks of the report name."""
    claimed = set(_claimed(report))
    words = {word for program in report.programs for word in _words_of(program["name"], program["publisher"])}
    found = []
    for place, known in _PLACES:
        for name in reading.names(place):
            path = rf"{place}\{name}".lstrip("\\")
            if name.lower() in known or path.lower() in claimed or _first_word(name) in words:
                continue
            if _is_folder(reading, path):
                found.append(item("folder", path, "", path))
    return list(first_of(found, MOST_FOLDERS, reading, "folders", "folders that no program claims"))


def _claimed(report: Report) -> Iterator[str]:
    """The first two names of each path that something in the report uses, in small letters."""
    paths = [below_volume(program["location"]) for program in report.programs]
    paths += [program_in(program["uninstall"]) for program in report.programs]
    paths += [program_in(service["path"]) for service in report.services]
    paths += [driver["file"] for driver in report.drivers]
    paths += [program_in(action) for task in report.tasks for action in task["actions"]]
    for path in paths:
        parts = path.lower().strip("\\").split("\\")
        yield parts[0]
        yield "\\".join(parts[:2])


def _words_of(name: str, publisher: str) -> Iterator[str]:
    yield _first_word(normal(name))
    yield _first_word(publisher)


def _first_word(name: str) -> str:
    return name.strip().lower().split(" ")[0].rstrip(",.") or "\0"


def _is_folder(reading: Reading, path: str) -> bool:
    try:
        return reading.volume is not None and reading.volume.is_folder(path)
    except MISSES as error:
        reading.warn(path, str(error), lost=True)
        return False
