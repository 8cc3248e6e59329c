"""Fold the files of a chain into one."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from lab.stores.vhdx.image import Image
from lab.stores.vhdx.layout import BlockState

PIECE_BYTES = 1 << 20


def merge_into(target: Path, layers: Sequence[Path]) -> None:
    """Write what `layers` (lowest first) say together into `target`, an empty image of the same geometry."""
    with ExitStack() as stack:
        image = stack.enter_context(Image(target, writable=True))
        for layer in [stack.enter_context(Image(path)) for path in layers]:
            for block in range(layer.geometry.blocks):
                _copy_block(layer, image, block)


def _copy_block(layer: Image, image: Image, block: int) -> None:
    state = layer.state(block)
    if state is BlockState.NOT_PRESENT:
        return
    if state is not BlockState.PARTIALLY_PRESENT:  # whatever lower layers said about this block is void
        image.set_state(block, BlockState.ZERO)
    base = block * layer.geometry.block_bytes
    for start, length in layer.runs(block):
        for offset in range(start, start + length, PIECE_BYTES):
            size = min(PIECE_BYTES, start + length - offset, layer.geometry.size_bytes - base - offset)
            if size > 0:
                image.write(base + offset, layer.read(block, offset, size))
