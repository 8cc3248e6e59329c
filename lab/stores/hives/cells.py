"""The body of a hive: bins of whole pages, filled with cells of eight-byte multiples."""

import struct

PAGE = 4096
BIN_HEADER = 32
NOTHING = 0xFFFFFFFF


class Cells:
    """Hands out places in growing bins; offsets count from the first bin, as the format's own do."""

    def __init__(self, filetime: int) -> None:
        self.body = bytearray()
        self._filetime = filetime
        self._bin_end = 0

    def add(self, content: bytes) -> int:
        """Store the content in a new cell; its offset."""
        size = (len(content) + 4 + 7) & ~7
        if size > self._bin_end - len(self.body):
            self._new_bin(size)
        place = len(self.body)
        self.body += struct.pack("<i", -size)
        self.body += content
        self.body += bytes(size - 4 - len(content))
        return place

    def fill(self, place: int, content: bytes) -> None:
        """Put content into a cell that was added with as many bytes."""
        self.body[place + 4 : place + 4 + len(content)] = content

    def close(self) -> bytes:
        """Turn what is left of the last bin into a free cell."""
        rest = self._bin_end - len(self.body)
        if rest:
            self.body += struct.pack("<i", rest) + bytes(rest - 4)
        return bytes(self.body)

    def _new_bin(self, need: int) -> None:
        self.close()
        start = len(self.body)
        size = -(-(need + BIN_HEADER) // PAGE) * PAGE
        self.body += struct.pack("<4sIIQQI", b"hbin", start, size, 0, 0 if start else self._filetime, 0)
        self._bin_end = start + size
