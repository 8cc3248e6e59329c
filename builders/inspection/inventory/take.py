"""Take the inventory of an image: each part on its own, so that what breaks one leaves the others whole."""

from __future__ import annotations

from builders.inspection.inventory.appx import read_appx
from builders.inspection.inventory.finding import CONFIG, Volumes
from builders.inspection.inventory.folders import unexplained_folders
from builders.inspection.inventory.hidden import read_hidden
from builders.inspection.inventory.office import read_office
from builders.inspection.inventory.patches import read_patches
from builders.inspection.inventory.platform import read_platform
from builders.inspection.inventory.programs import read_programs
from builders.inspection.inventory.reading import Reading
from builders.inspection.inventory.report import Feature, Hidden, Patch, Report
from builders.inspection.inventory.services import read_services
from builders.inspection.inventory.signs import read_signs
from builders.inspection.inventory.system import system_of
from builders.inspection.inventory.tasks import read_tasks
from builders.inspection.inventory.users import Profile, new_users_profile, profiles_of


def take(volumes: Volumes) -> Report:
    """All that can be read. It raises nothing for what an image holds; ``partial`` says that something is missing."""
    report = Report(image=_image(volumes))
    reading = Reading.of(volumes)
    if reading.volume is not None:
        _fill(report, reading)
    report.platform = report.platform or reading.part("the platform", lambda: read_platform(reading, [], []), {})
    report.warnings = reading.warnings()
    report.partial = reading.partial
    return report


def _fill(report: Report, reading: Reading) -> None:
    """Later parts use what earlier ones found: the order matters."""
    part = reading.part
    nobody: list[Profile] = []
    nothing: tuple[list[Patch], list[Feature]] = ([], [])
    report.os = part("the system's name and build", lambda: system_of(reading), report.os)
    profiles = part("the users' profiles", lambda: profiles_of(reading), nobody)
    newcomers = part("the profile of new users", lambda: new_users_profile(reading), None)
    reading.load("SAM", rf"{CONFIG}\SAM")
    report.programs = part("the programs", lambda: read_programs(reading, profiles), report.programs)
    report.patches, report.features = part("the patches", lambda: read_patches(reading), nothing)
    report.services, report.drivers = part(
        "the services", lambda: read_services(reading), (report.services, report.drivers)
    )
    report.tasks = part("the scheduled tasks", lambda: read_tasks(reading), report.tasks)
    report.appx = part("the store apps", lambda: read_appx(reading), report.appx)
    report.office = part("Microsoft Office", lambda: read_office(reading), None)
    report.platform = part(
        "the platform", lambda: read_platform(reading, report.programs, report.drivers), report.platform
    )
    report.hidden = _hidden(report, reading, profiles, newcomers)
    report.signs = part("the signs of an unsealed image", lambda: read_signs(reading, report), report.signs)


def _hidden(report: Report, reading: Reading, profiles: list[Profile], newcomers: Profile | None) -> list[Hidden]:
    nothing: list[Hidden] = []
    found = read_hidden(reading, profiles, newcomers)
    found += reading.part("folders that no program claims", lambda: unexplained_folders(reading, report), nothing)
    return sorted(found, key=lambda item: (item["category"], item["name"].lower(), item["source"]))


def _image(volumes: Volumes) -> dict[str, object]:
    return {
        "links": list(volumes.links),
        "size": volumes.size,
        "sector": volumes.sector,
        "style": volumes.style,
        "partitions": list(volumes.partitions),
    }
