"""A folder's index: the sorted names of its entries in the record, and in a tree of blocks where they are many."""

import struct
from dataclasses import dataclass
from functools import lru_cache

from lab.stores.ntfs.records import CLUSTER, guarded

BLOCK = CLUSTER
_ENTRIES_AT = 0x40
_BLOCK_ROOM = BLOCK - _ENTRIES_AT
_END_ROOM = 24  # the last entry, which has no name but may have a block below
_BELOW, _LAST = 1, 2


@dataclass(frozen=True)
class Tree:
    """`root` is the value of $INDEX_ROOT; `blocks` those of $INDEX_ALLOCATION, ready to be written."""

    root: bytes
    blocks: tuple[bytes, ...]


@lru_cache(maxsize=1)
def upper_case_table() -> bytes:
    """The volume's $UpCase: the capital of every UTF-16 unit that has one of one unit."""
    units = list(range(0x10000))
    for unit in range(0x10000):
        capital = chr(unit).upper() if not 0xD800 <= unit < 0xE000 else ""
        if len(capital) == 1 and ord(capital) < 0x10000:
            units[unit] = ord(capital)
    return struct.pack("<65536H", *units)


def collation_key(name: str) -> tuple[int, ...]:
    """What names are sorted by."""
    if name.isascii():
        return tuple(name.upper().encode("ascii"))
    table = upper_case_table()
    units = struct.unpack(f"<{len(name.encode('utf-16-le')) // 2}H", name.encode("utf-16-le"))
    return tuple(int.from_bytes(table[2 * unit : 2 * unit + 2], "little") for unit in units)


def entry(reference: int, name: bytes) -> bytes:
    """One name with the file it leads to; `name` is a packed $FILE_NAME."""
    length = (16 + len(name) + 7) & ~7
    return (struct.pack("<QHHHH", reference, length, len(name), 0, 0) + name).ljust(length, b"\0")


def build(entries: list[bytes], *, root_room: int) -> Tree:
    """`entries` are sorted; `root_room` is how many bytes of them the record can take."""
    blocks: list[bytes] = []
    below: list[int | None] = [None] * len(entries)
    last: int | None = None
    while _length(entries, below) + _END_ROOM > root_room:
        entries, below, last = _one_level(entries, below, last, blocks)
    body = _entries(entries, below, last)
    header = struct.pack("<IIIB3x", 16, 16 + len(body), 16 + len(body), 0 if last is None else 1)
    root = struct.pack("<IIIB3x", 0x30, 1, BLOCK, BLOCK // CLUSTER) + header + body
    return Tree(root, tuple(blocks))


def _one_level(
    entries: list[bytes], below: list[int | None], last: int | None, blocks: list[bytes]
) -> tuple[list[bytes], list[int | None], int]:
    """Put the entries into blocks; between two of them one entry rises to the level above."""
    risen: list[bytes] = []
    risen_below: list[int | None] = []
    for start, end in _portions(entries, below):
        is_final = end == len(entries)
        blocks.append(_block(len(blocks), entries[start:end], below[start:end], last if is_final else below[end]))
        if not is_final:
            risen.append(entries[end])
            risen_below.append(len(blocks) - 1)
    return risen, risen_below, len(blocks) - 1


def _portions(entries: list[bytes], below: list[int | None]) -> list[tuple[int, int]]:
    """(start, end) of each block; the entry at `end` rises, and no block stays empty."""
    portions: list[tuple[int, int]] = []
    start, used = 0, 0
    for number, (one, its_block) in enumerate(zip(entries, below, strict=True)):
        size = len(one) + (0 if its_block is None else 8)
        if number > start and used + size + _END_ROOM > _BLOCK_ROOM:
            end = number - 1 if number == len(entries) - 1 else number
            portions.append((start, end))
            start, used = end + 1, 0 if end == number else size
        else:
            used += size
    return [*portions, (start, len(entries))]


def _block(number: int, entries: list[bytes], below: list[int | None], last: int | None) -> bytes:
    body = _entries(entries, below, last)
    length = _ENTRIES_AT - 0x18 + len(body)
    head = struct.pack("<4sHHQQ", b"INDX", 0x28, 9, 0, number)
    head += struct.pack("<IIIB3x", _ENTRIES_AT - 0x18, length, BLOCK - 0x18, 0 if last is None else 1)
    return guarded((head.ljust(_ENTRIES_AT, b"\0") + body).ljust(BLOCK, b"\0"), 0x28)


def _entries(entries: list[bytes], below: list[int | None], last: int | None) -> bytes:
    packed = [one if block is None else _with_block(one, block) for one, block in zip(entries, below, strict=True)]
    end = struct.pack("<QHHHH", 0, 16, 0, _LAST, 0)
    packed.append(end if last is None else _with_block(end, last))
    return b"".join(packed)


def _with_block(one: bytes, block: int) -> bytes:
    length, name_length, flags = struct.unpack_from("<HHH", one, 8)
    return one[:8] + struct.pack("<HHH", length + 8, name_length, flags | _BELOW) + one[14:] + struct.pack("<Q", block)


def _length(entries: list[bytes], below: list[int | None]) -> int:
    return sum(len(one) + (0 if block is None else 8) for one, block in zip(entries, below, strict=True))
