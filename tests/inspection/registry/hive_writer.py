"""Writes registry hives for tests: its own code, so that reader and writer cannot share a mistake with the lab's."""

from __future__ import annotations

import bisect
import struct
from dataclasses import dataclass, field

from builders.inspection.registry.logs import marvin

SZ, EXPAND, BINARY, DWORD, MULTI, QWORD = 1, 2, 3, 4, 7, 11
NONE = 0xFFFFFFFF
WRITTEN = 133545168000000000
"""2024-03-10T04:00:00Z as a FILETIME."""
Typed = tuple[int, bytes]
Value = str | int | bytes | list | tuple


@dataclass
class Node:
    name: str
    values: dict[str, Typed] = field(default_factory=dict)
    below: dict[str, Node] = field(default_factory=dict)
    written: int = WRITTEN

    def at(self, path: str) -> Node:
        node = self
        for name in filter(None, path.split("\\")):
            node = node.below.setdefault(name.upper(), Node(name))
        return node


@dataclass
class HiveWriter:
    """``put`` keys, then ``content``. ``lists``: which kind of list of keys, lh, lf or li."""

    lists: str = "lh"
    leaf: int = 100
    root: Node = field(default_factory=lambda: Node("ROOT"))

    def put(self, path: str, values: dict[str, Value] | None = None, **named: Value) -> HiveWriter:
        node = self.root.at(path)
        for name, value in {**(values or {}), **named}.items():
            node.values[name] = typed(value)
        return self

    def content(self, *, sequence: int = 1, dirty: bool = False, at_least: int = 0) -> bytes:
        cells = _Cells(self)
        root = cells.node(self.root, NONE, is_root=True)
        bins = cells.bins(at_least)
        return head(sequence, sequence - dirty, root, len(bins)) + bins


def typed(value: Value) -> Typed:
    if isinstance(value, tuple):
        return value
    if isinstance(value, bool | int):
        return (DWORD, struct.pack("<I", value)) if value < 1 << 32 else (QWORD, struct.pack("<Q", value))
    if isinstance(value, str):
        return SZ, (value + "\0").encode("utf-16-le")
    if isinstance(value, list):
        return MULTI, ("".join(part + "\0" for part in value) + "\0").encode("utf-16-le")
    return BINARY, value


def head(primary: int, secondary: int, root: int, bins: int) -> bytes:
    start = struct.pack("<4sIIQIIIIIII", b"regf", primary, secondary, WRITTEN, 1, 5, 0, 1, root, bins, 1)
    return signed(start.ljust(4096, b"\0"))


def signed(content: bytes) -> bytes:
    """The head's checksum put right."""
    check = 0
    for (word,) in struct.iter_unpack("<I", content[:508]):
        check ^= word
    check = {0xFFFFFFFF: 0xFFFFFFFE, 0: 1}.get(check, check)
    return content[:508] + struct.pack("<I", check) + content[512:]


def log_of(before: bytes, after: bytes, *, sequence: int, page: int = 512) -> bytes:
    """A log with one entry that makes ``after`` of ``before`` (the bins of both as long as each other, or longer)."""
    return head(sequence, sequence, 0x20, 0)[:512] + entry(before, after, sequence=sequence, page=page)


def entry(before: bytes, after: bytes, *, sequence: int, page: int = 512) -> bytes:
    changed = [
        (at, after[4096 + at : 4096 + at + page])
        for at in range(0, len(after) - 4096, page)
        if after[4096 + at : 4096 + at + page] != before[4096 + at : 4096 + at + page]
    ]
    body = b"".join(struct.pack("<II", at, page) for at, _ in changed) + b"".join(content for _, content in changed)
    size = -(-(40 + len(body)) // 512) * 512
    start = struct.pack("<4sIIIII", b"HvLE", size, 0, sequence, len(after) - 4096, len(changed))
    body = body.ljust(size - 40, b"\0")
    start += struct.pack("<Q", marvin(body))
    return start + struct.pack("<Q", marvin(start)) + body


def old_log_of(before: bytes, after: bytes) -> bytes:
    """The kind of log that Windows wrote up to version 8."""
    pages = (len(after) - 4096) // 512
    bitmap, content = bytearray(pages // 8), b""
    for number in range(pages):
        page = after[4096 + number * 512 : 4608 + number * 512]
        if page != before[4096 + number * 512 : 4608 + number * 512]:
            bitmap[number // 8] |= 1 << number % 8
            content += page
    vector = b"DIRT" + bytes(bitmap)
    return head(1, 1, 0x20, 0)[:512] + vector.ljust(-(-len(vector) // 512) * 512, b"\0") + content


class _Cells:
    """Cells in bins; a cell never crosses the border of its bin."""

    def __init__(self, writer: HiveWriter) -> None:
        self._writer = writer
        self._bins: list[bytearray] = []
        self._sizes: list[int] = []
        self._starts: list[int] = []
        self._security: int | None = None

    def add(self, content: bytes) -> int:
        length = (len(content) + 4 + 7) // 8 * 8
        if not self._bins or len(self._bins[-1]) + length > self._sizes[-1]:
            self._begin((length + 32 + 4095) // 4096 * 4096)
        start = self._starts[-1] + len(self._bins[-1])
        self._bins[-1] += struct.pack("<i", -length) + content.ljust(length - 4, b"\0")
        return start

    def fill_in(self, offset: int, content: bytes) -> None:
        number = bisect.bisect_right(self._starts, offset) - 1
        at = offset - self._starts[number] + 4
        self._bins[number][at : at + len(content)] = content

    def _begin(self, size: int) -> None:
        self._starts.append(self._starts[-1] + self._sizes[-1] if self._sizes else 0)
        self._sizes.append(size)
        self._bins.append(bytearray(32))

    def node(self, node: Node, parent: int, *, is_root: bool = False) -> int:
        name, narrow = _name(node.name)
        place = self.add(bytes(76 + len(name)))
        if self._security is None:
            self._security = self.add(_security(0))
            self.fill_in(self._security, _security(self._security))
        keys = sorted(node.below.values(), key=lambda key: key.name.upper())
        below = [(self.node(key, place), key.name) for key in keys]
        values = [self._value(name, kind, data) for name, (kind, data) in node.values.items()]
        values_at = self.add(struct.pack(f"<{len(values)}I", *values)) if values else NONE
        flags = (0x20 if narrow else 0) | (0x0C if is_root else 0)
        content = struct.pack("<2sHQII", b"nk", flags, node.written, 0, parent if parent != NONE else 0)
        content += struct.pack("<IIII", len(below), 0, self._listed(below), NONE)
        content += struct.pack("<IIII", len(values), values_at, self._security, NONE)
        longest = max((len(key.name) * 2 for key in keys), default=0)
        widest = max((len(value) * 2 for value in node.values), default=0)
        most = max((len(data) for _, data in node.values.values()), default=0)
        content += struct.pack("<IIIIIHH", longest, 0, widest, most, 0, len(name), 0) + name
        self.fill_in(place, content)
        return place

    def _listed(self, below: list[tuple[int, str]]) -> int:
        if not below:
            return NONE
        size = self._writer.leaf
        leaves = [self._leaf(below[at : at + size]) for at in range(0, len(below), size)]
        if len(leaves) == 1:
            return leaves[0]
        return self.add(struct.pack(f"<2sH{len(leaves)}I", b"ri", len(leaves), *leaves))

    def _leaf(self, below: list[tuple[int, str]]) -> int:
        kind = self._writer.lists
        content = struct.pack("<2sH", kind.encode(), len(below))
        for offset, name in below:
            content += struct.pack("<I", offset)
            if kind == "lh":
                hashed = 0
                for letter in name.upper():
                    hashed = (hashed * 37 + ord(letter)) & 0xFFFFFFFF
                content += struct.pack("<I", hashed)
            elif kind == "lf":
                content += name.encode("latin-1", "replace")[:4].ljust(4, b"\0")
        return self.add(content)

    def _value(self, name: str, kind: int, data: bytes) -> int:
        if len(data) <= 4:
            place, size = struct.unpack("<I", data.ljust(4, b"\0"))[0], len(data) | 0x80000000
        elif len(data) <= 16344:
            place, size = self.add(data), len(data)
        else:
            parts = [self.add(data[at : at + 16344]) for at in range(0, len(data), 16344)]
            listed = self.add(struct.pack(f"<{len(parts)}I", *parts))
            place, size = self.add(struct.pack("<2sHII", b"db", len(parts), listed, 0)), len(data)
        written, narrow = _name(name)
        flags = 1 if narrow and written else 0
        return self.add(struct.pack("<2sHIIIHH", b"vk", len(written), size, place, kind, flags, 0) + written)

    def bins(self, at_least: int) -> bytes:
        while sum(self._sizes) < at_least:
            self._begin(4096)
        whole = bytearray()
        for held, size in zip(self._bins, self._sizes, strict=True):
            held[:32] = struct.pack("<4sIIQQI", b"hbin", len(whole), size, 0, WRITTEN, 0)
            left = size - len(held)
            whole += bytes(held) + (struct.pack("<i", left) + bytes(left - 4) if left else b"")
        return bytes(whole)


def _name(name: str) -> tuple[bytes, bool]:
    try:
        return name.encode("latin-1"), True
    except UnicodeEncodeError:
        return name.encode("utf-16-le"), False


def _security(place: int) -> bytes:
    """The only one of its kind: its neighbours are itself."""
    everyone = bytes.fromhex("010100000000000100000000")
    access = struct.pack("<BBHI", 0, 2, 8 + len(everyone), 0xF003F) + everyone
    rights = struct.pack("<BBHHH", 2, 0, 8 + len(access), 1, 0) + access
    start = struct.pack("<BBHIIII", 1, 0, 0x8004, 20, 20 + len(everyone), 0, 20 + 2 * len(everyone))
    descriptor = start + everyone + everyone + rights
    return struct.pack("<2sHIIII", b"sk", 0, place, place, 1, len(descriptor)) + descriptor
