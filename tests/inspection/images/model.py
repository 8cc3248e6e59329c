"""Random chains beside the plain disk that each must read as."""

from __future__ import annotations

from random import Random

from tests.inspection.images import vhd_writer, vhdx_writer
from tests.inspection.images.sparse import Sparse, SparseFolder

MB = 1 << 20
POOL = Random(42).randbytes(4 * MB)


class RandomChain:
    """A chain of ``layers`` files in ``folder`` with ``top`` its last, and ``plain`` what its guest sees."""

    def __init__(
        self,
        random: Random,
        *,
        kind: str,
        layers: int,
        sector: int = 512,
        blocks: tuple[int, ...],
        several_chunks: bool = False,
        whole_blocks: bool = False,
        grows: bool = True,
        grain: int = 0,
    ) -> None:
        """``whole_blocks``: no dynamic VHD with sectors that were never written, which others read as they lie.

        ``grain``: bytes that are written at least, where that is more than a sector.
        """
        self.grain = grain or sector
        self.whole_blocks, self.grows = whole_blocks, grows
        self.random, self.kind, self.sector, self.block_sizes = random, kind, sector, blocks
        self.folder, self.plain = SparseFolder(), Sparse()
        self.points: list[int] = [0]
        self.states: set[str] = set()
        self.names: list[str] = []
        largest = max(blocks)
        most = 3 * (sector << 23) if several_chunks else largest * 7 if largest > MB else 14 * MB
        self.size = self._whole(random.randint(most // 2, most))
        below: vhdx_writer.VhdxFile | vhd_writer.VhdFile | None = None
        for number in range(layers):
            below = self._layer(number, below)

    @property
    def top(self) -> str:
        return self.names[-1]

    def _whole(self, size: int) -> int:
        return size // self.sector * self.sector

    def _layer(self, number, below):
        if number and self.grows and self.random.random() < 0.2:  # Resize-VHD on a child
            self.size = max(self.sector, self._whole(int(self.size * self.random.uniform(0.8, 1.3))))
        self.plain.resize(self.size)
        self.block = self.random.choice(self.block_sizes)
        name = f"disk.{number}.{'avhd' if number else 'vhd'}{'x' if self.kind == 'VHDX' else ''}"
        self.names.append(name)
        writer = self._vhdx(name, below) if self.kind == "VHDX" else self._vhd(name, below)
        busiest = max(3, min(10, 24 * MB // self.block))
        chosen = self.random.sample(range(writer.blocks), min(writer.blocks, busiest))
        for block in chosen:
            self._fill(writer, block, has_parent=below is not None)
        self.folder.add(writer.finish())
        return writer

    def _vhdx(self, name, below):
        parent = vhdx_writer.names_of(below) if below else None
        return vhdx_writer.VhdxFile(
            name, self.size, block=self.block, sector=self.sector, parent=parent, random=self.random
        )

    def _vhd(self, name, below):
        if not below:
            return vhd_writer.VhdFile(name, self.size, block=self.block, random=self.random)
        return vhd_writer.VhdFile(
            name,
            self.size,
            kind=vhd_writer.DIFFERENCING,
            block=self.block,
            parent=(below.unique_id, below.timestamp, below.name),
            locators=vhd_writer.names_of(below),
            random=self.random,
        )

    def _fill(self, writer, block: int, *, has_parent: bool) -> None:
        start = block * self.block
        if self.kind == "VHD":
            what = self.random.choice(["full", "partial", "partial", "none here", "not present"])
        else:
            what = self.random.choice(
                ["full", "partial", "partial", "partial", "none here", "zero", "unmapped", "undefined", "not present"]
            )
        if not has_parent and what in ("partial", "none here"):
            what = "full" if self.kind == "VHDX" or what == "none here" or self.whole_blocks else "sparse"
        self.states.add(what)
        self.points += [start, start + self.block]
        if what == "full":
            self._full(writer, block, start)
        elif what in ("partial", "sparse", "none here"):
            self._partial(writer, block, start, what)
        elif self.kind == "VHDX":
            self._state(writer, block, start, what, has_parent)

    def _state(self, writer, block: int, start: int, what: str, has_parent: bool) -> None:
        """No data of its own; the position, where the format leaves it open, points at garbage."""
        number = {"not present": 0, "undefined": 1, "zero": 2, "unmapped": 3}[what]
        position = self.random.choice([0, writer.allocate(MB)])
        if position:
            writer.file.write(position, self._content(4096))
        writer.set_state(block, number, position)
        if self.random.random() < 0.5 and has_parent:
            writer.set_bits(block, self.random.getrandbits(self.block // self.sector))  # counts for partial blocks only
        if number or not has_parent:
            self.plain.clear(start, min(self.block, max(0, self.plain.size - start)))

    def _full(self, writer, block: int, start: int) -> None:
        patches = [(inside, self._content(length)) for inside, length in self._stretches(few=4)]
        self.plain.clear(start, self.block)
        for inside, content in patches:
            self._to_plain(start + inside, content)
        if self.kind == "VHDX":
            writer.full(block, patches)
            if writer.parent and self.random.random() < 0.5:
                writer.set_bits(block, self.random.getrandbits(64))  # not to be looked at
        else:
            writer.put(block, patches)

    def _partial(self, writer, block: int, start: int, what: str) -> None:
        bits, garbage = 0, [(inside, self._content(length)) for inside, length in self._stretches(few=5)]
        patches = []
        for inside, length in self._stretches(few=self.random.choice([2, 9, 60])) if what != "none here" else []:
            first, count = inside // self.sector, -(-length // self.sector)
            bits |= ((1 << count) - 1) << first
            content = self._content(count * self.sector)
            patches.append((first * self.sector, content))
            garbage += [(max(0, first - 1) * self.sector, self._content(self.sector))]
            garbage += [((first + count) * self.sector, self._content(self.sector))]
        garbage = [(at, content[: self.block - at]) for at, content in garbage if at < self.block]
        if what == "sparse":  # dynamic VHD: a sector that was never written is zero, whatever lies in its place
            self.plain.clear(start, self.block)
        put = writer.partial if self.kind == "VHDX" else writer.put
        put(block, garbage + patches, bits)
        for inside, content in patches:
            self._to_plain(start + inside, content)

    def _stretches(self, few: int) -> list[tuple[int, int]]:
        """Up to ``few`` stretches of the block, whole sectors, short or long; the last one often at the block's end."""
        found = []
        for _ in range(self.random.randint(1, few)):
            length = self.grain * self.random.choice([1, 1, 1, 2, 3, 8, 17, 64, 100])
            inside = self.random.randrange(0, self.block - length + 1) // self.grain * self.grain
            if self.random.random() < 0.2:
                inside = self.random.choice([0, self.block - length])
            found.append((inside, length))
        return found

    def _content(self, length: int) -> bytes:
        at = self.random.randrange(len(POOL) - length)
        return POOL[at : at + length]

    def _to_plain(self, at: int, content: bytes) -> None:
        self.points += [at, at + len(content)]
        if at < self.plain.size:
            self.plain.write(at, content[: self.plain.size - at])

    def any_read(self) -> tuple[int, int]:
        """Offset and length: any alignment, mostly where something begins, ends or changes."""
        random = self.random
        how = random.random()
        length = random.randint(1, 40) if how < 0.3 else random.randint(1, 6000) if how < 0.7 else 4096
        if how > 0.93:
            length = random.randint(1, 300_000) if how < 0.998 else random.randint(MB, 3 * MB)
        place = random.random()
        if place < 0.8:
            offset = random.choice(self.points) - random.choice([0, 1, random.randint(0, length), 512, 4096])
        elif place < 0.85:
            offset = self.size - random.randint(0, length + 10)
        else:
            offset = random.randrange(self.size)
        return max(0, offset), length
