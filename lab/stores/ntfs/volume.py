"""Lay a whole volume out: every file of a tree, its records, indexes and bitmaps.

An existing volume is laid out anew in place: what is still there keeps its record and its clusters, so that only the
sectors of what changed differ from before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lab.stores.ntfs import index, system
from lab.stores.ntfs.reading import Existing, Found
from lab.stores.ntfs.records import (
    ARCHIVE,
    CLUSTER,
    FIRST_FREE_RECORD,
    FOLDER_ATTRIBUTE,
    HIDDEN_SYSTEM,
    IN_USE,
    INDEX_NAME,
    IS_FOLDER,
    RECORD,
    ROOT,
    SECTOR,
    Extents,
    Name,
    Record,
    Times,
    reference,
    standard_information,
)
from lab.stores.ntfs.room import ClusterRoom, RecordRoom

_NEAR_CLUSTERS = 1 << 15  # 128 MiB: files of the lab lie in the volume's first part
_MOST_RECORDS = system.MFT_CLUSTERS * CLUSTER // RECORD
_RECORDS_AT_ONCE = 64

Piece = tuple[int, bytes]  # offset in the volume, bytes


@dataclass(frozen=True)
class File:
    """A file's content and times."""

    content: bytes
    times: Times


@dataclass
class _Node:
    name: str
    parent: "_Node | None"
    times: Times
    file: File | None = None  # None for a folder
    record: int = 0
    sequence: int = 1
    extents: Extents = field(default_factory=list)
    below: dict[str, "_Node"] = field(default_factory=dict)

    @property
    def reference(self) -> int:
        return reference(self.record, self.sequence)

    def walk(self) -> Iterator["_Node"]:
        yield self
        for node in self.below.values():
            yield from node.walk()


def lay_out(
    geometry: system.Geometry,
    files: Mapping[str, File],
    folders: Mapping[str, Times],
    *,
    made_at: float,
    before: Existing | None = None,
) -> list[Piece]:
    """Everything that the volume consists of, as pieces of whole sectors; what no piece covers is of no matter.

    `files` and `folders` by path with backslashes; folders on the way to a file need no entry of their own.
    """
    return _Layout(geometry, made_at, before or Existing({}, {})).pieces(files, folders)


class _Layout:
    def __init__(self, geometry: system.Geometry, made_at: float, before: Existing) -> None:
        self._geometry = geometry
        self._made_at = made_at
        self._before = before
        self._places = system.Places.of(geometry)
        self._clusters = ClusterRoom(min(_NEAR_CLUSTERS, geometry.clusters // 8 * 8))
        self._clusters.take([(0, 2), (self._places.mft, self._places.end - self._places.mft)])

    def pieces(self, files: Mapping[str, File], folders: Mapping[str, Times]) -> list[Piece]:
        root = self._tree(files, folders)
        nodes = list(root.walk())
        self._number(nodes)
        count = -(-(max(node.record for node in nodes) + 1) // _RECORDS_AT_ONCE) * _RECORDS_AT_ONCE
        packed: dict[int, bytes] = {}
        pieces: list[Piece] = []
        for node in reversed(nodes):  # a folder's index says how large its files are
            extra = self._system_entries(count) if node is root else []
            packed[node.record] = self._pack(node, extra, pieces)
        pieces += self._table(packed, count)
        pieces += self._system_pieces()
        return pieces

    def _tree(self, files: Mapping[str, File], folders: Mapping[str, Times]) -> _Node:
        root = _Node("", None, Times(self._made_at, self._made_at), record=ROOT, sequence=ROOT)
        for path in sorted({*folders, *(path.rpartition("\\")[0] for path in files)} - {""}):
            _folder(root, path, folders)
        for path, file in files.items():
            above, _, name = path.rpartition("\\")
            folder = _folder(root, above, folders) if above else root
            folder.below[name.upper()] = _Node(name, folder, file.times, file)
        return root

    def _number(self, nodes: list[_Node]) -> None:
        """Old files keep their records and clusters; new ones get free ones."""
        known = {path.upper(): found for path, found in self._before.found.items()}
        matched: list[tuple[_Node, Found]] = []
        new: list[_Node] = []
        for node in nodes:
            found = known.pop(_path(node).upper(), None)
            if found is None:
                new.append(node)
            else:
                matched.append((node, found))
        freed = dict(self._before.freed)
        freed |= {found.record: found.sequence + 1 for found in known.values()}
        records = RecordRoom(_MOST_RECORDS, freed)
        for node, found in matched:
            node.record, node.sequence, node.extents = found.record, found.sequence, found.extents
            records.keep(found.record)
            self._clusters.take(found.extents)
        for node in new:
            if node.record != ROOT:
                node.record, node.sequence = records.take()
        self._freed = freed

    def _pack(self, node: _Node, extra: list[tuple[str, bytes]], pieces: list[Piece]) -> bytes:
        is_folder = node.file is None
        record = Record(node.record, node.sequence, IN_USE | (IS_FOLDER if is_folder else 0))
        hidden = HIDDEN_SYSTEM if node.record == ROOT else 0
        record.add(0x10, standard_information(node.times, hidden or (0 if is_folder else ARCHIVE)))
        if node.file is not None:
            inside = record.room - len(_name(node).pack()) - 24 - 24 - 16
            self._place(node, pieces, inside)
        record.add(0x30, _name(node).pack(), is_indexed=True)
        if node.file is None:
            self._add_index(record, node, extra, pieces)
        elif node.extents:
            record.add_elsewhere(0x80, node.extents, len(node.file.content))
        else:
            record.add(0x80, node.file.content)
        return record.pack()

    def _place(self, node: _Node, pieces: list[Piece], inside: int) -> None:
        """Find clusters for the content; up to `inside` bytes stand in the record."""
        assert node.file is not None
        content = node.file.content
        clusters = 0 if len(content) <= inside else -(-len(content) // CLUSTER)
        node.extents = self._clusters.grow(node.extents, clusters)
        pieces += _scattered(node.extents, content)

    def _add_index(self, record: Record, node: _Node, extra: list[tuple[str, bytes]], pieces: list[Piece]) -> None:
        named = [(one.name, index.entry(one.reference, _name(one).pack())) for one in node.below.values()]
        named = sorted(named + extra, key=lambda pair: index.collation_key(pair[0]))
        root_room = record.room - 80 - 96 - 56  # the headers of the three attributes that an index may have
        tree = index.build([packed for _, packed in named], root_room=root_room)
        node.extents = self._clusters.grow(node.extents, len(tree.blocks))
        record.add(0x90, tree.root, name=INDEX_NAME)
        if tree.blocks:
            record.add_elsewhere(0xA0, node.extents, len(tree.blocks) * CLUSTER, name=INDEX_NAME)
            record.add(0xB0, _bits(len(tree.blocks)), name=INDEX_NAME)
            pieces += _scattered(node.extents, b"".join(tree.blocks))

    def _system_entries(self, count: int) -> list[tuple[str, bytes]]:
        names = system.system_names(self._geometry, self._made_at, count)
        return [(text, index.entry(its_reference, name.pack())) for text, its_reference, name in names]

    def _table(self, packed: dict[int, bytes], count: int) -> Iterator[Piece]:
        used = [*range(16), *packed]
        bits = sum(1 << number for number in set(used)).to_bytes(count // 8, "little")
        for record in system.system_records(self._geometry, self._made_at, count, bits):
            packed[record.number] = record.pack()
        for number in range(FIRST_FREE_RECORD, count):
            if number not in packed:
                packed[number] = Record(number, self._freed.get(number, 1), flags=0).pack()
        table = b"".join(packed[number] for number in range(count))
        yield self._places.mft * CLUSTER, table
        yield self._places.mirror * CLUSTER, table[: 4 * RECORD]

    def _system_pieces(self) -> Iterator[Piece]:
        places = self._places
        boot = system.boot_sector(self._geometry)
        yield 0, boot
        yield (self._geometry.sectors - 1) * SECTOR, boot
        yield places.log * CLUSTER, b"\xff" * (system.LOG_CLUSTERS * CLUSTER)
        yield places.definitions * CLUSTER, system.attribute_definitions()
        yield places.capitals * CLUSTER, index.upper_case_table()
        yield places.security * CLUSTER, _whole_sectors(system.security_stream())
        yield places.bitmap * CLUSTER, system.bitmap_head(self._clusters.used)
        offset, tail = system.bitmap_tail(self._geometry)
        sector = offset // SECTOR * SECTOR
        yield places.bitmap * CLUSTER + sector, (bytes(offset - sector) + tail).ljust(SECTOR, b"\0")


def _folder(root: _Node, path: str, folders: Mapping[str, Times]) -> _Node:
    node, so_far = root, ""
    for name in path.split("\\"):
        so_far = f"{so_far}\\{name}" if so_far else name
        below = node.below.get(name.upper())
        if below is None:
            below = _Node(name, node, folders.get(so_far, node.times))
            node.below[name.upper()] = below
        node = below
    return node


def _path(node: _Node) -> str:
    parts = []
    while node.parent is not None:
        parts.append(node.name)
        node = node.parent
    return "\\".join(reversed(parts))


def _name(node: _Node) -> Name:
    if node.parent is None:
        return Name(reference(ROOT, ROOT), ".", node.times, 0, 0, HIDDEN_SYSTEM | FOLDER_ATTRIBUTE)
    if node.file is None:
        return Name(node.parent.reference, node.name, node.times, 0, 0, FOLDER_ATTRIBUTE)
    size = len(node.file.content)
    clusters = sum(count for _, count in node.extents)
    allocated = clusters * CLUSTER if clusters else (size + 7) & ~7
    return Name(node.parent.reference, node.name, node.times, size, allocated, ARCHIVE)


def _scattered(extents: Extents, content: bytes) -> Iterator[Piece]:
    at = 0
    for first, count in extents:
        yield first * CLUSTER, _whole_sectors(content[at : at + count * CLUSTER])
        at += count * CLUSTER


def _whole_sectors(content: bytes) -> bytes:
    return content.ljust(-(-len(content) // SECTOR) * SECTOR, b"\0")


def _bits(count: int) -> bytes:
    return ((1 << count) - 1).to_bytes((count + 63) // 64 * 8, "little")
