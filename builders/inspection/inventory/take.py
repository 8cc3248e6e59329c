"""Take the inventory of an image: each part on its own, so that what breaks one leaves the others whole."""

from __future__ import annotations

from builders.inspection.inventory.finding import Volumes
from builders.inspection.inventory.reading import Reading
from builders.inspection.inventory.report import Report
from builders.inspection.inventory.system import system_of


def take(volumes: Volumes) -> Report:
    """All that can be read. It raises nothing for what an image holds; ``partial`` says that something is missing."""
    report = Report(image=_image(volumes))
    reading = Reading.of(volumes)
    report.os = reading.part("the system's name and build", lambda: system_of(reading), report.os)
    report.warnings = reading.warnings()
    report.partial = reading.partial
    return report


def _image(volumes: Volumes) -> dict[str, object]:
    return {
        "links": list(volumes.links),
        "size": volumes.size,
        "sector": volumes.sector,
        "style": volumes.style,
        "partitions": list(volumes.partitions),
    }
