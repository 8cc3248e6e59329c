"""Files damaged at random: each ends in words, in time, or in bytes; never in another error.

INSPECT_MUTATIONS says how many (600 unless told).
"""

from __future__ import annotations

import os
from random import Random

import pytest

from builders.inspection.errors import Unreadable
from builders.inspection.images import changed, identify, open_chain
from tests.inspection.images import vhd_writer, vhdx_writer
from tests.inspection.images.model import MB, RandomChain
from tests.inspection.images.sparse import Sparse, SparseFolder
from tests.inspection.images.vhd_writer import summed
from tests.inspection.images.vhdx_writer import signed

MUTATIONS = int(os.environ.get("INSPECT_MUTATIONS", "600"))
# Where the tables of the tests' files are: position, length, and how a checksum over it is made right again.
VHDX_RECORDS = [
    (64 << 10, 4096, signed),
    (128 << 10, 4096, signed),
    (192 << 10, 65536, signed),
    (256 << 10, 65536, signed),
]
VHD_RECORDS = [(0, 512, lambda record: summed(record, 64)), (512, 1024, lambda record: summed(record, 36))]


def spoil(random: Random, file: Sparse, kind: str) -> None:
    """One to six numbers or bytes, mostly of headers and tables; checksums are mended, to get past them."""
    for _ in range(random.randint(1, 6)):
        width = random.choice([1, 2, 4, 8])
        value = random.choice([bytes(width), b"\xff" * width, random.randbytes(width), (1).to_bytes(width, "little")])
        area = random.random()
        if area < 0.5:
            at, length, mend = random.choice(VHDX_RECORDS if kind == "VHDX" else VHD_RECORDS)
            inside = random.randrange(min(length - 8, 700 if length > 512 else 90))
            record = bytearray(file.read(at, length))
            record[inside : inside + width] = value
            file.write(at, mend(bytes(record)))
            if kind == "VHD" and at == 0:
                file.write(file.size - 512, mend(bytes(record)))
        elif area < 0.9:
            table = random.choice([n * MB for n in (1, 2, 3)]) if kind == "VHDX" else 1536
            if random.random() < 0.5 and kind == "VHDX":
                table += 65536
            file.write(table + random.randrange(200), value)
        elif file.size > 2 * MB:
            file.write(random.randrange(MB, file.size - 8), value)
    if random.random() < 0.1:
        file.resize(random.randrange(file.size))


@pytest.mark.parametrize("kind", ["VHDX", "VHD"])
def test_damage_ends_in_words_or_in_bytes(kind):
    random = Random(f"damage {kind}")
    made = RandomChain(random, kind=kind, layers=3, blocks=(MB,), grows=False)
    refused = partly = whole = 0
    for _ in range(MUTATIONS // 2):
        spoilt = random.choice(made.names)
        folder = SparseFolder(*(file.copy() if name == spoilt else file for name, file in made.folder.files.items()))
        spoil(random, folder.files[spoilt], kind)
        try:
            facts = identify(folder.files[spoilt])
            assert len(facts.data_id) >= 36
            chain = open_chain(made.top, folder)
        except (Unreadable, FileNotFoundError) as error:
            said = str(error)
            assert "disk." in said
            refused += 1
            assert folder.balance == 0
            continue
        with chain:
            failures = 0
            for _ in range(4):
                offset, length = made.any_read()
                try:
                    assert len(chain.read(offset, length)) == max(0, min(length, chain.size - offset))
                except Unreadable as error:
                    said = str(error)
                    assert spoilt in said
                    failures += 1
            if chain.size <= 1 << 30:
                assert sum(extent.length for extent in chain.extents()) == chain.size
                changed(chain, chain)
            partly, whole = partly + bool(failures), whole + (not failures)
    print(f"{kind}: {refused} refused, {partly} read in part, {whole} read")
    assert refused
    assert partly
    assert whole


@pytest.mark.parametrize("kind", ["VHDX", "VHD"])
def test_a_file_cut_anywhere_ends_in_words_or_in_bytes(kind):
    writer = vhdx_writer if kind == "VHDX" else vhd_writer
    file = writer.VhdxFile("a.vhdx", 4 * MB) if kind == "VHDX" else writer.VhdFile("a.vhd", 4 * MB, block=MB)
    for block in range(3):
        (file.full if kind == "VHDX" else file.put)(block, [(0, bytes([65 + block]) * MB)])
    made = file.finish()
    edges = [0, 1, 7, 8, 500, 511, 512, 513, 1535, 1536, 1540, 65536, 70000, 131072, 196608, 262144, 300000]
    for size in [*edges, *range(MB, made.size, 777_777)]:
        cut = made.copy()
        cut.resize(size)
        try:
            with open_chain(cut.name, SparseFolder(cut)) as chain:
                got = chain.read(0, 10)
                assert got == b"A" * 10
        except Unreadable as error:
            said = str(error)
            assert cut.name in said
