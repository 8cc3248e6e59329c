"""Version and maker of a program file, from its resources; only its headers and its resources are read."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pefile

from builders.inspection.errors import Damaged, Unsupported
from builders.inspection.inventory.finding import Volume

MOST_FILE = 256 << 20
MOST_HEADER = 4096
MOST_RESOURCES = 4 << 20
MOST_DISTANCE = 32 << 20
"""Resources that lie deeper in a file than this are not looked for: the reader wants all that lies before them."""


@dataclass(frozen=True)
class FileVersion:
    version: str
    company: str


def version_of(volume: Volume, path: str) -> FileVersion | None:
    """None for a file without a version. FileNotFoundError, OSError; Unreadable for what is no program file."""
    opened = volume.open(path)
    head = opened.read(MOST_HEADER)
    place = _resources(head)
    if place is None:
        return None
    start, length = place
    opened.seek(start)
    content = head + bytes(max(start - len(head), 0))
    content = content[:start] + opened.read(min(length, MOST_RESOURCES))
    return version_in(content)


def version_in(content: bytes) -> FileVersion | None:
    """The same from a file's bytes."""
    try:
        program = pefile.PE(data=content, fast_load=True)
        program.parse_data_directories(directories=[pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_RESOURCE"]])
        return _found_in(program)
    except pefile.PEFormatError as error:
        raise Damaged(f"it is no program file that can be read: {error}") from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error, RecursionError) as error:
        raise Damaged(f"its version cannot be read: {type(error).__name__}") from error


def _found_in(program: pefile.PE) -> FileVersion | None:
    fixed = next(iter(getattr(program, "VS_FIXEDFILEINFO", ())), None)
    texts = _texts(program)
    if fixed is None and not texts:
        return None
    return FileVersion(_numbers(fixed) or _plain(texts.get("FileVersion", "")), texts.get("CompanyName", "")[:200])


def _numbers(fixed: pefile.Structure | None) -> str:
    if fixed is None or not (fixed.FileVersionMS or fixed.FileVersionLS):
        return ""
    high, low = fixed.FileVersionMS, fixed.FileVersionLS
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"


def _texts(program: pefile.PE) -> dict[str, str]:
    found = {}
    for infos in getattr(program, "FileInfo", ()):
        for info in infos:
            for table in getattr(info, "StringTable", ()):
                for key, value in table.entries.items():
                    found[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace").strip("\0 ")
    return found


def _plain(version: str) -> str:
    return version.replace(", ", ".").replace(",", ".").split(" ")[0][:60]


def _resources(head: bytes) -> tuple[int, int] | None:
    """Where in the file the section with the resources lies: start and length in bytes; None without one."""
    if head[:2] != b"MZ" or len(head) < 64:
        raise Damaged("it is no program file")
    at = struct.unpack_from("<I", head, 60)[0]
    if head[at : at + 4] != b"PE\0\0" or at + 24 + 240 > len(head):
        raise Damaged("it is no program file, or an unusual one")
    sections, optional = struct.unpack_from("<H", head, at + 6)[0], struct.unpack_from("<H", head, at + 20)[0]
    is_wide = struct.unpack_from("<H", head, at + 24)[0] == 0x20B
    wanted = struct.unpack_from("<I", head, at + 24 + (112 if is_wide else 96) + 16)[0]
    for number in range(min(sections, 96)):
        entry = at + 24 + optional + number * 40
        if entry + 40 > len(head):
            break
        size, address, length, start = struct.unpack_from("<IIII", head, entry + 8)
        if wanted and address <= wanted < address + max(size, length):
            if start >= MOST_DISTANCE:
                raise Unsupported(f"its version lies {start:,} bytes inside of it, further than is read")
            return start, length
    return None
