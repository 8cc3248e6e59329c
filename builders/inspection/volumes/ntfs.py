"""An NTFS volume: files by path. libfsntfs searches the folders; a file is read along its own list of clusters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import pyfsntfs  # type: ignore[import-not-found]

from builders.inspection.errors import Damaged, Unreadable, Unsupported
from builders.inspection.sources import Disk
from builders.inspection.volumes.boot import Geometry, geometry_of
from builders.inspection.volumes.opened import Bytes, Held, OpenedFile
from builders.inspection.volumes.partitions import Partition
from builders.inspection.volumes.records import COMPRESSED, DATA, ENCRYPTED, FOLDER, NUMBER, REPARSE, Stream, streams
from builders.inspection.volumes.reparse import words_of
from builders.inspection.volumes.runs import Extents
from builders.inspection.volumes.table import FileTable
from builders.inspection.volumes.window import AsFile, Window

MOST_NAMES = 1_000_000
"""Entries read of one folder; WinSxS, the fullest of Windows, has some 20,000."""
MOST_WALKED = 1_000_000
LARGEST_COMPRESSED = 4 << 30
_Answer = TypeVar("_Answer")


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
    """Paths are from the root, as in ``Windows\\System32\\config\\SOFTWARE``, in any case of letters. ``warnings`` grow
    as things are found damaged; one sentence stands there once."""

    def __init__(self, window: Window, geometry: Geometry) -> None:
        self.geometry = geometry
        self.window = window
        self.warnings: list[str] = []
        self._file = AsFile(window)
        self._library = pyfsntfs.volume()
        self.ask("the volume", self._library.open_file_object, self._file)

    @cached_property
    def label(self) -> str:
        try:
            return str(self.ask("the volume's name", self._library.get_name) or "")
        except Unreadable as problem:
            self.warn(str(problem))
            return ""

    @cached_property
    def table(self) -> FileTable:
        """The file table, opened when it is first needed. Damaged where neither it nor its mirror can be read."""
        table = FileTable(self.window, self.geometry)
        for words in table.warnings:
            self.warn(words)
        return table

    def warn(self, words: str) -> None:
        if words not in self.warnings:
            self.warnings.append(words)

    def exists(self, path: str) -> bool:
        try:
            return self._entry(path) is not None
        except Unreadable as problem:
            self.warn(str(problem))
            return False

    def is_folder(self, path: str) -> bool:
        """False for a link to a folder, which is not followed, and for what is not there."""
        try:
            entry = self._entry(path)
            return entry is not None and self._is_plain_folder(path, entry)
        except Unreadable as problem:
            self.warn(str(problem))
            return False

    def names(self, path: str) -> list[str]:
        """What a folder holds, in its own order, the file system's own files left out. FileNotFoundError."""
        entry = self._entry(path)
        if entry is None:
            raise FileNotFoundError(path)
        if not self._is_plain_folder(path, entry):
            raise Unsupported(f"{path} is a file or a link, not a folder.")
        return [name for name, _ in self._children(path, entry)]

    def open(self, path: str) -> OpenedFile:
        """A file's content. FileNotFoundError; Unsupported (in words) for what stands for something else."""
        entry = self._entry(path)
        if entry is None:
            raise FileNotFoundError(path)
        number = self.ask(path, getattr, entry, "file_reference") & NUMBER
        return OpenedFile(path, self._content(path, number, entry))

    def read(self, path: str, at_most: int) -> bytes:
        """A file whole, or its first ``at_most`` bytes."""
        with self.open(path) as file:
            return file.read(at_most)

    def walk(self, path: str = "", at_most: int = MOST_WALKED) -> Iterator[str]:
        """Paths of the files under a folder, nearer ones first; links are told, not followed. Nothing for a folder that
        is not there. A folder that cannot be read is a warning."""
        folders, seen, given = deque([path]), set[int](), 0
        while folders:
            for child, number, is_folder in self._looked_into(folders.popleft()):
                if is_folder and number not in seen:
                    seen.add(number)
                    folders.append(child)
                elif not is_folder:
                    given += 1
                    if given > at_most:
                        self.warn(f"More than {at_most} files lie under {path or 'the root'}; the rest was left out.")
                        return
                    yield child

    def _looked_into(self, path: str) -> list[tuple[str, int, bool]]:
        """Children of a folder: path, record, whether it is a folder to look into."""
        found = []
        try:
            entry = self._entry(path)
            if entry is None or not self._is_plain_folder(path, entry):
                return []
            for name, child in self._children(path, entry):
                full = f"{path}\\{name}" if path else name
                number = self.ask(full, getattr, child, "file_reference") & NUMBER
                found.append((full, number, self._is_plain_folder(full, child)))
        except Unreadable as problem:
            self.warn(str(problem))
        return found

    def _children(self, path: str, entry: Any) -> Iterator[tuple[str, Any]]:
        count = self.ask(path, getattr, entry, "number_of_sub_file_entries")
        failed = 0
        for index in range(min(count, MOST_NAMES)):
            try:
                child = self.ask(path, entry.get_sub_file_entry, index)
                name = self.ask(path, getattr, child, "name")
                own = self.ask(path, getattr, child, "file_reference") & NUMBER < 16
            except Unreadable:
                failed += 1
                continue
            if name and not own:
                yield name, child
        if failed:
            self.warn(f"{failed} entries of the folder {path or 'at the root'} cannot be read and were left out.")

    def _entry(self, path: str) -> Any:
        """What the library has for a path; None if there is nothing."""
        plain = "\\" + path.replace("/", "\\").strip("\\")
        return self.ask(path or "the root", self._library.get_file_entry_by_path, plain)

    def _is_plain_folder(self, path: str, entry: Any) -> bool:
        if not self.ask(path, entry.has_directory_entries_index):
            return False
        return not (self.ask(path, getattr, entry, "file_attribute_flags") or 0) & 0x400

    def _content(self, path: str, number: int, entry: Any) -> Bytes:
        try:
            record, attributes = self.table.file(number)
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
        if stream is None:
            return Held(b"")
        return self._bytes_of(path, stream, entry)

    def _bytes_of(self, path: str, stream: Stream, entry: Any) -> Bytes:
        if stream.flags & ENCRYPTED:
            raise Unsupported(f"{path}: encrypted by Windows (EFS), not read.")
        if stream.value is not None:
            return Held(stream.value)
        if stream.flags & COMPRESSED:
            return _Compressed(self, path, stream.size, entry)
        extents = Extents(self.window, stream.runs, self.geometry.cluster, stream.size, stream.valid)
        if extents.size < stream.size:
            self.warn(f"{path} says that it has {stream.size} bytes; its clusters hold {extents.size}.")
        return extents

    def ask(self, subject: str, question: Callable[..., _Answer], *arguments: Any) -> _Answer:
        """The library's answer, its errors (it raises OSError and RuntimeError for anything) told as ours."""
        self._file.problem = None
        try:
            return question(*arguments)
        except Exception as problem:
            below = self._file.problem
            if below is not None:
                raise below from problem
            raise Damaged(
                f"{subject[:1].upper()}{subject[1:]} cannot be read: its structures are damaged."
            ) from problem


class _Compressed:
    """A file that NTFS keeps compressed, unpacked by the library."""

    def __init__(self, volume: Volume, path: str, size: int, entry: Any) -> None:
        self.size = min(size, LARGEST_COMPRESSED)
        self._volume = volume
        self._path = path
        self._entry = entry

    def read(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        if offset < 0 or length <= 0:
            return b""
        taken = self._volume.ask(self._path, self._entry.read_buffer_at_offset, length, offset)
        return bytes(taken)
