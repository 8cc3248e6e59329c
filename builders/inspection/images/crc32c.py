"""CRC-32C (Castagnoli) as VHDX uses it. The records it guards end in zeros mostly, which cost next to nothing."""

from __future__ import annotations

from functools import lru_cache

_POLYNOMIAL = 0x82F63B78
_ONE = 1 << 31  # the polynomial 1, in reflected order


def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _table()


def crc32c(record: bytes) -> int:
    body = record.rstrip(b"\0")
    table, crc = _TABLE, 0xFFFFFFFF
    for byte in body:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 255]
    return _times(crc, _shift(len(record) - len(body))) ^ 0xFFFFFFFF


def record_is_whole(record: bytes) -> bool:
    """Whether the checksum in bytes 4 to 7 is that of the record with these bytes as zeros."""
    return int.from_bytes(record[4:8], "little") == crc32c(record[:4] + bytes(4) + record[8:])


@lru_cache(maxsize=64)
def _shift(zeros: int) -> int:
    """x to the power of 8 * ``zeros``: what so many zero bytes do to the register."""
    power, square = _ONE, _ONE >> 8
    while zeros:
        if zeros & 1:
            power = _times(power, square)
        square = _times(square, square)
        zeros >>= 1
    return power


def _times(left: int, right: int) -> int:
    product = 0
    while left:
        if left & _ONE:
            product ^= right
        left = (left << 1) & 0xFFFFFFFF
        right = (right >> 1) ^ (_POLYNOMIAL if right & 1 else 0)
    return product
