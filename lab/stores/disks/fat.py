"""A FAT32 volume with a few files: the EFI system partition."""

import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

SECTOR = 512
_RESERVED = 32
_END = 0x0FFFFFFF
_FOLDER, _FILE, _LABEL = 0x10, 0x20, 0x08

Piece = tuple[int, bytes]  # offset in the volume, whole sectors


class SystemVolume:
    """Clusters of one sector, as a small FAT32 volume needs them to be one."""

    def __init__(self, sectors: int, *, start_sector: int, serial: int, made_at: float) -> None:
        self._sectors = sectors
        self._start = start_sector
        self._serial = serial
        self._moment = _moment(made_at)
        self._fat_sectors = -(-(sectors - _RESERVED) * 4 // (SECTOR + 8))
        self._chain = [0x0FFFFFF8, _END]
        self._data: list[Piece] = []

    def pieces(self, files: Mapping[str, bytes]) -> Iterator[Piece]:
        """`files` by path with backslashes; names are ASCII."""
        tree: dict[str, object] = {}
        for path, content in files.items():
            *folders, name = path.split("\\")
            folder = tree
            for one in folders:
                folder = folder.setdefault(one, {})  # type: ignore[assignment]
            folder[name] = content
        self._chain.append(_END)  # the root is the first cluster, of which one is enough
        self._folder(tree, cluster=2, parent=None)
        yield 0, self._boot_sector()
        yield SECTOR, self._information()
        yield 6 * SECTOR, self._boot_sector()
        table = struct.pack(f"<{len(self._chain)}I", *self._chain)
        table = table.ljust(-(-len(table) // SECTOR) * SECTOR, b"\0")
        yield _RESERVED * SECTOR, table
        yield (_RESERVED + self._fat_sectors) * SECTOR, table
        yield from self._data

    def _folder(self, tree: Mapping[str, object], *, cluster: int, parent: int | None) -> None:
        entries = []
        if parent is None:
            entries.append(self._entry(b"SYSTEM     ", _LABEL, 0, 0))
        else:
            above = 0 if parent == 2 else parent
            entries.append(self._entry(b".          ", _FOLDER, cluster, 0))
            entries.append(self._entry(b"..         ", _FOLDER, above, 0))
        for name, below in tree.items():
            if isinstance(below, bytes):
                first = self._store(below) if below else 0
                entries += self._named(name, _FILE, first, len(below))
            elif isinstance(below, dict):
                first = self._take(1)
                entries += self._named(name, _FOLDER, first, 0)
                self._folder(below, cluster=first, parent=cluster)
        if len(entries) * 32 > SECTOR:
            raise ValueError("a folder of the system volume holds at most 16 entries")
        self._data.append((self._place(cluster), b"".join(entries).ljust(SECTOR, b"\0")))

    def _store(self, content: bytes) -> int:
        padded = content.ljust(-(-len(content) // SECTOR) * SECTOR, b"\0")
        first = self._take(len(padded) // SECTOR)
        self._data.append((self._place(first), padded))
        return first

    def _take(self, clusters: int) -> int:
        first = len(self._chain)
        self._chain += [*range(first + 1, first + clusters), _END]
        return first

    def _place(self, cluster: int) -> int:
        return (_RESERVED + 2 * self._fat_sectors + cluster - 2) * SECTOR

    def _named(self, name: str, attributes: int, cluster: int, size: int) -> list[bytes]:
        """The entry under its short name, after those that hold a long one."""
        short = _short(name)
        return [*_long_entries(name, short), self._entry(short, attributes, cluster, size)]

    def _entry(self, name: bytes, attributes: int, cluster: int, size: int) -> bytes:
        time, date = self._moment
        return struct.pack("<11sBBBHHHHHHHI", name, attributes, 0, 0, time, date, date, cluster >> 16, time, date,
                           cluster & 0xFFFF, size)  # fmt: skip

    def _boot_sector(self) -> bytes:
        head = b"\xeb\x58\x90MSDOS5.0" + struct.pack("<HBHBHHBHHHII", SECTOR, 1, _RESERVED, 2, 0, 0, 0xF8, 0, 63, 255,
                                                    self._start, self._sectors)  # fmt: skip
        head += struct.pack("<IHHIHH12xBBBI", self._fat_sectors, 0, 0, 2, 1, 6, 0x80, 0, 0x29, self._serial)
        return (head + b"SYSTEM     FAT32   ").ljust(510, b"\0") + b"\x55\xaa"

    def _information(self) -> bytes:
        clusters = self._sectors - _RESERVED - 2 * self._fat_sectors
        free = clusters - (len(self._chain) - 2)
        record = b"RRaA".ljust(484, b"\0") + struct.pack("<4sII", b"rrAa", free, len(self._chain))
        return record.ljust(510, b"\0") + b"\x55\xaa"


def _short(name: str) -> bytes:
    stem, _, extension = name.upper().partition(".")
    if len(stem) > 8:
        stem = f"{stem[:6]}~1"
    return stem.encode("ascii").ljust(8) + extension.encode("ascii").ljust(3)


def _long_entries(name: str, short: bytes) -> list[bytes]:
    """13 characters each, the last ones first; none for a name that its short form says."""
    if _plain(short) == name:
        return []
    checksum = 0
    for byte in short:
        checksum = ((checksum & 1) << 7 | checksum >> 1) + byte & 0xFF
    units = (name + "\0").encode("utf-16-le")
    if len(name) % 13 == 0:
        units = units[:-2]
    pieces = [units[at : at + 26].ljust(26, b"\xff") for at in range(0, len(units), 26)]
    entries = []
    for number, piece in enumerate(pieces, 1):
        order = number | (0x40 if number == len(pieces) else 0)
        entries.append(struct.pack("<B10sBBB12sH4s", order, piece[:10], 0x0F, 0, checksum, piece[10:22], 0, piece[22:]))
    return entries[::-1]


def _plain(short: bytes) -> str:
    stem, extension = short[:8].decode().rstrip(), short[8:].decode().rstrip()
    return f"{stem}.{extension}" if extension else stem


def _moment(at: float) -> tuple[int, int]:
    moment = datetime.fromtimestamp(at, UTC)
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return time, (moment.year - 1980) << 9 | moment.month << 5 | moment.day
