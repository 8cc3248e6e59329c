"""What a folder holds, from its index: the part in its record and the blocks outside of it.

The blocks are taken in the order they lie in, those that the index's own bitmap marks as used; so a damaged one costs
its own entries alone, and no tree can lead in a circle. (libfsntfs follows the tree; on volumes whose clusters are
larger than an index block it finds such folders empty, without a word.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from builders.inspection.errors import Damaged
from builders.inspection.volumes.listing import FORBIDDEN, SHORT
from builders.inspection.volumes.records import BITMAP, INDEX, INDEX_ROOT, Attribute, Stream, mended, streams
from builders.inspection.volumes.table import FileTable

LARGEST_INDEX = 24 << 20
"""Some 200,000 entries; WinSxS, the fullest folder of Windows, has 20,000."""
_OF_FILES = "$I30"
_BLOCK_SIZES = frozenset({512, 1024, 2048, 4096, 8192, 16384, 32768, 65536})
_HEADER = struct.Struct("<II")
_ENTRY = struct.Struct("<QHHH2x")
_KEY = struct.Struct("<Q48xI4xBB")
_LAST = 2
_FOLDER, _REPARSE = 0x10000000, 0x400


class Child(NamedTuple):
    name: str
    reference: int
    is_folder: bool
    """A folder to look into: neither a file nor a link to a folder."""


@dataclass
class Folder:
    children: list[Child] = field(default_factory=list)
    damaged: int = 0
    """Parts of the index that could not be read."""
    _by_name: dict[str, Child] = field(default_factory=dict)

    def child(self, name: str) -> Child | None:
        """By any of its names, the short one too, in any case of letters."""
        return self._by_name.get(name) or self._by_name.get(folded(name))

    def add(self, child: Child, *, is_short: bool) -> None:
        if not is_short:
            self.children.append(child)
            self._by_name[child.name] = child
        self._by_name.setdefault(folded(child.name), child)


def folded(name: str) -> str:
    """As Windows compares: each letter by its capital, where that is one letter."""
    if name.isascii():
        return name.upper()
    return "".join(upper if len(upper := letter.upper()) == 1 else letter for letter in name)


def read_folder(table: FileTable, attributes: Iterable[Attribute]) -> Folder:
    """Damaged where there is no index at all."""
    wanted = [each for each in attributes if each.name == _OF_FILES and each.kind in (INDEX_ROOT, INDEX, BITMAP)]
    parts = {each.kind: each for each in streams(wanted)}
    root = parts[INDEX_ROOT].value if INDEX_ROOT in parts else None
    if root is None or len(root) < 32:
        raise Damaged("it has no index")
    folder = Folder()
    _take(folder, root, 16)
    block_size = int.from_bytes(root[8:12], "little")
    if INDEX in parts and block_size in _BLOCK_SIZES:
        for block in _blocks(table, parts[INDEX], parts.get(BITMAP), block_size, folder):
            _take(folder, block, 24)
    elif INDEX in parts:
        folder.damaged += 1
    return folder


def _blocks(
    table: FileTable, index: Stream, bitmap: Stream | None, size: int, folder: Folder
) -> Iterator[bytes | bytearray]:
    extents = table.extents_of(index)
    used = _bits(table, bitmap)
    length = min(extents.size, LARGEST_INDEX)
    folder.damaged += extents.size > LARGEST_INDEX
    raw = extents.read(0, length)
    for number in range(length // size):
        if used is not None and not (number // 8 < len(used) and used[number // 8] >> number % 8 & 1):
            continue
        try:
            yield mended(raw[number * size : (number + 1) * size], b"INDX")
        except Damaged:
            folder.damaged += 1


def _bits(table: FileTable, bitmap: Stream | None) -> bytes | None:
    """One bit a block; None, for all of them, where it cannot be read."""
    if bitmap is None or bitmap.value is not None:
        return bitmap.value if bitmap else None
    try:
        return table.extents_of(bitmap).read(0, LARGEST_INDEX // 512 // 8)
    except Damaged:
        return None


def _take(folder: Folder, block: bytes | bytearray, header: int) -> None:
    """Entries of one part, up to the first that is damaged."""
    try:
        first, used = _HEADER.unpack_from(block, header)
        at, end = header + first, min(header + used, len(block))
        while at + _ENTRY.size <= end:
            reference, length, key_length, flags = _ENTRY.unpack_from(block, at)
            if flags & _LAST:
                return
            if length < _ENTRY.size + key_length or at + length > end:
                break
            _, marks, letters, namespace = _KEY.unpack_from(block, at + _ENTRY.size)
            name_at = at + _ENTRY.size + _KEY.size
            if 66 + 2 * letters > key_length:
                break
            name = block[name_at : name_at + 2 * letters].decode("utf-16-le", "replace").translate(FORBIDDEN)
            child = Child(name, reference, bool(marks & _FOLDER) and not marks & _REPARSE)
            folder.add(child, is_short=namespace == SHORT)
            at += length
    except struct.error:
        pass
    folder.damaged += 1
