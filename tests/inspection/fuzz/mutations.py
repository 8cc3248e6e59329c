"""Damage to the bytes of an image: where it strikes, how, and with checksums made good where only that leads deeper."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from builders.inspection.images.crc32c import crc32c

Patch = tuple[int, bytes]
Place = tuple[int, int]
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1)
HEADERS, REGIONS = (0x10000, 0x20000), (0x30000, 0x40000)


@dataclass(frozen=True)
class Target:
    """``kind``: image, table, ntfs or hive. ``places`` are start and length in the file."""

    kind: str
    places: tuple[Place, ...]


def mutated(data: bytes, target: Target, chance: Random) -> list[Patch]:
    """One to four strikes, as patches of the file in the order in which they apply."""
    patches = []
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        start, length = chance.choice(target.places)
        at = start + chance.randrange(length)
        patches.append(chance.choice(STRIKES)(data, at, len(data), chance))
    if chance.random() < 0.7:
        patches += _made_good(data, target, patches)
    return patches


def _flip(data: bytes, at: int, _: int, chance: Random) -> Patch:
    return at, bytes([data[at] ^ 1 << chance.randrange(8)])


def _noise(_: bytes, at: int, end: int, chance: Random) -> Patch:
    return at, chance.randbytes(min(chance.choice((1, 2, 4, 16, 64)), end - at))


def _extreme(_: bytes, at: int, end: int, chance: Random) -> Patch:
    size = chance.choice((1, 2, 4, 8))
    value = chance.choice(EXTREMES) & (1 << 8 * size) - 1
    at -= at % size
    return at, value.to_bytes(size, "little")[: end - at]


def _blank(_: bytes, at: int, end: int, chance: Random) -> Patch:
    at -= at % 512
    return at, chance.choice((b"\0", b"\xff")) * min(512, end - at)


def _moved(data: bytes, at: int, end: int, chance: Random) -> Patch:
    """What stands a little way off, here as well: sound structures in the wrong place."""
    size = min(chance.choice((8, 64, 512, 1024)), end - at)
    source = max(0, min(at + chance.randrange(-8192, 8192), len(data) - size))
    return at, data[source : source + size]


STRIKES: tuple[Callable[[bytes, int, int, Random], Patch], ...] = (_flip, _noise, _extreme, _extreme, _blank, _moved)


def applied(data: bytes, patches: list[Patch], start: int, length: int) -> bytes:
    piece = bytearray(data[start : start + length])
    for at, new in patches:
        first, last = max(at, start), min(at + len(new), start + len(piece))
        if first < last:
            piece[first - start : last - start] = new[first - at : last - at]
    return bytes(piece)


def _made_good(data: bytes, target: Target, patches: list[Patch]) -> list[Patch]:
    found: list[Patch] = []
    for at, _ in patches:
        for base, size in [(each, 4096) for each in HEADERS] + [(each, 65536) for each in REGIONS]:
            if target.kind == "image" and base <= at < base + size:
                record = applied(data, patches, base, size)
                found.append((base + 4, struct.pack("<I", crc32c(record[:4] + bytes(4) + record[8:]))))
    if target.kind == "hive":
        for start in {start for start, _ in target.places if data[start : start + 4] == b"regf"}:
            words = struct.unpack("<127I", applied(data, patches, start, 508))
            total = 0
            for word in words:
                total ^= word
            found.append((start + 508, struct.pack("<I", {0: 1, 0xFFFFFFFF: 0xFFFFFFFE}.get(total, total))))
    return found
