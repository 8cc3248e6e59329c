"""The files that an NTFS volume keeps about itself (records 0 to 23)."""

import struct
from dataclasses import dataclass

from lab.stores.hives.writer import security_descriptor
from lab.stores.ntfs.index import upper_case_table
from lab.stores.ntfs.records import (
    CLUSTER,
    FIRST_FREE_RECORD,
    FOLDER_ATTRIBUTE,
    HIDDEN_SYSTEM,
    IN_USE,
    IS_FOLDER,
    IS_VIEW,
    RECORD,
    ROOT,
    SECTOR,
    SECURITY_ID,
    Extents,
    Name,
    Record,
    Times,
    reference,
    standard_information,
)

MFT_CLUSTERS = 1024  # room for 4,096 records in one piece
LOG_CLUSTERS = 64
_SECURITY_COPY = 0x40000  # the stream of descriptors is kept twice, this far apart
_STREAM_CLUSTERS = _SECURITY_COPY // CLUSTER + 1


@dataclass(frozen=True)
class Geometry:
    """Where the volume lies on its disk, in sectors of 512 bytes, and what it is called."""

    start_sector: int
    sectors: int
    label: str
    serial: int

    @property
    def clusters(self) -> int:
        return (self.sectors - 1) // (CLUSTER // SECTOR)

    @property
    def bitmap_bytes(self) -> int:
        return (self.clusters + 63) // 64 * 8


@dataclass(frozen=True)
class Places:
    """First clusters of the system files: fixed, so that whoever reads the volume again finds them."""

    mft: int
    mirror: int
    log: int
    definitions: int
    capitals: int
    security: int
    bitmap: int
    end: int

    @classmethod
    def of(cls, geometry: Geometry) -> "Places":
        at, found = 4, []
        bitmap = -(-geometry.bitmap_bytes // CLUSTER)
        for clusters in (MFT_CLUSTERS, 1, LOG_CLUSTERS, 1, 32, _STREAM_CLUSTERS, bitmap):
            found.append(at)
            at += clusters
        mft, mirror, log, definitions, capitals, security, bits = found
        return cls(mft, mirror, log, definitions, capitals, security, bits, at)


def boot_sector(geometry: Geometry) -> bytes:
    places = Places.of(geometry)
    sizes = (SECTOR, CLUSTER // SECTOR, 0, 0, 0, 0, 0xF8, 0, 63, 255, geometry.start_sector, 0)
    head = b"\xeb\x52\x90NTFS    " + struct.pack("<HBHBHHBHHHII", *sizes)
    numbers = (0x800080, geometry.sectors - 1, places.mft, places.mirror, -10, 1, geometry.serial, 0)
    head += struct.pack("<IQQQbxxxbxxxQI", *numbers)
    return head.ljust(510, b"\0") + b"\x55\xaa"


def bitmap_head(used: bytearray) -> bytes:
    """One bit a cluster for the first part of the volume; `used` has a byte for each and a multiple of eight."""
    text = bytes(used[::-1]).translate(bytes.maketrans(b"\0\1", b"01"))
    return int(text, 2).to_bytes(len(used) // 8, "little")


def bitmap_tail(geometry: Geometry) -> tuple[int, bytes]:
    """(offset in the bitmap, its last eight bytes): bits behind the end of the volume count as used."""
    offset = geometry.bitmap_bytes - 8
    missing = geometry.bitmap_bytes * 8 - geometry.clusters
    return offset, (((1 << missing) - 1) << (64 - missing)).to_bytes(8, "little")


def security_stream() -> bytes:
    """One descriptor for every file, with its copy."""
    entry = _security_header() + _DESCRIPTOR
    return entry.ljust(_SECURITY_COPY, b"\0") + entry


def attribute_definitions() -> bytes:
    packed = b""
    for kind, name, flags, least, most in _DEFINITIONS:
        packed += name.encode("utf-16-le").ljust(128, b"\0")
        packed += struct.pack("<IIIIqq", kind, 0, 1 if name == "$FILE_NAME" else 0, flags, least, most)
    return packed.ljust(2560, b"\0")


def system_records(geometry: Geometry, at: float, mft_records: int, mft_bitmap: bytes) -> list[Record]:
    """Records 0 to 23 without the root folder, which depends on the files; free ones are empty."""
    places, times = Places.of(geometry), Times(at, at)
    volume = geometry.clusters
    mft = _file(0, "$MFT", times, mft_records * RECORD, MFT_CLUSTERS * CLUSTER)
    mft.add_elsewhere(0x80, [(places.mft, MFT_CLUSTERS)], mft_records * RECORD)
    mft.add(0xB0, mft_bitmap)
    mirror = _stored(1, "$MFTMirr", times, places.mirror, 4 * RECORD)
    log = _stored(2, "$LogFile", times, places.log, LOG_CLUSTERS * CLUSTER)
    label = _file(3, "$Volume", times, 0, 0)
    label.add(0x60, geometry.label.encode("utf-16-le"))
    label.add(0x70, struct.pack("<QBBH", 0, 3, 1, 0))
    label.add(0x80, b"")
    definitions = _stored(4, "$AttrDef", times, places.definitions, 2560)
    bitmap = _stored(6, "$Bitmap", times, places.bitmap, geometry.bitmap_bytes)
    boot = _stored(7, "$Boot", times, 0, 2 * CLUSTER)
    bad = _file(8, "$BadClus", times, 0, 0)
    bad.add(0x80, b"")
    bad.add_elsewhere(0x80, [(-1, volume)], volume * CLUSTER, name="$Bad", initialized=0)
    capitals = _stored(10, "$UpCase", times, places.capitals, len(upper_case_table()))
    extend = _file(11, "$Extend", times, 0, 0, extra=FOLDER_ATTRIBUTE)
    extend.flags = IN_USE | IS_FOLDER
    extend.add(0x90, _empty_index(0x30, 1), name="$I30", is_indexed=False)
    reserved = [_reserved(number, times) for number in range(12, 16)]
    free = [Record(number, sequence=1, flags=0) for number in range(16, FIRST_FREE_RECORD)]
    secure = _secure(times, places)
    return [mft, mirror, log, label, definitions, bitmap, boot, bad, secure, capitals, extend, *reserved, *free]


def system_names(geometry: Geometry, at: float, mft_records: int) -> list[tuple[str, int, Name]]:
    """(name, file reference, entry) of the system files as the root's index lists them."""
    sizes = {
        0: ("$MFT", mft_records * RECORD, MFT_CLUSTERS),
        1: ("$MFTMirr", 4 * RECORD, 1),
        2: ("$LogFile", LOG_CLUSTERS * CLUSTER, LOG_CLUSTERS),
        3: ("$Volume", 0, 0),
        4: ("$AttrDef", 2560, 1),
        5: (".", 0, 0),
        6: ("$Bitmap", geometry.bitmap_bytes, -(-geometry.bitmap_bytes // CLUSTER)),
        7: ("$Boot", 2 * CLUSTER, 2),
        8: ("$BadClus", 0, 0),
        9: ("$Secure", 0, 0),
        10: ("$UpCase", 131_072, 32),
        11: ("$Extend", 0, 0),
    }
    found = []
    for number, (text, size, clusters) in sizes.items():
        extra = FOLDER_ATTRIBUTE if number in {ROOT, 11} else 0
        name = _system_name(text, Times(at, at), size, clusters * CLUSTER, extra)
        found.append((text, reference(number, max(number, 1)), name))
    return found


def _system_name(text: str, times: Times, size: int, allocated: int, extra: int = 0) -> Name:
    return Name(reference(ROOT, ROOT), text, times, size, allocated, HIDDEN_SYSTEM | extra)


def _file(number: int, text: str, times: Times, size: int, allocated: int, *, extra: int = 0) -> Record:
    record = Record(number, max(number, 1))
    record.add(0x10, standard_information(times, HIDDEN_SYSTEM))
    record.add(0x30, _system_name(text, times, size, allocated, extra).pack(), is_indexed=True)
    return record


def _stored(number: int, text: str, times: Times, first: int, size: int) -> Record:
    extents: Extents = [(first, -(-size // CLUSTER))]
    record = _file(number, text, times, size, extents[0][1] * CLUSTER)
    record.add_elsewhere(0x80, extents, size)
    return record


def _reserved(number: int, times: Times) -> Record:
    record = Record(number, number)
    record.add(0x10, standard_information(times, HIDDEN_SYSTEM))
    record.add(0x80, b"")
    return record


_DESCRIPTOR = security_descriptor(full=0x1F01FF, read=0x1200A9)


def _security_header() -> bytes:
    value = 0
    for (word,) in struct.iter_unpack("<I", _DESCRIPTOR):
        value = (word + ((value << 3 | value >> 29) & 0xFFFFFFFF)) & 0xFFFFFFFF
    return struct.pack("<IIQI", value, SECURITY_ID, 0, 20 + len(_DESCRIPTOR))


def _secure(times: Times, places: Places) -> Record:
    record = _file(9, "$Secure", times, 0, 0)
    record.flags = IN_USE | IS_VIEW
    header = _security_header()
    size = _SECURITY_COPY + len(header) + len(_DESCRIPTOR)
    record.add_elsewhere(0x80, [(places.security, _STREAM_CLUSTERS)], size, name="$SDS")
    by_hash = _view_entry(header[:8], header + b"I\0I\0")
    by_number = _view_entry(header[4:8], header)
    record.add(0x90, _empty_index(0, 0x12, by_hash), name="$SDH")
    record.add(0x90, _empty_index(0, 0x10, by_number), name="$SII")
    return record


def _view_entry(key: bytes, data: bytes) -> bytes:
    start = 16 + len(key)
    length = (start + len(data) + 7) & ~7
    head = struct.pack("<HHIHHHH", start, 20, 0, length, len(key), 0, 0)
    return (head + key + data).ljust(length, b"\0")


def _empty_index(kind: int, collation: int, entries: bytes = b"") -> bytes:
    body = entries + struct.pack("<QHHHH", 0, 16, 0, 2, 0)
    length = 16 + len(body)
    return struct.pack("<IIIB3xIIIB3x", kind, collation, CLUSTER, 1, 16, length, length, 0) + body


_INDEXABLE, _RESIDENT, _ANYWHERE = 0x02, 0x40, 0x80
_ANY_SIZE = (0, -1)
_DEFINITIONS: tuple[tuple[int, str, int, int, int], ...] = (
    (0x10, "$STANDARD_INFORMATION", _RESIDENT, 0x30, 0x48),
    (0x20, "$ATTRIBUTE_LIST", _ANYWHERE, *_ANY_SIZE),
    (0x30, "$FILE_NAME", _RESIDENT | _INDEXABLE, 0x44, 0x242),
    (0x40, "$OBJECT_ID", _RESIDENT, 0, 0x100),
    (0x50, "$SECURITY_DESCRIPTOR", _ANYWHERE, *_ANY_SIZE),
    (0x60, "$VOLUME_NAME", _RESIDENT, 2, 0x100),
    (0x70, "$VOLUME_INFORMATION", _RESIDENT, 0xC, 0xC),
    (0x80, "$DATA", 0, *_ANY_SIZE),
    (0x90, "$INDEX_ROOT", _RESIDENT, *_ANY_SIZE),
    (0xA0, "$INDEX_ALLOCATION", _ANYWHERE, *_ANY_SIZE),
    (0xB0, "$BITMAP", _ANYWHERE, *_ANY_SIZE),
    (0xC0, "$REPARSE_POINT", _ANYWHERE, 0, 0x4000),
    (0xD0, "$EA_INFORMATION", _RESIDENT, 8, 8),
    (0xE0, "$EA", 0, 0, 0x10000),
    (0x100, "$LOGGED_UTILITY_STREAM", _ANYWHERE, 0, 0x10000),
)
