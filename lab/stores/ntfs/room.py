"""Which clusters and records are free, and handing them out."""

from lab.stores.ntfs.records import FIRST_FREE_RECORD, Extents


class ClusterRoom:
    """The clusters of a volume's first part, where everything of the lab lies; a byte is 1 where one is used."""

    def __init__(self, size: int) -> None:
        self.used = bytearray(size)

    def take(self, extents: Extents) -> None:
        for first, count in extents:
            self.used[first : first + count] = b"\1" * count

    def grow(self, extents: Extents, clusters: int) -> Extents:
        """The extents, already taken, cut or lengthened to so many clusters; what is there stays where it is."""
        kept = self._cut(extents, clusters)
        missing = clusters - sum(count for _, count in kept)
        if missing and kept:
            first, count = kept[-1]
            behind = self.used[first + count : first + count + missing]
            if len(behind) == missing and not any(behind):
                kept[-1] = (first, count + missing)
                self.take([(first + count, missing)])
                missing = 0
        if missing:
            kept.append(self._find(missing))
        return kept

    def _cut(self, extents: Extents, clusters: int) -> Extents:
        kept: Extents = []
        for first, count in extents:
            length = min(count, clusters)
            clusters -= length
            if length:
                kept.append((first, length))
            self.used[first + length : first + count] = bytes(count - length)
        return kept

    def _find(self, clusters: int) -> tuple[int, int]:
        first = self.used.find(bytes(clusters))
        if first < 0:
            raise ValueError(f"the volume's first part has no {clusters} clusters in one piece")
        self.take([(first, clusters)])
        return first, clusters


class RecordRoom:
    """Numbers of file records with their sequence numbers; a number that is used again counts up."""

    def __init__(self, most: int, freed: dict[int, int]) -> None:
        """`freed`: sequence numbers of records that are not in use any more."""
        self._most = most
        self._freed = freed
        self._taken: set[int] = set()
        self._next = FIRST_FREE_RECORD

    def keep(self, number: int) -> None:
        self._taken.add(number)

    def take(self) -> tuple[int, int]:
        """(number, sequence) of the lowest free record."""
        while self._next in self._taken:
            self._next += 1
        if self._next >= self._most:
            raise ValueError(f"the volume has room for {self._most} records")
        self._taken.add(self._next)
        return self._next, self._freed.pop(self._next, 1)
