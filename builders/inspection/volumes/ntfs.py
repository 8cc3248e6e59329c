"""An NTFS volume: files by path, each read along its own list of clusters; libfsntfs unpacks those NTFS compressed."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

import pyfsntfs  # type: ignore[import-not-found]

from builders.inspection.errors import Damaged, Unreadable, Unsupported
from builders.inspection.sources import Disk
from builders.inspection.volumes.boot import Geometry, geometry_of
from builders.inspection.volumes.folders import Child, Folder, read_folder
from builders.inspection.volumes.listing import FIRST_OWN, ROOT
from builders.inspection.volumes.opened import Bytes, Held, OpenedFile
from builders.inspection.volumes.partitions import Partition
from builders.inspection.volumes.records import (
    COMPRESSED,
    DATA,
    ENCRYPTED,
    FOLDER,
    IN_USE,
    NUMBER,
    REPARSE,
    VOLUME_NAME,
    Attribute,
    Record,
    Stream,
    streams,
)
from builders.inspection.volumes.reparse import words_of
from builders.inspection.volumes.table import FileTable
from builders.inspection.volumes.window import AsFile, Window

MOST_WALKED = 1_000_000
MOST_LOOKED_AT = 2_000_000
"""Entries of folders that one walk goes through, files or not."""
MOST_KEPT = 300_000
"""Entries of folders kept for the next path."""
LARGEST_COMPRESSED = 4 << 30
_VOLUME = 3
"""The record that holds the volume's name."""


def open_ntfs(disk: Disk, partition: Partition) -> Volume:
    """The volume in a partition. Unsupported for another file system (in words), Damaged where nothing can be read."""
    window = Window(disk, partition.start, partition.length)
    geometry, first, words = geometry_of(window)
    if first:
        window = Window(disk, partition.start, partition.length, first)
    volume = Volume(window, geometry)
    if words:
        volume.warn(words)
    return volume


class Volume:
    """Paths are from the root, as in ``Windows\\System32\\config\\SOFTWARE``, in any case, by short names too.

    ``table`` is its file table. ``warnings`` grow as things are found damaged; one sentence stands there once.
    """

    def __init__(self, window: Window, geometry: Geometry) -> None:
        self.geometry = geometry
        self.window = window
        self.warnings: list[str] = []
        self.table = FileTable(window, geometry)
        for words in self.table.warnings:
            self.warn(words)
        self._root = Child("", self.table.reference(ROOT), True)
        self._folders: OrderedDict[int, Folder] = OrderedDict()
        self._entries_kept = 0
        self.label = self._label()

    def warn(self, words: str) -> None:
        if words not in self.warnings:
            self.warnings.append(words)

    def exists(self, path: str) -> bool:
        try:
            return self._child(path) is not None
        except Unreadable as problem:
            self.warn(str(problem))
            return False

    def is_folder(self, path: str) -> bool:
        """False for a link to a folder, which is not followed, and for what is not there."""
        try:
            child = self._child(path)
            return child is not None and self._folder(path, child) is not None
        except Unreadable as problem:
            self.warn(str(problem))
            return False

    def names(self, path: str) -> list[str]:
        """What a folder holds, in its own order, the file system's own files left out. FileNotFoundError."""
        child = self._child(path)
        if child is None:
            raise FileNotFoundError(path)
        folder = self._folder(path, child)
        if folder is None:
            raise Unsupported(f"{path} is a file or a link, not a folder.")
        return [each.name for each in _own_left_out(folder)]

    def open(self, path: str) -> OpenedFile:
        """A file's content. FileNotFoundError; Unsupported (in words) for what stands for something else."""
        child = self._child(path)
        if child is None:
            raise FileNotFoundError(path)
        return OpenedFile(path, self._content(path, child))

    def read(self, path: str, at_most: int) -> bytes:
        """A file whole, or its first ``at_most`` bytes."""
        with self.open(path) as file:
            return file.read(at_most)

    def walk(self, path: str = "", at_most: int = MOST_WALKED) -> Iterator[str]:
        """Paths of the files under a folder, nearer ones first; links are told, not followed. Nothing for a folder that
        is not there. A folder that cannot be read is a warning."""
        start = self._child(path) if self.is_folder(path) else None
        folders, seen, given, looked_at = deque([(path.strip("\\"), start)] if start else ()), set[int](), 0, 0
        while folders and looked_at < MOST_LOOKED_AT:
            children = self._looked_into(*folders.popleft())
            looked_at += len(children)
            for child_path, child in children:
                if child.is_folder and child.reference not in seen:
                    seen.add(child.reference)
                    folders.append((child_path, child))
                elif not child.is_folder:
                    given += 1
                    if given > at_most:
                        self.warn(f"More than {at_most} files lie under {path or 'the root'}; the rest was left out.")
                        return
                    yield child_path
        if folders:
            self.warn(
                f"The folders under {path or 'the root'} have more entries than any Windows; the rest was left out."
            )

    def _looked_into(self, path: str, child: Child) -> list[tuple[str, Child]]:
        try:
            folder = self._folder(path, child)
        except Unreadable as problem:
            self.warn(str(problem))
            return []
        if folder is None:
            return [(path, child._replace(is_folder=False))]
        return [(f"{path}\\{each.name}" if path else each.name, each) for each in _own_left_out(folder)]

    def _child(self, path: str) -> Child | None:
        """What a path leads to through folders that are not links; None if there is nothing."""
        child = self._root
        passed = ""
        for name in path.replace("/", "\\").strip("\\").split("\\") if path.strip("\\/") else ():
            folder = self._folder(passed, child)
            found = folder.child(name) if folder else None
            if found is None:
                return None
            child, passed = found, f"{passed}\\{name}" if passed else name
        return child

    def _folder(self, path: str, child: Child) -> Folder | None:
        """None for a file and for a link."""
        kept = self._folders.get(child.reference)
        if kept is not None:
            self._folders.move_to_end(child.reference)
            return kept
        where = path or "The root"
        record, attributes = self._file(where, child)
        if not record.flags & FOLDER or any(each.kind == REPARSE for each in attributes):
            return None
        try:
            folder = read_folder(self.table, attributes)
        except Damaged as problem:
            raise Damaged(f"{where} cannot be read: {problem}.") from problem
        if folder.damaged:
            self.warn(f"{where}: {folder.damaged} parts of the folder's index are damaged; files may be missing.")
        self._folders[child.reference] = folder
        self._entries_kept += len(folder.children)
        while self._entries_kept > MOST_KEPT and len(self._folders) > 1:
            self._entries_kept -= len(self._folders.popitem(last=False)[1].children)
        return folder

    def _file(self, path: str, child: Child) -> tuple[Record, list[Attribute]]:
        try:
            record, attributes = self.table.file(child.reference & NUMBER)
        except Damaged as problem:
            raise Damaged(f"{path} cannot be read: {problem}.") from problem
        if not record.flags & IN_USE or record.sequence != child.reference >> 48:
            raise Damaged(f"{path} cannot be read: its folder names a record that is another file's by now.")
        return record, attributes

    def _content(self, path: str, child: Child) -> Bytes:
        record, attributes = self._file(path, child)
        try:
            found = streams(each for each in attributes if each.kind in (DATA, REPARSE))
        except Damaged as problem:
            raise Damaged(f"{path} cannot be read: {problem}.") from problem
        reparse = next((each for each in found if each.kind == REPARSE), None)
        if reparse is not None:
            tag = int.from_bytes((reparse.value or b"")[:4], "little")
            raise Unsupported(f"{path}: {words_of(tag)}.")
        if record.flags & FOLDER:
            raise Unsupported(f"{path} is a folder.")
        stream = next((each for each in found if each.kind == DATA and not each.name), None)
        return self._bytes_of(path, stream, record.number) if stream else Held(b"")

    def _bytes_of(self, path: str, stream: Stream, number: int) -> Bytes:
        if stream.flags & ENCRYPTED:
            raise Unsupported(f"{path}: encrypted by Windows (EFS), not read.")
        if stream.value is not None:
            return Held(stream.value)
        if stream.flags & COMPRESSED:
            return _Compressed(self.window, path, stream.size, number)
        extents = self.table.extents_of(stream)
        if extents.size < stream.size:
            self.warn(f"{path} says that it has {stream.size} bytes; its clusters hold {extents.size}.")
        return extents

    def _label(self) -> str:
        try:
            values = [each.value for each in self.table.record(_VOLUME).of_kind(VOLUME_NAME)]
        except Damaged as problem:
            self.warn(f"The volume's name cannot be read: {problem}.")
            return ""
        return (values[0] or b"").decode("utf-16-le", "replace").replace("\0", "\ufffd") if values else ""


def _own_left_out(folder: Folder) -> Iterator[Child]:
    return (each for each in folder.children if each.reference & NUMBER >= FIRST_OWN)


class _Compressed:
    """A file that NTFS keeps compressed, unpacked by the library, whose errors are told as ours."""

    def __init__(self, window: Window, path: str, size: int, number: int) -> None:
        self.size = min(size, LARGEST_COMPRESSED)
        self._path = path
        self._file = AsFile(window)
        self._library = pyfsntfs.volume()
        self._entry = self._ask(self._opened, number)

    def read(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        if offset < 0 or length <= 0:
            return b""
        return bytes(self._ask(self._entry.read_buffer_at_offset, length, offset))

    def _opened(self, number: int) -> Any:
        self._library.open_file_object(self._file)
        return self._library.get_file_entry(number)

    def _ask(self, question: Any, *arguments: int) -> Any:
        self._file.problem = None
        try:
            return question(*arguments)
        except Exception as problem:
            if self._file.problem is not None:
                raise self._file.problem from problem
            raise Damaged(f"{self._path} cannot be read: what NTFS compressed is damaged.") from problem
