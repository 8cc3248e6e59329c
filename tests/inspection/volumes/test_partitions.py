"""How a disk is divided: tables made here, byte by byte, whole and damaged."""

import uuid

import pytest

from builders.inspection.errors import Damaged, Unsupported
from builders.inspection.volumes import layout, open_ntfs
from builders.inspection.volumes.kinds import BASIC_DATA, EFI_SYSTEM
from lab.stores.disks.fat import SystemVolume
from lab.stores.disks.partitions import Firmware
from lab.stores.disks.partitions import Layout as LabLayout
from tests.inspection.volumes.disks import LAB_SIZE, MIB, Memory, boot_sector_of, by_lab, gpt_disk, mbr_sector, whole

RESERVED = "e3c9e316-0b5c-4db8-817d-f92df00215ae"
RECOVERY = "de94bba4-06d1-4d40-a16a-bfd50179d6ac"
PARTS = [
    (EFI_SYSTEM, "EFI system partition", 64, 511),
    (RESERVED, "Microsoft reserved partition", 512, 767),
    (BASIC_DATA, "Basic data partition", 768, 1499),
]


@pytest.fixture(params=[512, 4096])
def disk(request):
    """EFI system (FAT32), reserved (empty) and Windows (NTFS) behind a GPT."""
    disk = gpt_disk(PARTS, sector=request.param, size=2048 * request.param)
    disk.write(64 * disk.sector, boot_sector_of("FAT"))
    disk.write(768 * disk.sector, boot_sector_of("NTFS"))
    return disk


def told(found):
    return [(each.number, each.kind, each.file_system, each.name) for each in found.partitions]


EXPECTED = [
    (1, "EFI system", "FAT", "EFI system partition"),
    (2, "Microsoft reserved", "empty", "Microsoft reserved partition"),
    (3, "Windows data", "NTFS", "Basic data partition"),
]


def test_a_gpt_tells_its_partitions(disk):
    found = layout(disk)
    assert (found.style, found.disk_id) == ("GPT", "11111111-2222-3333-4444-555555555555")
    assert told(found) == EXPECTED
    assert [(each.start, each.length) for each in found.partitions] == [
        (64 * disk.sector, 448 * disk.sector),
        (512 * disk.sector, 256 * disk.sector),
        (768 * disk.sector, 732 * disk.sector),
    ]
    assert found.partitions[2].kind_id == BASIC_DATA
    assert found.warnings == ()


@pytest.mark.parametrize("place", ["header", "entries"])
def test_the_copy_at_the_end_stands_in_for_a_damaged_beginning(disk, place):
    at = {"header": disk.sector + 40, "entries": 2 * disk.sector + 33}[place]
    disk.content[at] ^= 0xFF
    found = layout(disk)
    assert told(found) == EXPECTED
    assert len(found.warnings) == 1
    assert "at the disk's beginning is damaged" in found.warnings[0]
    assert place in found.warnings[0]


def test_a_wiped_beginning_is_read_from_the_end_too(disk):
    disk.write(disk.sector, bytes(40 * disk.sector))
    assert told(layout(disk)) == EXPECTED


def test_a_damaged_copy_is_told_and_does_no_harm(disk):
    disk.content[disk.size - disk.sector + 16] ^= 1
    found = layout(disk)
    assert told(found) == EXPECTED
    assert "The copy of the partition table (GPT) at the disk's end is damaged" in found.warnings[0]


def test_two_damaged_copies_give_no_partition_and_say_so(disk):
    disk.content[disk.sector + 40] ^= 1
    disk.content[disk.size - disk.sector + 16] ^= 1
    found = layout(disk)
    assert (found.style, found.partitions) == ("GPT", ())
    assert "Both copies" in found.warnings[0]


def test_copies_that_differ_are_told(disk):
    other = gpt_disk([(BASIC_DATA, "another", 768, 1499)], sector=disk.sector, size=disk.size)
    last = disk.size - disk.sector
    disk.write(last - 128 * 128, bytes(other.content[last - 128 * 128 :]))
    found = layout(disk)
    assert told(found) == EXPECTED
    assert "differ" in found.warnings[0]


def test_a_table_for_sectors_of_another_size_is_read_with_a_word_of_warning():
    disk = gpt_disk(PARTS, sector=4096, size=2048 * 4096)
    disk.sector = 512
    found = layout(disk)
    assert [each.start for each in found.partitions] == [64 * 4096, 512 * 4096, 768 * 4096]
    assert "sectors of 4096 bytes; this disk says 512" in found.warnings[0]


def test_a_gpt_without_its_protective_entry_is_used_and_said(disk):
    disk.write(0, bytes(512))
    found = layout(disk)
    assert told(found) == EXPECTED
    assert "protective" in found.warnings[0]


def test_partitions_outside_of_the_disk_are_left_out_and_long_ones_cut():
    disk = gpt_disk(
        [(BASIC_DATA, "far", 1 << 40, 1 << 41), (BASIC_DATA, "long", 64, 1 << 50), (BASIC_DATA, "b", 99, 3)]
    )
    found = layout(disk)
    assert [(each.name, each.length) for each in found.partitions] == [("long", disk.size - 64 * 512)]
    assert "Partition 1 lies outside" in found.warnings[0]
    assert "Partition 2 reaches past" in found.warnings[1]
    assert "Partition 3 lies outside" in found.warnings[2]


def test_a_table_full_of_partitions_is_read_as_far_as_windows_makes_them():
    assert len(layout(gpt_disk([(BASIC_DATA, str(i), 100 + i, 100 + i) for i in range(128)])).partitions) == 128
    disk = gpt_disk([(BASIC_DATA, str(i), 100 + i, 100 + i) for i in range(128)] * 2)
    found = layout(disk)
    assert len(found.partitions) == 128
    assert found.warnings == ("The GPT has 256 partitions; the first 128 were read.",)


def test_an_mbr_tells_its_partitions():
    disk = Memory(bytes(8 * MIB))
    disk.write(0, mbr_sector([(0x80, 0x07, 2048, 4096), (0, 0x27, 8192, 1024), (0, 0x42, 10000, 100)]))
    disk.write(2048 * 512, boot_sector_of("NTFS"))
    found = layout(disk)
    assert (found.style, found.disk_id) == ("MBR", "12345678")
    assert [(e.number, e.kind_id, e.kind, e.file_system, e.is_active) for e in found.partitions] == [
        (1, "0x07", "Windows data", "NTFS", True),
        (2, "0x27", "Windows recovery", "empty", False),
        (3, "0x42", "dynamic disk", "empty", False),
    ]
    assert "Partition 3 belongs to a dynamic disk" in found.warnings[0]


def extended_disk() -> Memory:
    """A primary partition, and two inside an extended one from sector 4096 on."""
    disk = Memory(bytes(8 * MIB))
    disk.write(0, mbr_sector([(0, 0x07, 2048, 1024), (0, 0x0F, 4096, 8192)]))
    disk.write(4096 * 512, mbr_sector([(0, 0x07, 63, 500), (0, 0x05, 2048, 2048)]))
    disk.write((4096 + 2048) * 512, mbr_sector([(0, 0x07, 63, 600)]))
    disk.write((4096 + 63) * 512, boot_sector_of("NTFS"))
    return disk


def test_partitions_inside_an_extended_one_are_found():
    found = layout(extended_disk())
    assert [(e.number, e.start // 512, e.length // 512, e.file_system) for e in found.partitions] == [
        (1, 2048, 1024, "empty"),
        (5, 4096 + 63, 500, "NTFS"),
        (6, 4096 + 2048 + 63, 600, "empty"),
    ]
    assert found.warnings == ()


@pytest.mark.parametrize("following", [0, 2048, 1 << 30])
def test_a_chain_of_extended_partitions_that_turns_back_or_leads_away_ends(following):
    disk = extended_disk()
    disk.write((4096 + 2048) * 512, mbr_sector([(0, 0x07, 63, 600), (0, 0x05, following, 1)]))
    found = layout(disk)
    assert [each.number for each in found.partitions] == [1, 5, 6]
    assert "chain of extended partitions is damaged" in found.warnings[0]


@pytest.mark.parametrize("system", ["NTFS", "FAT", "ReFS", "BitLocker", "exFAT"])
def test_a_disk_may_be_one_volume(system):
    disk = Memory(boot_sector_of(system) + bytes(MIB))
    found = layout(disk)
    assert (found.style, told(found)) == ("none", [(0, "whole disk", system, "")])
    assert (found.partitions[0].start, found.partitions[0].length) == (0, disk.size)


@pytest.mark.parametrize("content", [b"", bytes(100), bytes(MIB), b"\xff" * MIB])
def test_a_disk_without_a_table_has_no_partition(content):
    found = layout(Memory(content))
    assert (found.style, found.partitions) == ("none", ())
    assert found.warnings


def test_an_empty_table_says_so():
    found = layout(Memory(mbr_sector([]) + bytes(MIB)))
    assert (found.style, found.partitions) == ("MBR", ())
    assert "empty" in found.warnings[0]


@pytest.mark.parametrize(
    ("system", "words"),
    [("BitLocker", "encrypted with BitLocker"), ("ReFS", "ReFS, which is not read"), ("FAT", "FAT")],
)
def test_other_file_systems_are_refused_in_words(system, words):
    disk = Memory(boot_sector_of(system) + bytes(MIB))
    with pytest.raises(Unsupported, match=words):
        open_ntfs(disk, layout(disk).partitions[0])


def test_a_bitlocker_partition_is_known_in_a_table():
    disk = gpt_disk([(BASIC_DATA, "Windows", 64, 999)])
    disk.write(64 * 512, boot_sector_of("BitLocker"))
    assert layout(disk).partitions[0].file_system == "BitLocker"


def test_a_volume_is_read_inside_its_partition():
    disk = gpt_disk([(BASIC_DATA, "Windows", 2048, 2048 + LAB_SIZE // 512 - 1)], size=LAB_SIZE + 4 * MIB)
    disk.write(MIB, bytes(by_lab({r"a\b.txt": b"inside"}).content))
    assert open_ntfs(disk, layout(disk).partitions[0]).read(r"A\B.TXT", 100) == b"inside"


def test_the_copy_of_the_boot_sector_stands_in_for_a_damaged_one():
    disk = by_lab({"a.txt": b"here"})
    disk.write(disk.size - 512, disk.read(0, 512))
    disk.write(0, bytes(512))
    volume = open_ntfs(disk, whole(disk))
    assert volume.read("a.txt", 10) == b"here"
    assert "its copy at the partition's end was used" in volume.warnings[0]


def test_a_partition_that_lost_its_first_sector_is_known_by_the_copy():
    disk = gpt_disk([(BASIC_DATA, "Windows", 2048, 2048 + LAB_SIZE // 512 - 1)], size=LAB_SIZE + 4 * MIB)
    disk.write(MIB, bytes(by_lab({"a.txt": b"here"}).content))
    disk.write(MIB + LAB_SIZE - 512, disk.read(MIB, 512))
    disk.write(MIB, bytes(512))
    found = layout(disk)
    assert found.partitions[0].file_system == "NTFS"
    assert "has lost its first sector" in found.warnings[0]
    assert open_ntfs(disk, found.partitions[0]).read("a.txt", 10) == b"here"


def test_two_damaged_boot_sectors_are_damage():
    disk = by_lab({"a.txt": b"here"})
    disk.write(disk.size - 512, bytes(512))
    disk.write(0, bytes(512))
    with pytest.raises(Damaged, match="and so is its copy"):
        open_ntfs(disk, whole(disk))


def test_a_layout_is_plain_data():
    found = layout(gpt_disk(PARTS)).as_dict()
    assert found["partitions"][0] == {
        "number": 1,
        "start": 64 * 512,
        "length": 448 * 512,
        "kind_id": EFI_SYSTEM,
        "kind": "EFI system",
        "name": "EFI system partition",
        "file_system": "empty",
        "is_active": False,
        "partition_id": str(uuid.uuid5(uuid.NAMESPACE_URL, "EFI system partition")),
    }


@pytest.mark.parametrize(
    ("firmware", "style", "expected"),
    [
        (
            Firmware.UEFI,
            "GPT",
            [("EFI system", "FAT"), ("Microsoft reserved", "empty"), ("Windows data", "NTFS")],
        ),
        (Firmware.BIOS, "MBR", [("Windows data", "NTFS")]),
    ],
)
def test_the_labs_disks_are_read_as_it_means_them(firmware, style, expected):
    disk_id = uuid.UUID("99999999-8888-7777-6666-555555555555")
    made = LabLayout(150 * MIB, firmware, disk_id)
    disk = Memory(bytes(made.size_bytes))
    pieces = list(made.tables())
    pieces += [(made.windows.start * 512 + at, piece) for at, piece in [(0, boot_sector_of("NTFS"))]]
    if made.system:
        start = made.system.start
        volume = SystemVolume(made.system.sectors, start_sector=start, serial=7, made_at=1_700_000_000.0)
        pieces += [(start * 512 + at, piece) for at, piece in volume.pieces({r"EFI\Boot\bootx64.efi": b"MZ"})]
    for at, piece in pieces:
        disk.write(at, piece)
    found = layout(disk)
    assert (found.style, found.warnings) == (style, ())
    assert [(each.kind, each.file_system) for each in found.partitions] == expected
    windows = found.partitions[-1]
    assert (windows.start, windows.length) == (made.windows.start * 512, made.windows.sectors * 512)
    assert found.disk_id == str(disk_id) or firmware is Firmware.BIOS
