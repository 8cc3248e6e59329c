"""Records of the file table made by hand, for what the lab's writer does not make and no tool makes without Windows."""

import struct

from lab.stores.hives.writer import filetime
from lab.stores.ntfs.records import Name, Record, Times, reference, standard_information

ROOT = reference(5, 5)
TIMES = Times(1_600_000_000.0, 1_650_000_000.0)
IN_USE, IS_FOLDER = 1, 2
COMPRESSED, ENCRYPTED, SPARSE = 0x0001, 0x4000, 0x8000
MODIFIED = filetime(TIMES.modified)


def name(text: str, parent: int = ROOT, *, kind: int | None = None) -> bytes:
    packed = bytearray(Name(parent, text, TIMES, 0, 0, 0).pack())
    if kind is not None:
        packed[65] = kind
    return bytes(packed)


def file(number: int, text: str, *, sequence: int = 1, parent: int = ROOT, flags: int = IN_USE) -> Record:
    """A record with times and one name; the caller adds what it holds."""
    record = Record(number, sequence, flags)
    record.add(0x10, standard_information(TIMES, 0x20))
    record.add(0x30, name(text, parent))
    return record


def with_flags(record: Record, flags: int) -> Record:
    """Marks the last attribute as compressed, encrypted or sparse."""
    last = bytearray(record._parts[-1])
    last[12:14] = struct.pack("<H", flags)
    record._parts[-1] = bytes(last)
    return record


def from_cluster(record: Record, first: int) -> Record:
    """Makes the last attribute a piece that begins with a stream's cluster ``first``."""
    last = bytearray(record._parts[-1])
    low, high = struct.unpack_from("<QQ", last, 16)
    last[16:32] = struct.pack("<QQ", first, first + high - low)
    record._parts[-1] = bytes(last)
    return record


def belonging_to(packed: bytes, base: int) -> bytes:
    """The record as one that goes on with another."""
    return packed[:32] + struct.pack("<Q", base) + packed[40:]


def reparse(tag: int, content: bytes = b"") -> bytes:
    return struct.pack("<IHH", tag, len(content), 0) + content


def listed(*attributes: tuple[int, int, int]) -> bytes:
    """A list of attributes: kind, first cluster, reference to the record that holds it."""
    return b"".join(struct.pack("<IHBBQQH6x", kind, 32, 0, 26, first, record, 0) for kind, first, record in attributes)


def compressed_letters(record: Record, first: int, letters: str) -> tuple[Record, bytes]:
    """Adds data that NTFS compressed: 64 KiB of each letter, each in one cluster from ``first`` on; and the bytes of
    these clusters."""
    runs = b"".join(
        bytes([0x31, 1]) + (first if not index else 1).to_bytes(3, "little") + bytes([0x01, 15])
        for index in range(len(letters))
    )
    size = len(letters) << 16
    length = (72 + len(runs) + 1 + 7) & ~7
    sizes = (size, size, size, len(letters) * 4096)
    header = struct.pack(
        "<IIBBHHHQQHHIQQQQ", 0x80, length, 1, 0, 72, COMPRESSED, 2, 0, 16 * len(letters) - 1, 72, 4, 0, *sizes
    )
    record._parts.append((header + runs).ljust(length, b"\0"))
    one = {letter: (bytes.fromhex("03b002") + letter.encode() + bytes.fromhex("fc0f")) * 16 for letter in letters}
    return record, b"".join(one[letter].ljust(4096, b"\0") for letter in letters)
