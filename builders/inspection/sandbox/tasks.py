"""What a child can be asked to do: folders, orders, options and a teller in, an object of JSON out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import blake3

from builders.inspection.images import fingerprint_of, open_chain
from builders.inspection.inventory import Report, Volumes, take
from builders.inspection.sandbox import files
from builders.inspection.sandbox.child import Teller
from builders.inspection.sandbox.opening import divided, image_facts, open_disk, open_volumes, place
from builders.inspection.sources import Folder, Source
from builders.inspection.volumes import Cached

Order = dict[str, Any]
Options = Mapping[str, Any]
Task = Callable[[Sequence[Folder], Sequence[Order], Options, Teller], dict[str, Any]]

BLOCK = 1 << 20


def identify(folders: Sequence[Folder], orders: Sequence[Order], _: Options, __: Teller) -> dict[str, Any]:
    """``links``, the top first, and ``fingerprint``: from headers and tables alone."""
    with open_chain(orders[0]["top"], folders[0], orders[0]["parents"]) as chain:
        links = [link.as_dict() for link in chain.links]
        return {"links": links, "fingerprint": fingerprint_of(chain.links), "warnings": list(chain.warnings)}


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
    report = take(Volumes(volumes=[each.volume for each in volumes], **image, warnings=tuple(opened.warnings)))
    report.partial = report.partial or opened.partial
    for each in volumes:
        report.warnings += [{"where": place(each.partition), "words": words} for words in each.volume.warnings]
    return report.as_dict()


def hash_files(folders: Sequence[Folder], orders: Sequence[Order], _: Options, tell: Teller) -> dict[str, Any]:
    """BLAKE3 of whole files: the topmost and those named as its parents."""
    found = {}
    for folder, order in zip(folders, orders, strict=True):
        for name in (order["top"], *(order["parents"] or ())):
            source = folder.open(name)
            digest = blake3.blake3()
            for offset in range(0, source.size, BLOCK):
                digest.update(_whole_block(source, offset))
                tell.progress(f"Hashing {name}", offset, source.size)
            found[name] = {"blake3": digest.hexdigest(), "size": source.size}
            source.close()
    return {"files": found}


def _whole_block(source: Source, offset: int) -> bytes:
    want = min(BLOCK, source.size - offset)
    data = source.read(offset, want)
    if len(data) != want:
        raise OSError(f"{source.name} became shorter while it was read.")
    return data


TASKS: dict[str, Task] = {
    "identify": identify,
    "inventory": inventory,
    "files": files.listed,
    "compare-files": files.compared,
    "hash": hash_files,
}
