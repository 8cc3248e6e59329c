"""Disks in memory, tables of partitions written by the tests themselves, and NTFS volumes from two makers: the lab's
own writer, which every machine has, and mkntfs with wimlib-imagex, where they are installed."""

import shutil
import struct
import subprocess
import uuid
import zlib
from pathlib import Path

import pyfsntfs

from builders.inspection.volumes import Partition, Volume, layout, open_ntfs
from builders.inspection.volumes.window import AsFile, Window
from lab.stores.ntfs.reading import existing
from lab.stores.ntfs.records import Times
from lab.stores.ntfs.system import Geometry
from lab.stores.ntfs.volume import File, lay_out
from tests.conftest import require_extra

MIB = 1 << 20
TABLE_AT = 4 * 4096
"""Where the lab's writer puts the file table of each volume."""
RECORD = 1024
LAB_SIZE = 24 * MIB
TOOLS = ("mkntfs", "wimlib-imagex")


class Memory:
    """A disk of bytes; ``reads`` are (offset, length)."""

    def __init__(self, content: bytes | bytearray, sector: int = 512) -> None:
        self.content = bytearray(content)
        self.sector = sector
        self.reads: list[tuple[int, int]] = []

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, offset: int, length: int) -> bytes:
        assert offset >= 0
        assert length >= 0
        self.reads.append((offset, length))
        return bytes(self.content[offset : offset + length])

    def write(self, offset: int, content: bytes) -> None:
        assert offset + len(content) <= self.size
        self.content[offset : offset + len(content)] = content

    def copy(self) -> "Memory":
        return Memory(self.content, self.sector)


def volume_of(disk: Memory) -> Volume:
    return open_ntfs(disk, layout(disk).partitions[0])


def whole(disk: Memory) -> Partition:
    return Partition(0, 0, disk.size, "", "whole disk", "", "NTFS")


def by_lab(files: dict[str, bytes], *, before: Memory | None = None, at: float = 1_700_000_000.0) -> Memory:
    """A volume of the lab's making; with ``before`` the same volume after it was given these files instead. A file's
    time is ``at``, or what it was if its content is as before."""
    disk = before.copy() if before else Memory(bytes(LAB_SIZE))
    geometry = Geometry(0, disk.size // 512, "LAB", 0x1234)
    old = volume_of(before) if before else None
    tree = {}
    for path, content in files.items():
        same = old is not None and old.exists(path) and old.read(path, len(content) + 1) == content
        tree[path] = File(content, Times(1_600_000_000.0, 1_700_000_000.0 if same or old is None else at))
    found = existing(disk.read) if before else None
    for offset, piece in lay_out(geometry, tree, {}, made_at=1_600_000_000.0, before=found):
        disk.write(offset, piece)
    return disk


def put_record(disk: Memory, number: int, packed: bytes) -> None:
    disk.write(TABLE_AT + number * RECORD, packed)


def record_number(disk: Memory, path: str) -> int:
    return existing(disk.read).found[path].record


def by_tools(folder: Path, tree: Path, *, mib: int = 32, options: tuple[str, ...] = ()) -> Memory:
    """A volume with the files of ``tree``, made by other people's tools."""
    missing = [tool for tool in TOOLS if shutil.which(tool, path="/usr/sbin:/usr/bin:/bin") is None]
    require_extra(" and ".join(TOOLS), not missing, "apt-get install ntfs-3g wimtools")
    image, archive = folder / "volume.img", folder / "files.wim"
    with image.open("wb") as file:
        file.truncate(mib * MIB)
    for command in (
        ["/usr/sbin/mkntfs", "-F", "-q", "-Q", "-L", "Tools", *options, str(image)],
        ["wimlib-imagex", "capture", str(tree), str(archive), "--compress=none", "--no-acls"],
        ["wimlib-imagex", "apply", str(archive), "1", str(image)],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    return Memory(image.read_bytes())


def listed_by_library(disk: Memory) -> dict[str, tuple[int, bool, int]]:
    """Every path that libfsntfs finds by walking the folders' indexes: size, whether it is a folder, time."""
    volume = pyfsntfs.volume()
    volume.open_file_object(AsFile(Window(disk, 0, disk.size)))
    found: dict[str, tuple[int, bool, int]] = {}
    folders = [(volume.get_root_directory(), "")]
    while folders:
        folder, prefix = folders.pop()
        for entry in folder.sub_file_entries:
            if entry.file_reference & (1 << 48) - 1 < 16:
                continue
            is_folder = entry.has_directory_entries_index()
            path = prefix + entry.name
            found[path] = (entry.size, is_folder, entry.get_modification_time_as_integer())
            if is_folder:
                folders.append((entry, path + "\\"))
    return found


def boot_sector_of(system: str) -> bytes:
    """A first sector as each file system begins, as far as it takes to know it."""
    sector = bytearray(512)
    sector[510:512] = b"\x55\xaa"
    if system == "FAT":
        sector[82:90] = b"FAT32   "
    else:
        sector[3:11] = {"BitLocker": b"-FVE-FS-", "ReFS": b"ReFS\0\0\0\0", "exFAT": b"EXFAT   ", "NTFS": b"NTFS    "}[
            system
        ]
    return bytes(sector)


def gpt_disk(parts: list[tuple[str, str, int, int]], *, size: int = 8 * MIB, sector: int = 512) -> Memory:
    """``parts``: kind, name, first and last sector."""
    disk = Memory(bytes(size), sector)
    last = size // sector - 1
    entries = b""
    for kind, name, first, end in parts:
        packed = struct.pack("<QQQ", first, end, 0) + name.encode("utf-16-le").ljust(72, b"\0")
        entries += uuid.UUID(kind).bytes_le + uuid.uuid5(uuid.NAMESPACE_URL, name).bytes_le + packed
    entries = entries.ljust(128 * 128, b"\0")
    table = len(entries) // sector
    disk.write(0, mbr_sector([(0, 0xEE, 1, last)]))
    disk.write(2 * sector, entries)
    disk.write(sector, _gpt_header(1, last, 2, entries, last))
    disk.write((last - table) * sector, entries)
    disk.write(last * sector, _gpt_header(last, 1, last - table, entries, last))
    return disk


def _gpt_header(own: int, other: int, first_entry: int, entries: bytes, last: int) -> bytes:
    disk_id = uuid.UUID("11111111-2222-3333-4444-555555555555").bytes_le
    checksum = zlib.crc32(entries)

    def packed(own_checksum: int) -> bytes:
        head = struct.pack("<8sIIIIQQQQ", b"EFI PART", 0x10000, 92, own_checksum, 0, own, other, 34, last - 34)
        return head + disk_id + struct.pack("<QIII", first_entry, len(entries) // 128, 128, checksum)

    return packed(zlib.crc32(packed(0)))


def mbr_sector(parts: list[tuple[int, int, int, int]], signature: bytes = b"\x78\x56\x34\x12") -> bytes:
    """``parts``: boot mark, kind, first sector, number of sectors."""
    table = b"".join(struct.pack("<B3sB3sII", mark, b"", kind, b"", first, count) for mark, kind, first, count in parts)
    return bytes(440) + signature + bytes(2) + table.ljust(64, b"\0") + b"\x55\xaa"
