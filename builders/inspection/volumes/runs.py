"""Where a file's clusters lie: the list of runs in an attribute, and a file's bytes read along it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from builders.inspection.errors import Damaged
from builders.inspection.sources import Disk

Run = tuple[int, int]
"""First cluster (-1: none, it reads as zeros) and number of clusters."""
MOST_CLUSTERS = 1 << 44


def decoded(raw: bytes, clusters: int) -> list[Run]:
    """The runs of a list as an attribute holds it. Damaged where one leaves the volume of ``clusters`` clusters."""
    runs: list[Run] = []
    at, cluster, total, in_use = 0, 0, 0, 0
    end = len(raw)
    while at < end and raw[at]:
        of_count, of_place = raw[at] & 15, raw[at] >> 4
        following = at + 1 + of_count + of_place
        if not 0 < of_count <= 8 or of_place > 8 or following > end:
            raise Damaged("its list of clusters breaks off")
        count = int.from_bytes(raw[at + 1 : at + 1 + of_count], "little")
        total += count
        if not count or total > MOST_CLUSTERS:
            raise Damaged(f"its list of clusters has a run of {count}")
        if of_place:
            cluster += int.from_bytes(raw[at + 1 + of_count : following], "little", signed=True)
            in_use += count
            if cluster < 0 or cluster + count > clusters or in_use > clusters:
                raise Damaged("its list of clusters leads out of the volume")
            runs.append((cluster, count))
        else:
            runs.append((-1, count))
        at = following
    return runs


class Extents:
    """Bytes of a stream along its runs. Past ``valid`` (and in runs without a place) they are zeros, as for Windows."""

    def __init__(self, volume: Disk, runs: Sequence[Run], cluster: int, size: int, valid: int) -> None:
        self.size = min(size, sum(count for _, count in runs) * cluster)
        self.valid = min(valid, self.size)
        self._volume = volume
        self._starts: list[int] = []
        self._places: list[tuple[int, int]] = []
        at = 0
        for first, count in runs:
            self._starts.append(at)
            self._places.append((first * cluster if first >= 0 else -1, count * cluster))
            at += count * cluster

    def read(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        if offset < 0 or length <= 0:
            return b""
        parts = []
        for place, size in self.places(offset, length):
            taken = bytes(size) if place < 0 else self._volume.read(place, size)
            if len(taken) != size:
                raise Damaged("The volume ends before the file does.")
            parts.append(taken)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def places(self, offset: int, length: int) -> Iterator[tuple[int, int]]:
        """Offset in the volume (-1: zeros) and length of each piece of a stretch inside of the stream."""
        index = bisect_right(self._starts, offset) - 1
        end = min(offset + length, self.size)
        while offset < end:
            place, size = self._places[index]
            inside = offset - self._starts[index]
            take = min(size - inside, end - offset)
            if place >= 0 and offset < self.valid:
                take = min(take, self.valid - offset)
                yield place + inside, take
            else:
                yield -1, take
            offset += take
            if inside + take == size:
                index += 1
