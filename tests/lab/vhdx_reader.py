"""A second reader of VHDX chains, written from the format and sharing no code with the lab's writer."""

import struct
import uuid
from pathlib import Path

MB = 1 << 20
BAT = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
METADATA = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E")
PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
SIZE = uuid.UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
SECTOR = uuid.UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F")
LOCATOR = uuid.UUID("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C")


def crc32c(data: bytes) -> int:
    """Bit by bit: slow, and with no table to share."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF


def sums_up(record: bytes) -> bool:
    return struct.unpack_from("<I", record, 4)[0] == crc32c(record[:4] + bytes(4) + record[8:])


class File:
    """One file of a chain; `parent` reads what is not here."""

    def __init__(self, path: Path, parent: "File | None" = None, *, check_sums: bool = False) -> None:
        self.file = path.open("rb")
        self.parent = parent
        assert self._at(0, 8) == b"vhdxfile"
        headers = [self._at(offset, 4096) for offset in (65536, 131072)]
        regions = [self._at(offset, 65536) for offset in (196608, 262144)]
        if check_sums:
            assert all(sums_up(record) for record in headers + regions)
            assert regions[0] == regions[1]
        header = max(headers, key=lambda record: struct.unpack_from("<Q", record, 8)[0])
        self.data_write_guid = uuid.UUID(bytes_le=header[32:48])
        self.log_guid = uuid.UUID(bytes_le=header[48:64])
        self.regions = self._regions(regions[0])
        self.items = self._metadata(self.regions[METADATA][0])
        self.block, flags = struct.unpack("<II", self.items[PARAMETERS])
        self.has_parent = bool(flags & 2)
        (self.size,) = struct.unpack("<Q", self.items[SIZE])
        (self.sector,) = struct.unpack("<I", self.items[SECTOR])
        self.ratio = (1 << 23) * self.sector // self.block

    def close(self) -> None:
        self.file.close()
        if self.parent:
            self.parent.close()

    @property
    def locator(self) -> dict[str, str]:
        raw = self.items[LOCATOR]
        (count,) = struct.unpack_from("<H", raw, 18)
        pairs = {}
        for number in range(count):
            key, value, key_length, value_length = struct.unpack_from("<IIHH", raw, 20 + 12 * number)
            name = raw[key : key + key_length].decode("utf-16-le")
            pairs[name] = raw[value : value + value_length].decode("utf-16-le")
        return pairs

    def read(self, offset: int, length: int) -> bytes:
        """Sector by sector."""
        first, last = offset // self.sector, (offset + length - 1) // self.sector
        data = b"".join(self._sector(number) for number in range(first, last + 1))
        start = offset - first * self.sector
        return data[start : start + length]

    def _sector(self, number: int) -> bytes:
        block, inside = divmod(number * self.sector, self.block)
        state, place = self._entry(block + block // self.ratio)
        if state == 6 or (state == 7 and self._is_here(block, inside)):
            return self._at(place + inside, self.sector)
        if state in {0, 7} and self.parent:
            return self.parent._sector(number)
        return bytes(self.sector)

    def _is_here(self, block: int, inside: int) -> bool:
        chunk = block // self.ratio
        state, place = self._entry(chunk * (self.ratio + 1) + self.ratio)
        assert state == 6
        bit = (block % self.ratio * self.block + inside) // self.sector
        return bool(self._at(place + bit // 8, 1)[0] >> bit % 8 & 1)

    def _entry(self, index: int) -> tuple[int, int]:
        start, length = self.regions[BAT]
        assert index * 8 < length
        (entry,) = struct.unpack("<Q", self._at(start + index * 8, 8))
        return entry & 7, (entry >> 20) * MB

    def _regions(self, table: bytes) -> dict[uuid.UUID, tuple[int, int]]:
        (count,) = struct.unpack_from("<I", table, 8)
        found = {}
        for number in range(count):
            raw, start, length, _ = struct.unpack_from("<16sQII", table, 16 + 32 * number)
            found[uuid.UUID(bytes_le=raw)] = (start, length)
        return found

    def _metadata(self, start: int) -> dict[uuid.UUID, bytes]:
        table = self._at(start, 65536)
        (count,) = struct.unpack_from("<H", table, 10)
        items = {}
        for number in range(count):
            raw, offset, length = struct.unpack_from("<16sII", table, 32 + 32 * number)
            items[uuid.UUID(bytes_le=raw)] = self._at(start + offset, length)
        return items

    def _at(self, offset: int, length: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(length).ljust(length, b"\0")
