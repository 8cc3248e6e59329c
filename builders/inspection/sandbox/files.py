"""Files of an image, and files that differ between two: lists that are cut where they would be of no more use."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from builders.inspection.errors import Unreadable
from builders.inspection.images import changed
from builders.inspection.sandbox.opening import Opened, OpenedVolume, divided, open_disk, open_volumes, place
from builders.inspection.sandbox.tasks import Options, Order, Task, Teller
from builders.inspection.sources import Folder
from builders.inspection.volumes import Cached, FileChange, FileEntry, changed_files, list_files

MOST_LISTED = 300_000
MOST_DIFFERING = 50_000
TELL_EVERY = 10_000


def listed(folders: Sequence[Folder], orders: Sequence[Order], options: Options, tell: Teller) -> dict[str, Any]:
    """``volumes``: per NTFS volume its ``files`` as [path, size, modified_at, is_folder], in the table's order."""
    opened, volumes = _opened(folders[0], orders[0], options)
    most = int(options.get("at_most", MOST_LISTED))
    found = []
    for each in volumes:
        files = []
        for entry in itertools.islice(_entries(each, opened), most):
            files.append(_row(entry))
            if len(files) % TELL_EVERY == 0:
                tell.progress("Listing files", len(files))
        most -= len(files)
        found.append(_facts(each) | {"files": files})
    if not most:
        opened.warn("files", "there are more than were asked for, so the list is cut", lost=True)
    return _answer(opened, volumes, {"volumes": found})


def compared(folders: Sequence[Folder], orders: Sequence[Order], options: Options, tell: Teller) -> dict[str, Any]:
    """``volumes``: ``added``, ``removed`` and ``changed`` files of each NTFS volume, the first image being "before"."""
    (before, old), (after, new) = (_opened(*pair, options) for pair in zip(folders, orders, strict=True))
    ranges = _ranges(before, after)
    tell.progress("Comparing files")
    found = []
    for one, other in _pairs(old, new, after):
        try:
            found.append(_compared(one, other, ranges))
        except (Unreadable, OSError) as error:
            after.warn(place(other.partition), f"its files cannot be compared: {error}", lost=True)
    differing = None if ranges is None else sum(length for _, length in ranges)
    before.warnings += after.warnings
    before.partial = before.partial or after.partial
    return _answer(before, [*old, *new], {"volumes": found, "differing_bytes": differing})


def _opened(folder: Folder, order: Order, options: Options) -> tuple[Opened, list[OpenedVolume]]:
    opened = open_disk(folder, order, raw=bool(options.get("raw")))
    disk = Cached(opened.disk)
    return opened, open_volumes(opened, disk, divided(opened, disk).partitions)


def _entries(each: OpenedVolume, opened: Opened) -> Iterable[FileEntry]:
    try:
        yield from list_files(each.volume)
    except (Unreadable, OSError) as error:
        opened.warn(place(each.partition), f"its files cannot be listed: {error}", lost=True)


def _ranges(before: Opened, after: Opened) -> list[tuple[int, int]] | None:
    """Where the disks may differ; None when they come from different files, and everything may."""
    if before.chain is None or after.chain is None:
        return None
    known = {link.data_id for link in before.chain.links}
    if not any(link.data_id in known for link in after.chain.links):
        return None
    return changed(before.chain, after.chain)


def _pairs(
    old: Sequence[OpenedVolume], new: Sequence[OpenedVolume], after: Opened
) -> Iterable[tuple[OpenedVolume, OpenedVolume]]:
    """The same partition by where it begins, or else by its number."""
    left = list(old)
    for other in new:
        same = [each for each in left if each.partition.start == other.partition.start] or [
            each for each in left if each.partition.number == other.partition.number
        ]
        if same:
            left.remove(same[0])
            yield same[0], other
        else:
            after.warn(place(other.partition), "it is not in the image before, so its files are not compared")
    for each in left:
        after.warn(place(each.partition), "it is not in the image after, so its files are not compared")


def _compared(one: OpenedVolume, other: OpenedVolume, ranges: list[tuple[int, int]] | None) -> dict[str, Any]:
    found = changed_files(one.volume, other.volume, ranges)
    counts = {"added": len(found.added), "removed": len(found.removed), "changed": len(found.changed)}
    return _facts(other) | {
        "counts": counts,
        "added": [_row(entry) for entry in found.added[:MOST_DIFFERING]],
        "removed": [_row(entry) for entry in found.removed[:MOST_DIFFERING]],
        "changed": [_change(each) for each in found.changed[:MOST_DIFFERING]],
        "warnings": list(found.warnings),
    }


def _facts(each: OpenedVolume) -> dict[str, Any]:
    return {"partition": each.partition.number, "label": each.volume.label}


def _row(entry: FileEntry) -> list[Any]:
    return [entry.path, entry.size, entry.modified_at, entry.is_folder]


def _change(each: FileChange) -> dict[str, Any]:
    return {
        "path": each.after.path,
        "what": each.what,
        "before": [each.before.size, each.before.modified_at],
        "after": [each.after.size, each.after.modified_at],
    }


def _answer(opened: Opened, volumes: Sequence[OpenedVolume], value: dict[str, Any]) -> dict[str, Any]:
    told = {words for volume in value["volumes"] for words in volume.get("warnings", ())}
    for each in volumes:
        for words in each.volume.warnings:
            if words not in told:
                opened.warn(place(each.partition), words)
    return value | {"warnings": opened.warnings, "partial": opened.partial}


TASKS: dict[str, Task] = {"files": listed, "compare-files": compared}
