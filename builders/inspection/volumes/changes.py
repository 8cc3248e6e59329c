"""What differs between two states of one volume, file by file, read from what differs between the disks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builders.inspection.volumes.listing import FileEntry, list_files
from builders.inspection.volumes.ntfs import Volume


@dataclass(frozen=True)
class FileChange:
    before: FileEntry
    after: FileEntry
    what: str
    """``contents`` (other bytes, in any of its streams), or ``time`` (touched, the bytes are the same)."""


@dataclass(frozen=True)
class FileChanges:
    """Sorted by path. A file or folder that was renamed is removed under one name and added under the other."""

    added: tuple[FileEntry, ...]
    removed: tuple[FileEntry, ...]
    changed: tuple[FileChange, ...]
    """Files alone: what changes in a folder is in the entries of its files."""
    warnings: tuple[str, ...]


def changed_files(before: Volume, after: Volume, ranges: Sequence[tuple[int, int]] | None = None) -> FileChanges:
    """From ``before`` to ``after``. ``ranges`` are the stretches (start and length in bytes of the disk) in which the
    two disks may differ; elsewhere nothing is read but the file table. None where that is not known, as for volumes
    of two origins: then files of the same size and time are taken as equal."""
    old = {entry.path: entry for entry in list_files(before)}
    new = {entry.path: entry for entry in list_files(after)}
    changed = [
        FileChange(old[path], entry, "contents" if old[path].size != entry.size else "time")
        for path, entry in new.items()
        if path in old and not entry.is_folder and old[path][:3] != entry[:3]
    ]
    return FileChanges(
        tuple(sorted(new[path] for path in new.keys() - old.keys())),
        tuple(sorted(old[path] for path in old.keys() - new.keys())),
        tuple(sorted(changed, key=lambda each: each.after.path)),
        (*before.warnings, *after.warnings),
    )
