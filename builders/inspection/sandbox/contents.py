"""Task ``inventory``: what is installed in an image, with whatever of it could be opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from builders.inspection.inventory import Report, Volumes, take
from builders.inspection.sandbox.opening import divided, image_facts, open_disk, open_volumes, place
from builders.inspection.sandbox.tasks import Options, Order, Task, Teller
from builders.inspection.sources import Folder
from builders.inspection.volumes import Cached


def inventory(folders: Sequence[Folder], orders: Sequence[Order], options: Options, tell: Teller) -> dict[str, Any]:
    """The report of docs/image-contents.md. What is known early is told early, in case the rest breaks the reader."""
    tell.progress("Opening the files of the image")
    opened = open_disk(folders[0], orders[0], raw=bool(options.get("raw")))
    tell.part("report", Report(image=image_facts(opened, None)).as_dict())
    disk = Cached(opened.disk)
    table = divided(opened, disk)
    image = image_facts(opened, table)
    tell.part("report", Report(image=image).as_dict())
    volumes = open_volumes(opened, disk, table.partitions)
    tell.progress("Reading what is installed")
    places = [asdict(each.partition) for each in volumes]
    readable = [each.volume for each in volumes]
    found = Volumes(readable, **image, disk_id=table.disk_id, places=places, warnings=tuple(opened.warnings))
    report = take(found)
    report.partial = report.partial or opened.partial or any(each.volume.warnings for each in volumes)
    for each in volumes:
        report.warnings += [{"where": place(each.partition), "words": words} for words in each.volume.warnings]
    return report.as_dict()


TASKS: dict[str, Task] = {"inventory": inventory}
