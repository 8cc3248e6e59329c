"""A chain of the lab's own files as one disk that is read through all and written in its top."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.stores.vhdx.image import Image
from lab.stores.vhdx.layout import BlockState

_PAGE = 4096
_MOST_LINKS = 256


class Chain:
    """Parents are found by the names in the files, in the same folder."""

    def __init__(self, top: Path, *, writable: bool = False) -> None:
        with ExitStack() as stack:
            self._images = [stack.enter_context(Image(top, writable=writable))]
            while (name := self._images[-1].parent_name) and len(self._images) < _MOST_LINKS:
                self._images.append(stack.enter_context(Image(top.with_name(name))))
            self._stack = stack.pop_all()
        self.geometry = self._images[0].geometry
        self._runs: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def read(self, offset: int, length: int) -> bytes:
        result = bytearray(length)
        done = 0
        while done < length:
            block, start = divmod(offset + done, self.geometry.block_bytes)
            size = min(length - done, self.geometry.block_bytes - start)
            self._read_in_block(block, start, memoryview(result)[done : done + size])
            done += size
        return bytes(result)

    def differing(self, offset: int, content: bytes) -> Iterator[tuple[int, bytes]]:
        """What of the content the disk does not say already, as pieces of whole sectors with their offsets."""
        now = self.read(offset, len(content))
        if now == content:
            return
        start = None
        for at in range(0, len(content) + _PAGE, _PAGE):
            differs = content[at : at + _PAGE] != now[at : at + _PAGE]
            if differs and start is None:
                start = at
            elif not differs and start is not None:
                yield offset + start, content[start:at]
                start = None

    def write(self, offset: int, content: bytes) -> None:
        """Write whole sectors into the top file."""
        self._images[0].write(offset, content)
        self._runs.clear()

    def _read_in_block(self, block: int, start: int, into: memoryview) -> None:
        """From the deepest link that counts up to the top: upper sectors lie over lower ones."""
        layers = []
        for number, image in enumerate(self._images):
            state = image.state(block)
            if state is not BlockState.NOT_PRESENT:
                layers.append(number)
            if state not in (BlockState.NOT_PRESENT, BlockState.PARTIALLY_PRESENT):
                break
        end = start + len(into)
        for number in reversed(layers):
            for first, length in self._block_runs(number, block):
                begin, stop = max(first, start), min(first + length, end)
                if begin < stop:
                    into[begin - start : stop - start] = self._images[number].read(block, begin, stop - begin)

    def _block_runs(self, number: int, block: int) -> list[tuple[int, int]]:
        found = self._runs.get((number, block))
        if found is None:
            found = self._runs[number, block] = list(self._images[number].runs(block))
        return found
