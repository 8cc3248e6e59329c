"""What independent readers find in an image of the lab: tables by hand, NTFS by libfsntfs, hives by libregf and regipy.

The chain is read by `vhdx_reader`, which shares no code with the lab either.
"""

import io
import struct
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pefile
import pyfsntfs
import pyregf
from regipy.registry import RegistryHive

from tests.lab.vhdx_reader import File

UNINSTALL = r"Microsoft\Windows\CurrentVersion\Uninstall"
VIEWS = {"64": UNINSTALL, "32": rf"WOW6432Node\{UNINSTALL}"}
EFI = uuid.UUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
BASIC_DATA = uuid.UUID("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7")


class Window(io.RawIOBase):
    """A part of a disk as a file that libfsntfs can read, in pieces of 32 KiB that are read once."""

    PIECE = 32 << 10

    def __init__(self, disk: File, start: int, length: int) -> None:
        self.disk, self.start, self.length, self.at = disk, start, length, 0
        self.pieces: dict[int, bytes] = {}

    def read(self, size: int = -1) -> bytes:
        end = self.length if size < 0 else min(self.at + size, self.length)
        found = b""
        while self.at < end:
            number, inside = divmod(self.at, self.PIECE)
            if number not in self.pieces:
                length = min(self.PIECE, self.length - number * self.PIECE)
                self.pieces[number] = self.disk.read(self.start + number * self.PIECE, length)
            piece = self.pieces[number][inside : inside + end - self.at]
            found += piece
            self.at += len(piece)
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.length}[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def get_size(self) -> int:
        return self.length


def open_chain(folder: Path, top: str) -> File:
    """By the locators, the base first."""
    names = [top]
    while True:
        file = File(folder / names[-1])
        parent = file.locator["relative_path"].removeprefix(".\\") if file.has_parent else None
        file.close()
        if parent is None:
            break
        names.append(parent)
    disk = None
    for name in reversed(names):
        disk = File(folder / name, disk)
    assert disk is not None
    return disk


def partitions(disk: File) -> list[tuple[uuid.UUID | int, int, int]]:
    """(type, start, length) in bytes; both tables of a GPT are checked against their sums and each other."""
    first = disk.read(0, 512)
    assert first[510:] == b"\x55\xaa"
    entries = [struct.unpack_from("<4xB3xII", first, 446 + 16 * number) for number in range(4)]
    if entries[0][0] != 0xEE:
        return [(kind, start * 512, count * 512) for kind, start, count in entries if kind]
    tables = []
    for place in (1, disk.size // 512 - 1):
        header = disk.read(place * 512, 512)
        assert header[:8] == b"EFI PART"
        assert zlib.crc32(header[:16] + bytes(4) + header[20:92]) == struct.unpack_from("<I", header, 16)[0]
        assert struct.unpack_from("<Q", header, 24)[0] == place
        table = disk.read(struct.unpack_from("<Q", header, 72)[0] * 512, 128 * 128)
        assert zlib.crc32(table) == struct.unpack_from("<I", header, 88)[0]
        tables.append(table)
    assert tables[0] == tables[1]
    found: list[tuple[uuid.UUID | int, int, int]] = []
    for at in range(0, len(tables[0]), 128):
        kind, start, last = struct.unpack_from("<16s16xQQ", tables[0], at)
        if kind.strip(b"\0"):
            found.append((uuid.UUID(bytes_le=kind), start * 512, (last - start + 1) * 512))
    return found


class Windows:
    """The Windows volume of the image whose newest file is `top`."""

    def __init__(self, folder: Path, top: str) -> None:
        self.disk = open_chain(folder, top)
        self.partitions = partitions(self.disk)
        wanted = BASIC_DATA if len(self.partitions) > 1 else 7
        _, self.start, self.length = next(part for part in self.partitions if part[0] == wanted)
        self.window = Window(self.disk, self.start, self.length)
        self.volume = pyfsntfs.volume()
        self.volume.open_file_object(self.window)

    def __enter__(self) -> "Windows":
        return self

    def __exit__(self, *reason: object) -> None:
        self.volume.close()
        self.disk.close()

    def read(self, path: str) -> bytes:
        entry = self.volume.get_file_entry_by_path("\\" + path)
        assert entry is not None, path
        content: bytes = entry.read_buffer(entry.size) if entry.size else b""
        assert len(content) == entry.size
        return content

    def exists(self, path: str) -> bool:
        return self.volume.get_file_entry_by_path("\\" + path) is not None

    def files(self) -> dict[str, tuple[int, float]]:
        """Size and time of change by path, of every file that is not the volume's own."""
        return dict(self._below(self.volume.get_root_directory(), ""))

    def _below(self, folder: Any, path: str) -> Iterator[tuple[str, tuple[int, float]]]:
        for number in range(folder.number_of_sub_file_entries):
            entry = folder.get_sub_file_entry(number)
            name = entry.name
            if not path and name.startswith("$"):
                continue
            full = f"{path}\\{name}" if path else name
            if entry.has_directory_entries_index():
                yield from self._below(entry, full)
            else:
                at = entry.get_modification_time_as_integer() / 10_000_000 - 11_644_473_600
                yield full, (entry.size, at)

    def hive(self, name: str = "SOFTWARE") -> Any:
        hive = pyregf.file()
        hive.open_file_object(io.BytesIO(self.read(rf"Windows\System32\config\{name}")))
        return hive

    def value(self, hive: str, key: str, name: str) -> Any:
        """A text or a number, None where it is missing."""
        found = self.hive(hive).get_key_by_path("\\" + key)
        value = found.get_value_by_name(name) if found else None
        if value is None:
            return None
        return value.get_data_as_integer() if value.type in {4, 11} else value.get_data_as_string()

    def build(self) -> str:
        key = r"Microsoft\Windows NT\CurrentVersion"
        return f"{self.value('SOFTWARE', key, 'CurrentBuild')}.{self.value('SOFTWARE', key, 'UBR')}"

    def programs(self) -> dict[str, str]:
        """Version by displayed name in both views, hidden parts left out, as libregf reads it."""
        found = {}
        hive = self.hive()
        for view in VIEWS.values():
            key = hive.get_key_by_path("\\" + view)
            for number in range(key.number_of_sub_keys if key else 0):
                values = _values(key.get_sub_key(number))
                if values.get("DisplayName") and not values.get("SystemComponent"):
                    found[values["DisplayName"]] = values["DisplayVersion"]
        return found

    def programs_by_regipy(self, scratch: Path) -> dict[str, str]:
        scratch.write_bytes(self.read(r"Windows\System32\config\SOFTWARE"))
        hive, found = RegistryHive(str(scratch)), {}
        for view in VIEWS.values():
            for key in hive.get_key(f"\\{view}").iter_subkeys():
                values = {value.name: value.value for value in key.iter_values(as_json=True)}
                if values.get("DisplayName") and not values.get("SystemComponent"):
                    found[values["DisplayName"]] = values["DisplayVersion"]
        return found

    def services(self) -> dict[str, int]:
        """Start of each service and driver."""
        key = self.hive("SYSTEM").get_key_by_path(r"\ControlSet001\Services")
        names = [key.get_sub_key(number) for number in range(key.number_of_sub_keys)]
        return {one.name: _values(one)["Start"] for one in names if "Start" in _values(one)}

    def file_version(self, path: str) -> str:
        """As the version resource's texts have it."""
        file = pefile.PE(data=self.read(path))
        tables = [block for block in file.FileInfo[0] if hasattr(block, "StringTable")]
        return str(tables[0].StringTable[0].entries[b"FileVersion"].decode())


def _values(key: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number in range(key.number_of_values):
        value = key.get_value(number)
        if value.type in {1, 2}:
            found[value.name] = value.get_data_as_string()
        elif value.type == 4:
            found[value.name] = value.get_data_as_integer()
    return found
