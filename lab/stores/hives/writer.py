"""A whole hive file from a tree of keys (format 1.5, as Windows writes it since XP)."""

import struct

from lab.stores.hives.cells import NOTHING, Cells
from lab.stores.hives.tree import Key, Kind

_EPOCH_SECONDS = 11_644_473_600  # from 1601, where file times begin, to 1970
_INLINE = 0x80000000
_SEGMENT = 16_344  # bytes of a value in one cell; longer ones are cut up
_LEAF = 500  # keys in one list
_PLAIN_NAME = 0x20
_ROOT = 0x0C  # root of a hive, which cannot be deleted

_KEY = struct.Struct("<2sHQIIIIIIIIIIIIIIIHH")
_VALUE = struct.Struct("<2sHIIIHH")


def filetime(at: float) -> int:
    """Unix time as a count of 100 ns since 1601."""
    return int((at + _EPOCH_SECONDS) * 10_000_000)


def _identity(*parts: int, authority: int = 5) -> bytes:
    return struct.pack("<BB", 1, len(parts)) + authority.to_bytes(6, "big") + struct.pack(f"<{len(parts)}I", *parts)


def security_descriptor(*, full: int, read: int) -> bytes:
    """Administrators own it; they and the system have the `full` rights, everyone the `read` rights."""
    administrators, system, everyone = _identity(32, 544), _identity(18), _identity(0, authority=1)
    rights = ((full, administrators), (full, system), (read, everyone))
    entries = b"".join(struct.pack("<BBHI", 0, 2, 8 + len(who), mask) + who for mask, who in rights)
    rules = struct.pack("<BBHHH", 2, 0, 8 + len(entries), len(rights), 0) + entries
    owner = 20
    group = owner + len(administrators)
    start = group + len(administrators)
    return struct.pack("<BBHIIII", 1, 0, 0x8004, owner, group, 0, start) + administrators * 2 + rules


_SECURITY = security_descriptor(full=0xF003F, read=0x20019)


def render(root: Key, *, file_name: str, at: float, sequence: int = 1) -> bytes:
    """The file's bytes. `file_name` stands in the header; `sequence` counts how often it was written."""
    return _Writer(filetime(at)).render(root, file_name, sequence)


class _Writer:
    def __init__(self, time: int) -> None:
        self._time = time
        self._cells = Cells(time)
        self._security = 0
        self._count = 0

    def render(self, root: Key, file_name: str, sequence: int) -> bytes:
        place = self._reserve(root)
        self._security = self._cells.add(struct.pack("<2sHIIII", b"sk", 0, 0, 0, 0, len(_SECURITY)) + _SECURITY)
        self._write(root, place, parent=0, flags=_ROOT)
        own = (self._security, self._security, self._count)
        self._cells.fill(self._security, struct.pack("<2sHIII", b"sk", 0, *own))
        body = self._cells.close()
        return _header(self._time, place, len(body), file_name, sequence) + body

    def _reserve(self, key: Key) -> int:
        return self._cells.add(bytes(_KEY.size + len(_name(key.name)[0])))

    def _write(self, key: Key, place: int, *, parent: int, flags: int = 0) -> None:
        self._count += 1
        below = key.sorted_keys()
        places = [self._reserve(one) for one in below]
        values = self._value_list(key)
        keys = self._key_list(below, places)
        name, is_plain = _name(key.name)
        record = _KEY.pack(
            b"nk",
            flags | (_PLAIN_NAME if is_plain else 0),
            self._time if key.at is None else filetime(key.at),
            0,
            parent,
            len(below),
            0,
            keys,
            NOTHING,
            len(key.values),
            values,
            self._security,
            NOTHING,
            max((2 * len(one.name) for one in below), default=0),
            0,
            max((2 * len(one) for one in key.values), default=0),
            max((len(data) for _, data in key.values.values()), default=0),
            0,
            len(name),
            0,
        )
        self._cells.fill(place, record + name)
        for one, its_place in zip(below, places, strict=True):
            self._write(one, its_place, parent=place)

    def _value_list(self, key: Key) -> int:
        if not key.values:
            return NOTHING
        places = [self._value(name, kind, data) for name, (kind, data) in key.values.items()]
        return self._cells.add(struct.pack(f"<{len(places)}I", *places))

    def _value(self, name: str, kind: Kind, data: bytes) -> int:
        packed, is_plain = _name(name)
        size, place = len(data), 0
        if size <= 4:
            place = int.from_bytes(data, "little")
            size |= _INLINE
        elif size <= _SEGMENT:
            place = self._cells.add(data)
        else:
            place = self._long_data(data)
        record = _VALUE.pack(b"vk", len(packed), size, place, kind, 1 if is_plain and packed else 0, 0)
        return self._cells.add(record + packed)

    def _long_data(self, data: bytes) -> int:
        places = [self._cells.add(data[at : at + _SEGMENT]) for at in range(0, len(data), _SEGMENT)]
        listed = self._cells.add(struct.pack(f"<{len(places)}I", *places))
        return self._cells.add(struct.pack("<2sHII", b"db", len(places), listed, 0))

    def _key_list(self, keys: list[Key], places: list[int]) -> int:
        if not keys:
            return NOTHING
        leaves = []
        for start in range(0, len(keys), _LEAF):
            pairs = list(zip(keys, places, strict=True))[start : start + _LEAF]
            entries = b"".join(struct.pack("<II", place, _hash(key.name)) for key, place in pairs)
            leaves.append(self._cells.add(struct.pack("<2sH", b"lh", len(pairs)) + entries))
        if len(leaves) == 1:
            return leaves[0]
        return self._cells.add(struct.pack(f"<2sH{len(leaves)}I", b"ri", len(leaves), *leaves))


def _name(name: str) -> tuple[bytes, bool]:
    """(bytes, whether they are one a character)."""
    try:
        return name.encode("latin-1"), True
    except UnicodeEncodeError:
        return name.encode("utf-16-le"), False


def _hash(name: str) -> int:
    result = 0
    for character in name.upper():
        result = (result * 37 + ord(character)) & 0xFFFFFFFF
    return result


def _header(time: int, root: int, size: int, file_name: str, sequence: int) -> bytes:
    fields = struct.pack("<4sIIQIIIIIII", b"regf", sequence, sequence, time, 1, 5, 0, 1, root, size, 1)
    record = (fields + file_name[-31:].encode("utf-16-le")).ljust(508, b"\0")
    checksum = 0
    for word in struct.unpack("<127I", record):
        checksum ^= word
    checksum = {0: 1, 0xFFFFFFFF: 0xFFFFFFFE}.get(checksum, checksum)
    return (record + struct.pack("<I", checksum)).ljust(4096, b"\0")
