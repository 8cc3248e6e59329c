"""VHDX files as they come, among them the cases that libvhdi and dissect.hypervisor get wrong without saying so."""

from __future__ import annotations

import struct
import uuid

import pytest

from builders.adapters.store import LocalFolder
from builders.inspection.errors import Damaged, Unreadable, Unsupported
from builders.inspection.images import changed, fingerprint_of, identify, open_chain
from lab.stores.vhdx.image import Image, create_image
from lab.stores.vhdx.layout import Geometry
from lab.stores.vhdx.records import ParentLocator
from tests.inspection.images.model import POOL
from tests.inspection.images.sparse import Sparse, SparseFolder
from tests.inspection.images.vhdx_writer import (
    FULL,
    MB,
    PARTIAL,
    UNDEFINED,
    UNMAPPED,
    ZERO,
    VhdxFile,
    names_of,
    signed,
)

OLD, NEW = POOL[:MB], POOL[MB : 2 * MB]


def base(blocks: int = 6, **options) -> tuple[VhdxFile, SparseFolder]:
    """Each block full of old bytes."""
    file = VhdxFile("base.vhdx", blocks * MB, **options)
    for block in range(blocks):
        file.full(block, [(0, OLD)])
    return file, SparseFolder(file.finish())


def child(of: VhdxFile, name: str = "child.avhdx", **options) -> VhdxFile:
    return VhdxFile(name, of.size, sector=of.sector, parent=names_of(of), **options)


@pytest.mark.parametrize("state", [ZERO, UNMAPPED, UNDEFINED, 5])
def test_a_child_that_zeroed_a_block_does_not_show_the_parents_old_bytes(state):
    """libvhdi returns the parent's data for these states. 5 is unmapped in drafts of the format."""
    parent, folder = base()
    file = child(parent)
    file.set_state(2, state)
    folder.add(file.finish())
    with open_chain("child.avhdx", folder) as chain:
        assert chain.read(2 * MB, MB) == bytes(MB)
        assert chain.read(2 * MB - 3, 6) == OLD[-3:] + bytes(3)
        assert chain.read(3 * MB, MB) == OLD


def test_a_fresh_differencing_file_is_its_parent():
    """No block, no bitmap: a new maintenance version. libvhdi takes the bitmap from file offset 0 and loses the GPT."""
    parent, folder = base()
    folder.add(child(parent).finish())
    with open_chain("child.avhdx", folder) as chain:
        assert chain.read(512, 512) == OLD[512:1024]
        assert chain.read(0, 6 * MB) == OLD * 6
        assert [tuple(extent)[2] for extent in chain.extents()] == [1] * len(list(chain.extents()))


def test_a_chunk_without_a_bitmap_may_have_full_blocks():
    parent, folder = base()
    file = child(parent)
    file.full(1, [(0, NEW)])
    folder.add(file.finish())
    with open_chain("child.avhdx", folder) as chain:
        assert chain.read(0, 3 * MB) == OLD + NEW + OLD


def test_a_full_block_is_not_looked_up_in_the_bitmap():
    parent, folder = base()
    file = child(parent)
    file.full(1, [(0, NEW)])
    file.set_bits(1, 0)
    folder.add(file.finish())
    with open_chain("child.avhdx", folder) as chain:
        assert chain.read(MB, MB) == NEW


@pytest.mark.parametrize("offset", [MB - 1, MB - 100, 2 * MB - 511, 2 * MB - 1, 3 * MB - 4097])
@pytest.mark.parametrize("length", [2, 513, 5000, MB + 7])
def test_an_unaligned_read_over_a_block_border_follows_the_blocks(offset, length):
    """dissect.hypervisor returns the next block of the file. Here neighbours of the disk lie in any order."""
    file = VhdxFile("base.vhdx", 6 * MB)
    for block in (4, 1, 5, 0, 3, 2):
        file.full(block, [(0, POOL[block * 1000 : block * 1000 + MB])])
    expected = b"".join(POOL[block * 1000 : block * 1000 + MB] for block in range(6))
    with open_chain("base.vhdx", SparseFolder(file.finish())) as chain:
        assert chain.read(offset, length) == expected[offset : offset + length]


@pytest.mark.parametrize("sector", [512, 4096])
def test_a_run_of_sectors_that_begins_and_ends_within_bytes_of_the_bitmap(sector):
    """dissect.hypervisor forgets the bit at which a run starts."""
    parent, folder = base(sector=sector)
    file = child(parent)
    file.partial(1, [(0, NEW)], 0b111 << 13)
    folder.add(file.finish())
    begin, end = 13 * sector, 16 * sector
    mixed = OLD[:begin] + NEW[begin:end] + OLD[end:]
    with open_chain("child.avhdx", folder) as chain:
        for offset in range(begin - 9, end + 9, 7):
            assert chain.read(MB + offset, 300) == mixed[offset : offset + 300]
        assert chain.read(MB, MB) == mixed


@pytest.mark.parametrize("fixed", [True, False])
def test_the_last_block_may_be_cut_by_the_end_of_the_disk(fixed):
    file = VhdxFile("base.vhdx", 5 * MB + 512 * 3, block=2 * MB, fixed=fixed)
    file.full(2, [(0, OLD)])
    with open_chain("base.vhdx", SparseFolder(file.finish())) as chain:
        assert chain.links[0].kind == ("fixed" if fixed else "dynamic")
        assert chain.read(4 * MB, 8 * MB) == OLD + bytes(512 * 3)
        assert chain.read(chain.size - 5, 100) == bytes(5)
        assert chain.read(chain.size, 1) == chain.read(chain.size + 99, 1) == b""
        assert chain.allocated() == MB + 512 * 3
        assert next(tuple(extent) for extent in chain.extents()) == (0, 4 * MB, None, None)


def test_what_a_file_says_of_itself():
    parent, folder = base()
    file = child(parent, disk_id=parent.disk_id)
    folder.add(file.finish())
    facts = identify(folder.open("child.avhdx"))
    assert (facts.format, facts.kind, facts.size, facts.block_size, facts.sector) == (
        "VHDX",
        "differencing",
        6 * MB,
        MB,
        512,
    )
    assert facts.data_id == str(file.data_id)
    assert facts.file_id == str(file.file_id)
    assert facts.disk_id == str(parent.disk_id)
    assert facts.parent_id == str(parent.data_id)
    assert facts.parent_names == ("base.vhdx",)
    assert (facts.sequence, facts.log, facts.warnings) == (7, "clean", ())
    assert facts.as_dict()["parent_names"] == ["base.vhdx"]


def test_identifying_reads_the_headers_alone():
    _parent, folder = base()
    source = folder.open("base.vhdx")
    folder.files["base.vhdx"].bytes_read = 0
    identify(source)
    assert folder.files["base.vhdx"].bytes_read < 256 << 10


def test_the_fingerprint_is_of_the_content_and_not_of_the_names():
    parent, folder = base()
    file = child(parent)
    folder.add(file.finish())
    with open_chain("child.avhdx", folder) as chain:
        before = fingerprint_of(chain.links)
        only_base = fingerprint_of(chain.links[1:])
    moved = SparseFolder(*(one.copy(f"other-{name}") for name, one in folder.files.items()))
    with open_chain("other-child.avhdx", moved, ["other-base.vhdx"]) as chain:
        assert fingerprint_of(chain.links) == before
    file.data_id = uuid.uuid4()
    file.write_header(128 << 10, file.sequence + 1)
    with open_chain("child.avhdx", folder) as chain:
        after = fingerprint_of(chain.links)
    assert len({before, after, only_base}) == 3
    assert all(len(text) == 64 for text in (before, after))


def test_two_children_of_one_parent_differ_wherever_either_wrote():
    """Also where both wrote at one position of their files."""
    parent, folder = base()
    for name, seed in (("a.avhdx", 0), ("b.avhdx", 1)):
        file = child(parent, name)
        file.full(1, [(0, POOL[seed : seed + MB])])
        file.set_state(3, ZERO)
        file.set_state(4 + seed, ZERO)
        file.data_id = uuid.UUID(int=seed)
        folder.add(file.finish())
    with open_chain("a.avhdx", folder) as a, open_chain("b.avhdx", folder) as b:
        assert changed(a, b) == [(MB, MB), (4 * MB, 2 * MB)]


def test_a_disk_that_became_larger_differs_from_the_old_end_on():
    parent, folder = base()
    file = VhdxFile("child.avhdx", 8 * MB, parent=names_of(parent))
    file.full(6, [(0, NEW)])
    folder.add(file.finish())
    with open_chain("base.vhdx", folder) as a, open_chain("child.avhdx", folder) as b:
        assert changed(a, b) == [(6 * MB, 2 * MB)]
        assert b.read(5 * MB, 3 * MB) == OLD + NEW + bytes(MB)


# -- headers and tables ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("broken", "which"), [(64 << 10, "first"), (128 << 10, "second")])
def test_one_damaged_header_is_made_up_for_by_the_other(broken, which):
    _file, folder = base()
    folder.files["base.vhdx"].write(broken + 100, b"x")
    with open_chain("base.vhdx", folder) as chain:
        assert chain.read(0, 99) == OLD[:99]
        assert chain.warnings == [f"base.vhdx: The {which} of the two headers is damaged; the other one is used"]


def test_two_damaged_headers_are_the_end_of_it():
    _, folder = base()
    for at in (64 << 10, 128 << 10):
        folder.files["base.vhdx"].write(at + 9, b"xxx")
    with pytest.raises(Damaged, match=r"base\.vhdx: both VHDX headers are damaged"):
        open_chain("base.vhdx", folder)


def test_the_header_with_the_higher_number_counts_wherever_it_lies():
    file, folder = base()
    newer = uuid.uuid4()
    file.data_id = newer
    file.write_header(64 << 10, 99)
    assert identify(folder.open("base.vhdx")).data_id == str(newer)
    assert identify(folder.open("base.vhdx")).sequence == 99


def test_equal_headers_of_one_number_are_taken_and_unequal_ones_refused():
    """disk2vhd writes both with one number."""
    file, folder = base()
    file.write_header(64 << 10, 7)
    assert identify(folder.open("base.vhdx")).sequence == 7
    file.data_id = uuid.uuid4()
    file.write_header(64 << 10, 7)
    with pytest.raises(Damaged, match="which counts cannot be told"):
        identify(folder.open("base.vhdx"))


def test_the_second_region_table_makes_up_for_the_first():
    _, folder = base()
    folder.files["base.vhdx"].write((192 << 10) + 40000, b"x")
    with open_chain("base.vhdx", folder) as chain:
        assert chain.read(0, 9) == OLD[:9]
        assert "first of the two region tables is damaged" in chain.warnings[0]
    folder.files["base.vhdx"].write((256 << 10) + 40000, b"x")
    with pytest.raises(Damaged, match="region table is damaged, in both its copies"):
        open_chain("base.vhdx", folder)


def test_what_must_be_understood_and_is_not_is_refused():
    unknown = uuid.uuid4()
    file = VhdxFile("base.vhdx", MB)
    file.extra_regions.append((unknown.bytes_le, 9 * MB, MB, 1))
    with pytest.raises(Unsupported, match=f"required VHDX region of an unknown kind, {unknown}"):
        identify(file.finish())
    file = VhdxFile("base.vhdx", MB)
    file.extra_items.append((unknown.bytes_le, b"12345678", 4))
    with pytest.raises(Unsupported, match=f"required VHDX metadata of an unknown kind, {unknown}"):
        identify(file.finish())
    file = VhdxFile("base.vhdx", MB)
    file.extra_regions.append((unknown.bytes_le, 9 * MB, MB, 0))
    file.extra_items.append((unknown.bytes_le, b"12345678", 1))
    assert identify(file.finish()).size == MB


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 0}, "virtual size is given as 0 bytes"),
        ({"size": (64 << 40) + 512}, "virtual size is given as 70,368,744,178,176 bytes"),
        ({"size": MB + 5}, "virtual size"),
        ({"block": MB + 512}, "block size is given as"),
        ({"block": 512 * MB}, "block size is given as"),
        ({"sector": 520}, "logical sector size is given as 520 bytes"),
    ],
)
def test_sizes_that_cannot_be_are_refused_in_words(options, words):
    file = VhdxFile("base.vhdx", MB)
    for name, value in options.items():
        setattr(file, name, value)
    with pytest.raises(Damaged, match=words):
        identify(file.finish())


def test_a_block_table_too_short_for_the_disk_is_refused():
    """A size far beyond what the file can hold, as a made-up file has it."""
    file = VhdxFile("base.vhdx", MB)
    file.size = 64 << 40
    with pytest.raises(Damaged, match="no room for the 67,108,864 blocks"):
        identify(file.finish())


def test_a_disk_of_64_tb_costs_no_more_memory_than_what_is_looked_at():
    """Its block table has 512 MiB. Sparse in the file, and nearly empty."""
    import tracemalloc

    file = VhdxFile("base.vhdx", 64 << 40)
    file.full(60_000_000, [(0, NEW)])
    folder = SparseFolder(file.finish())
    tracemalloc.start()
    with open_chain("base.vhdx", folder) as chain:
        assert chain.read((60_000_000 << 20) + 5, 50) == NEW[5:55]
        assert chain.read((64 << 40) - 10, 50) == bytes(10)
        stretches = chain.pieces((60_000_000 << 20) - (1 << 40), 2 << 40)
        assert [(piece.start >> 20, piece.length >> 20) for piece in stretches if piece.position >= 0] == [
            (60_000_000, 1)
        ]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * MB


# -- damage to single blocks ------------------------------------------------------------------------------------------


def test_a_bitmap_that_ends_a_whole_file_is_no_shortcoming(tmp_path):
    """A bitmap takes less room than a block: such files are whole, and a lab's or PVS's version may well end so."""
    base, child = tmp_path / "w.vhdx", tmp_path / "w.1.avhdx"
    create_image(base, Geometry(64 * MB))
    with Image(base) as above:
        locator = ParentLocator(above.data_write_guid, ".\\w.vhdx", "D:\\w.vhdx")
        create_image(child, Geometry(64 * MB, differencing=True), parent=locator, disk_id=above.disk_id)
    with Image(child, writable=True) as image:
        image.write(512, NEW[:512])
    with open_chain("w.1.avhdx", LocalFolder(tmp_path)) as chain:
        assert chain.warnings == []
        assert chain.read(512, 512) == NEW[:512]


def test_a_file_shorter_than_its_table_says_is_read_as_far_as_it_goes():
    file = VhdxFile("base.vhdx", 6 * MB)
    places = {block: file.full(block, [(0, OLD)]) for block in range(6)}
    whole = file.finish()
    whole.resize(places[4] + 70_000)
    with open_chain("base.vhdx", SparseFolder(whole)) as chain:
        assert any("2 of its blocks are missing or cut" in text for text in chain.warnings)
        assert chain.read(0, 4 * MB + 70_000) == (OLD * 5)[: 4 * MB + 70_000]
        with pytest.raises(Damaged, match=r"base\.vhdx: block 4 .* should lie at byte .* cut off"):
            chain.read(4 * MB + 70_000 - 1, 2)
        with pytest.raises(Damaged, match="block 5"):
            chain.read(5 * MB, 1)
        assert [tuple(extent)[:3] for extent in chain.extents()][-1] == (5 * MB, MB, 0)
        assert list(chain.extents())[-1].file_offset is None
        assert chain.allocated() == 4 * MB + 70_000


@pytest.mark.parametrize(
    ("state", "position", "words"),
    [
        (4, 0, "in state 4, which does not exist"),
        (FULL, 0, "within the headers"),
        (FULL, 1 << 43, "cut off"),
        (PARTIAL, 9 * MB, "in a file that has no parent"),
    ],
)
def test_a_block_that_cannot_be_is_named_and_the_others_are_read(state, position, words):
    file, folder = base()
    file.set_state(3, state, position)
    folder.add(file.finish())
    with open_chain("base.vhdx", folder) as chain:
        with pytest.raises(Damaged, match=f"block 3 .*{words}"):
            chain.read(3 * MB + 5, 10)
        assert chain.read(4 * MB, 10) == OLD[:10]


def test_a_partial_block_without_its_bitmap_is_refused_not_guessed():
    parent, folder = base()
    file = child(parent)
    file.set_state(2, PARTIAL, file.full(2, [(0, NEW)]))
    folder.add(file.finish())
    with open_chain("child.avhdx", folder) as chain:
        with pytest.raises(Damaged, match=r"block 2 .*which part is missing in the file"):
            chain.read(2 * MB, 512)
        assert chain.read(0, MB) == OLD


def test_checksums_are_those_of_the_castagnoli_polynomial():
    from builders.inspection.images.crc32c import crc32c

    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"123456789" + bytes(70_000)) == struct.unpack("<I", signed_crc(b"123456789" + bytes(70_000)))[0]


def signed_crc(record: bytes) -> bytes:
    from tests.inspection.images import vhdx_writer

    return struct.pack("<I", vhdx_writer.crc32c(record))


@pytest.mark.parametrize(
    "content",
    [b"", b"vhdxfile", b"vhdxfile" + bytes(400_000), bytes(1 << 20), b"conectix" + bytes(504), POOL[:5000]],
)
@pytest.mark.parametrize("name", ["a.vhdx", "a.vhd", "a.bin"])
def test_what_is_no_image_is_said_to_be_none(content, name):
    file = Sparse(0, name)
    file.write(0, content)
    with pytest.raises(Unreadable, match=r"a\.(vhdx|vhd|bin)"):
        identify(file)


def test_a_later_version_of_the_format_is_refused():
    _file, folder = base()
    header = bytearray(folder.files["base.vhdx"].read(128 << 10, 4096))
    header[66:68] = b"\x02\x00"
    folder.files["base.vhdx"].write(128 << 10, signed(bytes(header)))
    with pytest.raises(Unsupported, match="VHDX of version 2"):
        identify(folder.open("base.vhdx"))
