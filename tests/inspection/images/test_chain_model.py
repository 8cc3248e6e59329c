"""The chain reader against a plain disk that the same writes were made to: no byte may differ.

INSPECT_READS says how many reads are made in all (110,000 unless told).
"""

from __future__ import annotations

import os
from random import Random

import pytest

from builders.inspection.images import Chain, changed, flatten, open_chain
from tests.inspection.images.model import MB, RandomChain

READS = int(os.environ.get("INSPECT_READS", "110000"))
# kind, bytes of a sector, block sizes to choose from, chains
KINDS = [
    ("VHDX", 512, (MB,), 14),
    ("VHDX", 4096, (MB,), 8),
    ("VHDX", 512, (MB, 2 * MB, 32 * MB), 6),
    ("VHDX", 4096, (8 * MB, 256 * MB), 4),
    ("VHDX", 512, (256 * MB,), 4),
    ("VHD", 512, (512 << 10, 2 * MB), 12),
    ("VHD", 512, (16 * MB,), 4),
]
CHAINS = [(kind, sector, blocks, number) for kind, sector, blocks, count in KINDS for number in range(count)]


def a_chain(kind: str, sector: int, blocks: tuple[int, ...], number: int) -> RandomChain:
    """Every third one spans several chunks of 2^23 sectors, each with a bitmap block of its own or none."""
    random = Random(f"{kind} {sector} {blocks} {number}")
    return RandomChain(
        random, kind=kind, layers=1 + number % 8, sector=sector, blocks=blocks, several_chunks=number % 3 == 1
    )


@pytest.mark.parametrize(("kind", "sector", "blocks", "number"), CHAINS)
def test_every_read_is_what_the_plain_disk_holds(kind, sector, blocks, number):
    made = a_chain(kind, sector, blocks, number)
    with open_chain(made.top, made.folder) as chain:
        assert (chain.size, chain.sector, len(chain.links)) == (made.size, sector, 1 + number % 8)
        wrong = []
        for _ in range(-(-READS // len(CHAINS))):
            offset, length = made.any_read()
            if chain.read(offset, length) != made.plain.read(offset, length):
                wrong.append((offset, length))
        assert not wrong, f"{len(wrong)} wrong reads, the first at {wrong[0]}"
        extents_are_right(chain, made)
    assert made.folder.balance == 0, "a file stayed open"


def extents_are_right(chain: Chain, made: RandomChain) -> None:
    """They cover the disk in order, and what each says is what the disk holds there."""
    at = 0
    for start, length, layer, file_offset in chain.extents():
        assert start == at
        assert length > 0
        at += length
        inside = min(length, 8192)
        there = bytes(inside)
        if layer is not None:
            there = made.folder.files[chain.links[layer].name].read(file_offset, inside)
        assert made.plain.read(start, inside) == there
    assert at == chain.size


@pytest.mark.parametrize("kind", ["VHDX", "VHD"])
@pytest.mark.parametrize("number", range(3))
def test_what_differs_lies_within_the_ranges_that_are_told(kind, number):
    """Outside of them the disks are equal, byte for byte; and nothing but tables is read to know it."""
    random = Random(f"changed {kind} {number}")
    made = RandomChain(random, kind=kind, layers=6, blocks=(MB,))
    with open_chain(made.top, made.folder) as whole, open_chain(made.names[2 + number], made.folder) as earlier:
        for file in made.folder.files.values():
            file.bytes_read = 0
        ranges = changed(earlier, whole)
        tables = sum(file.bytes_read for file in made.folder.files.values())
        assert tables < 12 * (64 << 10), "more was read than tables and bitmaps"
        assert changed(whole, earlier) == ranges
        assert changed(whole, whole) == []
        both, at = min(whole.size, earlier.size), 0
        for begin, length in [*ranges, (both, 0)]:
            start = min(begin, both)
            assert start >= at
            assert whole.read(at, start - at) == earlier.read(at, start - at)
            at = min(start + length, both)
        assert sum(length for _, length in ranges) < max(whole.size, earlier.size)


@pytest.mark.parametrize(("kind", "sector"), [("VHDX", 512), ("VHDX", 4096), ("VHD", 512)])
def test_a_flat_copy_is_the_plain_disk(kind, sector, tmp_path):
    made = RandomChain(Random(f"flat {kind} {sector}"), kind=kind, layers=5, sector=sector, blocks=(MB,))
    with open_chain(made.top, made.folder) as chain, (tmp_path / "flat").open("wb") as target:
        written = flatten(chain, target)
    assert (tmp_path / "flat").read_bytes() == made.plain.read(0, made.size)
    assert written < made.size, "zeros were written out"


VHDX_STATES = {"full", "partial", "none here", "zero", "unmapped", "undefined", "not present"}
VHD_STATES = {"full", "partial", "sparse", "none here", "not present"}


def test_the_chains_have_every_state():
    """So that the figure above says what it seems to say: the first few chains have them all."""
    missing = {f"VHDX {state}" for state in VHDX_STATES} | {f"VHD {state}" for state in VHD_STATES}
    for kind, sector, blocks, number in CHAINS:
        if missing & {f"{kind} {state}" for state in VHDX_STATES | VHD_STATES}:
            missing -= {f"{kind} {state}" for state in a_chain(kind, sector, blocks, number).states}
    assert not missing
