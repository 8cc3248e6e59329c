"""Installers for tests, written byte by byte: compound files with the tables of a Windows Installer package, and
programs with a version resource. Nothing here installs anything."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from lifecycle.installers.tables import stream_name

SECTOR, MINI, CUTOFF = 512, 64, 4096
FREE, END, FAT_SECTOR, NOBODY = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF

PROPERTIES = {
    "ProductName": "7-Zip 24.08 (x64 edition)",
    "ProductVersion": "24.08.00.0",
    "Manufacturer": "Igor Pavlov",
    "ProductCode": "{23170F69-40C1-2702-2408-000001000000}",
    "UpgradeCode": "{23170F69-40C1-2702-0000-000004000000}",
}


# --- compound files


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file of version 3 with these streams beneath its root; short ones lie in the mini stream."""
    mini, mini_fat, starts = _mini_stream({name: data for name, data in streams.items() if len(data) < CUTOFF})
    body = _Sectors()
    for name, data in streams.items():
        if len(data) >= CUTOFF:
            starts[name] = body.add(data)
    root_start = body.add(mini) if mini else END
    mini_fat_data = struct.pack(f"<{len(mini_fat)}I", *mini_fat)
    mini_fat_start = body.add(mini_fat_data, fill=b"\xff") if mini_fat else END
    names = list(streams)
    entries = [_entry("Root Entry", 5, root_start, len(mini), child=1 if names else NOBODY)]
    for index, name in enumerate(names, start=1):
        right = index + 1 if index < len(names) else NOBODY
        entries.append(_entry(name, 2, starts[name], len(streams[name]), right=right))
    while len(entries) % 4:
        entries.append(_entry("", 0, 0, 0))
    directory = body.add(b"".join(entries))
    fat_sectors = 1
    while fat_sectors * 128 < len(body.fat) + fat_sectors:
        fat_sectors += 1
    first_fat = len(body.fat)
    fat = [*body.fat, *[FAT_SECTOR] * fat_sectors]
    fat += [FREE] * (fat_sectors * 128 - len(fat))
    difat = [*range(first_fat, first_fat + fat_sectors)]
    difat += [FREE] * (109 - len(difat))
    mini_sectors = -(-len(mini_fat_data) // SECTOR)
    head = struct.pack(
        "<8s16xHHHHH6x9I",
        bytes.fromhex("d0cf11e0a1b11ae1"),
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        0,
        fat_sectors,
        directory,
        0,
        CUTOFF,
        mini_fat_start,
        mini_sectors,
        END,
        0,
    )
    assert len(head) == 76
    return head + struct.pack("<109I", *difat) + b"".join(body.data) + struct.pack(f"<{len(fat)}I", *fat)


class _Sectors:
    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.fat: list[int] = []

    def add(self, data: bytes, fill: bytes = b"\0") -> int:
        start = len(self.fat)
        count = -(-len(data) // SECTOR)
        self.data.append(data.ljust(count * SECTOR, fill))
        self.fat += [*range(start + 1, start + count), END]
        return start


def _mini_stream(streams: Mapping[str, bytes]) -> tuple[bytes, list[int], dict[str, int]]:
    data, fat, starts = b"", [], {}
    for name, content in streams.items():
        start = len(fat)
        count = -(-len(content) // MINI)
        starts[name] = start if count else END
        data += content.ljust(count * MINI, b"\0")
        fat += [*range(start + 1, start + count), END] if count else []
    return data, fat, starts


def _entry(name: str, kind: int, start: int, size: int, *, right: int = NOBODY, child: int = NOBODY) -> bytes:
    encoded = (name + "\0").encode("utf-16-le") if name else b""
    return struct.pack(
        "<64sHBBIII16sIQQIQ", encoded, len(encoded), kind, 1, NOBODY, right, child, b"", 0, 0, 0, start, size
    )


# --- Windows Installer packages


def msi(
    properties: Mapping[str, str] = PROPERTIES,
    *,
    template: str | None = "x64;1033",
    code_page: int = 1252,
    wide: bool = False,
    unused: Sequence[bytes] = (),
    long_in_second: bool = True,
    extra: Mapping[str, bytes] | None = None,
) -> bytes:
    """``unused`` strings stand in the pool before those of the properties; ``wide`` makes references of three bytes."""
    codec = "utf-8" if code_page == 65001 else f"cp{code_page}"
    texts = [*unused, *(part.encode(codec) for pair in properties.items() for part in pair)]
    pool = struct.pack("<I", code_page | (0x8000_0000 if wide else 0))
    for text in texts:
        if len(text) < 0x10000:
            pool += struct.pack("<HH", len(text), 1 if text else 0)
        elif long_in_second:
            pool += struct.pack("<HHI", 0, 1, len(text))
        else:
            pool += struct.pack("<HHHH", 0, len(text) >> 16, len(text) & 0xFFFF, 1)
    width, first = (3 if wide else 2), len(unused) + 1
    references = [n.to_bytes(width, "little") for n in range(first, first + 2 * len(properties))]
    streams = {
        stream_name("_StringPool"): pool,
        stream_name("_StringData"): b"".join(texts),
        stream_name("Property"): b"".join(references[::2]) + b"".join(references[1::2]),
        **(extra or {}),
    }
    if template is not None:
        streams["\x05SummaryInformation"] = summary(template)
    return compound(streams)


def summary(template: str) -> bytes:
    """A property set with the code page and the template."""
    text = template.encode("ascii") + b"\0"
    values = struct.pack("<II", 2, 1252) + struct.pack("<II", 30, len(text)) + text.ljust(-(-len(text) // 4) * 4, b"\0")
    section = struct.pack("<IIIIII", 24 + len(values), 2, 1, 24, 7, 32) + values
    identity = bytes.fromhex("e0859ff2f94f6810ab9108002b27b3d9")
    return struct.pack("<HHI16sI16sI", 0xFFFE, 0, 0x00020006, b"", 1, identity, 48) + section


# --- programs


def program(
    texts: Mapping[str, str] | None = None,
    *,
    machine: int = 0x14C,
    sections: Sequence[bytes] = (),
    image: bytes = b"",
    payload: bytes = b"",
) -> bytes:
    """A program with a version resource; ``image`` stands within it, ``payload`` behind it."""
    is_wide = machine != 0x14C
    optional = 240 if is_wide else 224
    names = [b".rsrc", *sections]
    headers = 64 + 24 + optional + 40 * len(names)
    start = -(-headers // 512) * 512
    rva = 0x1000
    resource = _resource(_version(texts or {}), rva) + image
    size = -(-len(resource) // 512) * 512
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", machine, len(names), 0, 0, 0, optional, 0x102)
    head = struct.pack("<HBBIIIII", 0x20B if is_wide else 0x10B, 14, 0, 0, size, 0, rva, rva)
    head += struct.pack("<QII", 0x140000000, 0x1000, 512) if is_wide else struct.pack("<IIII", 0, 0x400000, 0x1000, 512)
    head += struct.pack("<HHHHHHIIIIHH", 6, 0, 0, 0, 6, 0, 0, 0x1000 * 8, start, 0, 2, 0)
    head += struct.pack("<QQQQ" if is_wide else "<IIII", 0x100000, 0x1000, 0x100000, 0x1000)
    head += struct.pack("<II", 0, 16)
    head += b"".join(struct.pack("<II", *((rva, len(resource)) if number == 2 else (0, 0))) for number in range(16))
    assert len(head) == optional
    table = b""
    for number, name in enumerate(names):
        at = (size, rva, size, start) if number == 0 else (16, rva + 0x1000 * (number + 4), 0, 0)
        table += struct.pack("<8sIIIIIIHHI", name, *at, 0, 0, 0, 0, 0x40000040)
    return (dos + coff + head + table).ljust(start, b"\0") + resource.ljust(size, b"\0") + payload


def _resource(version: bytes, rva: int) -> bytes:
    """A tree of three levels (type 16, name 1, language 1033) down to the version resource."""
    folder = struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 1)
    tree = folder + struct.pack("<II", 16, 0x80000000 | 24)
    tree += folder + struct.pack("<II", 1, 0x80000000 | 48)
    tree += folder + struct.pack("<II", 1033, 72)
    return tree + struct.pack("<IIII", rva + 88, len(version), 0, 0) + version


def _version(texts: Mapping[str, str]) -> bytes:
    strings = b"".join(_block(key, value) for key, value in texts.items())
    table = _block("StringFileInfo", children=_block("040904B0", children=strings))
    fixed = struct.pack("<13I", 0xFEEF04BD, 0x10000, 0, 0, 0, 0, 0x3F, 0, 4, 1, 0, 0, 0)
    return _block("VS_VERSION_INFO", fixed, table)


def _block(key: str, value: str | bytes = b"", children: bytes = b"") -> bytes:
    is_text = isinstance(value, str)
    data = (value + "\0").encode("utf-16-le") if isinstance(value, str) else value
    head = _padded(b"\0" * 6 + (key + "\0").encode("utf-16-le"))
    body = head + (_padded(data) if children else data) + children
    counted = len(data) // 2 if is_text else len(data)
    return _padded(struct.pack("<HHH", len(body), counted, int(is_text or not data)) + body[6:])


def _padded(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // 4) * 4, b"\0")
