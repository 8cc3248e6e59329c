"""VHD files as they come."""

from __future__ import annotations

import struct
import uuid

import pytest

from builders.inspection.errors import Damaged, Unsupported, WrongParent
from builders.inspection.images import fingerprint_of, identify, open_chain
from tests.inspection.images.model import POOL
from tests.inspection.images.sparse import Sparse, SparseFolder
from tests.inspection.images.vhd_writer import DIFFERENCING, FIXED, VhdFile, names_of, summed

KB, MB = 1 << 10, 1 << 20
OLD, NEW = POOL[: 2 * MB], POOL[2 * MB : 4 * MB]


def base(**options) -> tuple[VhdFile, SparseFolder]:
    file = VhdFile("base.vhd", 7 * MB, **options)
    for block in (2, 0, 1):
        file.put(block, [(0, OLD)])
    return file, SparseFolder(file.finish())


def child(of: VhdFile, **options) -> VhdFile:
    known = {"parent": (of.unique_id, of.timestamp, of.name), "locators": names_of(of)}
    return VhdFile("child.avhd", of.size, kind=DIFFERENCING, **(known | options))


def fixed(size: int = 3 * MB, **options) -> tuple[VhdFile, Sparse]:
    file = VhdFile("fixed.vhd", size, kind=FIXED, **options)
    file.file.write(0, POOL[:size])
    return file, file.finish()


def test_a_fixed_file_is_the_disk_and_a_footer():
    file, made = fixed()
    with open_chain("fixed.vhd", SparseFolder(made)) as chain:
        assert chain.read(0, 9 * MB) == POOL[: 3 * MB]
        facts = chain.links[0]
        assert (facts.format, facts.kind, facts.size, facts.block_size, facts.sector) == (
            "VHD",
            "fixed",
            3 * MB,
            0,
            512,
        )
        assert facts.disk_id == str(file.unique_id)
        assert [tuple(extent) for extent in chain.extents()] == [(0, 3 * MB, 0, 0)]


@pytest.mark.parametrize("creator", [b"win ", b"d2v ", b"vpc ", b"vs  ", b"qemu", b"CTXS", b"tap\0"])
@pytest.mark.parametrize("kind", ["fixed", "dynamic"])
def test_the_size_is_what_the_footer_says_and_not_its_geometry(creator, kind):
    """disk2vhd and others: cylinders x heads x sectors is less than, or more than, the disk."""
    size = 3 * MB + 7 * 512
    file = VhdFile("a.vhd", size, kind=FIXED if kind == "fixed" else 3, creator=creator)
    if kind == "fixed":
        file.file.write(0, POOL[:size])
    else:
        file.put(1, [(0, POOL[2 * MB : size])])
    with open_chain("a.vhd", SparseFolder(file.finish())) as chain:
        assert chain.size == size
        assert chain.read(2 * MB, 2 * MB) == POOL[2 * MB : size]


@pytest.mark.parametrize("kind", ["fixed", "dynamic"])
def test_a_footer_of_511_bytes(kind):
    """Before Virtual PC 2004."""
    if kind == "fixed":
        file = VhdFile("a.vhd", 2 * MB, kind=FIXED)
        file.file.write(0, OLD)
    else:
        file = VhdFile("a.vhd", 2 * MB)
        file.put(0, [(0, OLD)])
    made = file.finish(footer_length=511)
    assert made.size % 512 == 511
    with open_chain("a.vhd", SparseFolder(made)) as chain:
        assert chain.read(0, 3 * MB) == OLD
        assert chain.warnings == []


@pytest.mark.parametrize("cut", [2, 100, 512, 70_000])
def test_the_copy_of_the_footer_at_the_start_makes_up_for_a_lost_one(cut):
    _, folder = base()
    made = folder.files["base.vhd"]
    made.resize(made.size - cut)
    with open_chain("base.vhd", folder) as chain:
        assert chain.read(0, MB) == OLD[:MB]
        assert chain.warnings[0].startswith("base.vhd: The footer at its end is missing or damaged")
        if cut > 512:
            assert "1 of its blocks are missing or cut" in chain.warnings[1]
            with pytest.raises(Damaged, match=r"base\.vhd: block 1 .* cut off"):
                chain.read(2 * MB, 2 * MB)
        else:
            assert chain.read(0, 6 * MB) == OLD * 3


def test_a_footer_with_a_wrong_sum_is_not_believed():
    _, folder = base()
    made = folder.files["base.vhd"]
    made.write(made.size - 512 + 48, struct.pack(">Q", 1 << 40))
    assert identify(folder.open("base.vhd")).size == 7 * MB
    made.write(48, struct.pack(">Q", 1 << 40))
    with pytest.raises(Damaged, match="checksum of its VHD footer is wrong"):
        identify(folder.open("base.vhd"))


def test_a_fixed_file_without_its_footer_is_said_to_be_cut():
    _, made = fixed()
    made.resize(2 * MB)
    with pytest.raises(Damaged, match=r"fixed\.vhd has no VHD footer at its end"):
        identify(made)


def test_a_fixed_file_shorter_than_its_footer_says_is_read_as_far_as_it_goes():
    _file, made = fixed()
    footer = made.read(3 * MB, 512)
    made.resize(2 * MB)
    made.write(2 * MB, footer)
    with open_chain("fixed.vhd", SparseFolder(made)) as chain:
        assert chain.read(0, 2 * MB) == POOL[: 2 * MB]
        assert "holds 2,097,152 of the disk's 3,145,728 bytes" in chain.warnings[0]
        with pytest.raises(Damaged, match="byte 2,097,152 is missing"):
            chain.read(MB, 2 * MB)


def test_bitmaps_count_from_the_highest_bit():
    parent, folder = base()
    file = child(parent)
    file.put(1, [(0, NEW)], bits=0b1 | 0b110 << 7)
    folder.add(file.finish())
    mixed = NEW[:512] + OLD[512 : 8 * 512] + NEW[8 * 512 : 10 * 512] + OLD[10 * 512 :]
    with open_chain("child.avhd", folder) as chain:
        assert chain.read(2 * MB, 2 * MB) == mixed
        assert chain.read(2 * MB + 8 * 512 - 3, 9) == mixed[8 * 512 - 3 :][:9]
        assert chain.read(0, 2 * MB) == OLD
        assert chain.read(6 * MB, MB) == bytes(MB)


@pytest.mark.parametrize("block", [512 * KB, 2 * MB, 16 * MB])
def test_the_data_lies_behind_a_bitmap_of_whole_sectors(block):
    """128 bytes of bits take a sector, 4,096 take eight: PVS makes blocks of 16 MB."""
    file = VhdFile("a.vhd", 3 * block, block=block)
    file.put(1, [(0, OLD[:KB])])
    with open_chain("a.vhd", SparseFolder(file.finish())) as chain:
        assert chain.links[0].block_size == block
        assert chain.read(block, 2 * KB) == OLD[:KB] + bytes(KB)


def test_in_a_dynamic_file_what_was_never_written_is_zero_if_the_file_keeps_bitmaps():
    file = VhdFile("a.vhd", 4 * MB)
    file.put(0, [(0, OLD)], bits=0b10)
    file.put(1, [(0, NEW)], bits=0)  # software that keeps none: the block as it is
    with open_chain("a.vhd", SparseFolder(file.finish())) as chain:
        assert chain.read(0, 2 * MB) == bytes(512) + OLD[512:1024] + bytes(2 * MB - 1024)
        assert chain.read(2 * MB, 2 * MB) == NEW


@pytest.mark.parametrize(
    ("locators", "name"),
    [
        ([(b"W2ru", ".\\base.vhd".encode("utf-16-le"))], "gone.vhd"),
        ([(b"W2ku", "D:\\a\\base.vhd".encode("utf-16-le"))], ""),
        ([(b"MacX", b"file://localhost/a/b/base.vhd")], "gone.vhd"),
        ([(b"Wi2k", b"D:\\a\\base.vhd")], ""),
        ([(b"Zzzz", b"nonsense")], "base.vhd"),
        ([], "base.vhd"),
        ([(b"W2ku", "D:\\a\\gone.vhd".encode("utf-16-le")), (b"W2ru", "BASE.VHD".encode("utf-16-le"))], "other.vhd"),
    ],
)
def test_the_parent_is_found_by_any_of_its_locators(locators, name):
    parent, folder = base()
    file = child(parent, locators=locators, parent=(parent.unique_id, 5, name))
    file.put(0, [(0, NEW)], bits=1)
    folder.add(file.finish())
    with open_chain("child.avhd", folder) as chain:
        assert [link.name for link in chain.links] == ["child.avhd", "base.vhd"]
        assert chain.links[0].parent_id == str(parent.unique_id)
        assert chain.read(0, 1024) == NEW[:512] + OLD[512:1024]


@pytest.mark.parametrize(("at", "length"), [(1 << 40, 20), (0, 1 << 31), (1 << 63, 20)])
def test_a_locator_that_leads_out_of_the_file_is_left_out(at, length):
    parent, folder = base()
    file = child(parent)
    header = bytearray(file.header())
    header[576 + 8 : 576 + 24] = struct.pack(">IIQ", length, 0, at)
    file.header = lambda: summed(bytes(header), 36)
    folder.add(file.finish())
    with open_chain("child.avhd", folder) as chain:
        assert chain.links[0].parent_names == ("base.vhd",)


def test_a_parent_of_another_identity_is_refused():
    parent, folder = base()
    file = child(parent)
    folder.add(file.finish())
    parent.unique_id = uuid.uuid4()
    folder.add(parent.finish())
    with pytest.raises(WrongParent, match=r"base\.vhd is not the parent that child\.avhd was made on"):
        open_chain("child.avhd", folder)


def test_the_fingerprint_changes_when_a_block_is_added():
    _file, folder = base()
    before = identify(folder.open("base.vhd"))
    size = folder.files["base.vhd"].size
    again, other = base()
    again.put(3, [(0, NEW[:MB])])
    other.add(again.finish())
    after = identify(other.open("base.vhd"))
    assert fingerprint_of([before]) != fingerprint_of([after])
    assert before.data_id != after.data_id
    assert size == before.file_size


@pytest.mark.parametrize(
    ("at", "value", "error", "words"),
    [
        (0, b"cxspoilt", Damaged, "VHD header is damaged"),
        (24, struct.pack(">I", 2 << 16), Unsupported, "VHD header of version 2"),
        (28, struct.pack(">I", 2), Damaged, "2 entries, too few for 7,340,032 bytes"),
        (32, struct.pack(">I", 3 * MB), Damaged, "block size is given as 3,145,728"),
        (32, struct.pack(">I", 512), Damaged, "block size is given as 512"),
        (16, struct.pack(">Q", 1 << 60), Damaged, "within its block allocation table"),
    ],
)
def test_a_header_that_cannot_be_is_refused_in_words(at, value, error, words):
    _, folder = base()
    made = folder.files["base.vhd"]
    header = bytearray(made.read(512, 1024))
    header[at : at + len(value)] = value
    made.write(512, summed(bytes(header), 36))
    with pytest.raises(error, match=words):
        identify(folder.open("base.vhd"))


@pytest.mark.parametrize(
    ("at", "value", "error", "words"),
    [
        (12, struct.pack(">I", 2 << 16), Unsupported, "VHD of version 2"),
        (60, struct.pack(">I", 6), Unsupported, "VHD of kind 6"),
        (48, bytes(8), Damaged, "virtual size is given as 0 bytes"),
        (16, struct.pack(">Q", 1 << 60), Damaged, "its VHD header should lie at byte"),
    ],
)
def test_a_footer_that_cannot_be_is_refused_in_words(at, value, error, words):
    _, folder = base()
    made = folder.files["base.vhd"]
    footer = bytearray(made.read(0, 512))
    footer[at : at + len(value)] = value
    made.write(made.size - 512, summed(bytes(footer), 64))
    with pytest.raises(error, match=words):
        identify(folder.open("base.vhd"))
