"""Every file by one pass over the file table: what libfsntfs finds by walking the folders is what the pass finds."""

import os
import random

import pytest

from builders.inspection.volumes import list_files
from lab.stores.hives.writer import filetime
from lab.stores.ntfs.records import Record, reference
from tests.inspection.volumes import crafted
from tests.inspection.volumes.disks import (
    TABLE_AT,
    Memory,
    by_lab,
    by_tools,
    listed_by_library,
    put_record,
    record_number,
    volume_of,
)

CHANCE = random.Random(9)
FILES = {
    **{rf"Windows\WinSxS\component {i % 9}\library {i}.dll": CHANCE.randbytes(i * 41) for i in range(120)},
    r"Users\Bär\日本語 😀.txt": b"here",
    "\\".join(f"level {i}" for i in range(60)) + r"\bottom.txt": b"deep",
}
FREE = 300
"""A record that these files leave free; there are some behind it."""


@pytest.fixture(scope="module")
def made():
    disk = by_lab(FILES)
    assert volume_of(disk).table.count < FREE
    return grown(disk, FREE + 100)


@pytest.fixture
def disk(made):
    return made.copy()


def grown(disk: Memory, count: int) -> Memory:
    """The table says that it is longer; its clusters are there, and empty."""
    record = Record(0)
    for part in volume_of(disk).table.record(0).attributes:
        if part.value is not None:
            record.add(part.kind, part.value, name=part.name)
        elif part.kind == 0x80:
            record.add_elsewhere(0x80, list(part.runs), count * 1024)
        else:
            record.add_elsewhere(part.kind, list(part.runs), part.size, name=part.name)
    put_record(disk, 0, record.pack())
    return disk


def listed(disk: Memory, *, times: float = 10_000_000) -> dict[str, tuple[int, bool, int]]:
    found = {}
    for entry in list_files(volume_of(disk)):
        assert entry.path not in found
        found[entry.path] = (entry.size, entry.is_folder, round(entry.modified_at * times) + 116444736000000000)
    return found


def near(ours: dict, theirs: dict) -> bool:
    """Equal, times to a microsecond: seconds since 1970 keep no more of them."""
    return ours.keys() == theirs.keys() and all(
        ours[path][:2] == theirs[path][:2] and abs(ours[path][2] - theirs[path][2]) <= 10 for path in ours
    )


def test_the_library_lists_the_same(disk):
    ours = listed(disk)
    assert near(ours, listed_by_library(disk))
    assert {path: size for path, (size, is_folder, _) in ours.items() if not is_folder} == {
        path: len(content) for path, content in FILES.items()
    }


def test_folders_tell_the_same_as_the_pass(disk):
    volume = volume_of(disk)
    files = {entry.path for entry in list_files(volume) if not entry.is_folder}
    assert set(volume.walk()) == files
    assert volume.warnings == []


def test_an_entry_tells_its_record_and_time(disk):
    number = record_number(disk, r"Users\Bär\日本語 😀.txt")
    entry = next(each for each in list_files(volume_of(disk)) if each.path == r"Users\Bär\日本語 😀.txt")
    assert entry == (r"Users\Bär\日本語 😀.txt", 4, 1_700_000_000.0, False, number, 1)


@pytest.mark.parametrize("options", [(), ("-s", "4096"), ("-c", "512")], ids=" ".join)
def test_the_library_lists_the_same_on_volumes_of_other_tools(tmp_path, options):
    tree = tmp_path / "tree"
    folder = tree / "Windows" / "many names"
    folder.mkdir(parents=True)
    (folder / "first.txt").write_text("one file")
    for index in range(60):
        os.link(folder / "first.txt", folder / f"the same file under another and rather long name, number {index}")
    for index in range(100):
        (tree / f"file {index} with a long name").write_bytes(bytes(index * 50))
    os.link(folder / "first.txt", tree / "elsewhere.txt")
    (tree / "link").symlink_to("Windows")
    disk = by_tools(tmp_path, tree, options=options)
    ours = listed(disk)
    assert near(ours, listed_by_library(disk))
    assert len([path for path, facts in ours.items() if facts[0] == 8]) == 62
    assert len(ours) == 62 + 100 + 3


def test_larger_clusters_are_listed_where_the_library_finds_folders_empty(tmp_path):
    """The library's known fault: with clusters larger than an index block a large folder is empty to it."""
    tree = tmp_path / "tree"
    (tree / "folder").mkdir(parents=True)
    names = {f"a file with quite a long name, number {index}.txt" for index in range(60)}
    for name in names:
        (tree / "folder" / name).write_text(name)
    disk = by_tools(tmp_path, tree, options=("-c", "65536"))
    volume = volume_of(disk)
    assert {entry.path for entry in list_files(volume)} == {"folder"} | {rf"folder\{name}" for name in names}
    assert set(volume.names("folder")) == names


def test_a_file_of_several_records_is_listed_once_with_all_its_names(disk):
    base = reference(FREE, 1)
    first = Record(FREE)
    first.add(0x10, crafted.standard_information(crafted.TIMES, 0x20))
    first.add(0x20, crafted.listed((0x30, 0, reference(FREE + 1, 1)), (0x80, 0, reference(FREE + 1, 1))))
    first.add(0x30, crafted.name("ONE~1.TXT", kind=2))
    put_record(disk, FREE, first.pack())
    more = Record(FREE + 1)
    more.add(0x30, crafted.name("one long name.txt", kind=1))
    more.add(0x30, crafted.name("another name.txt", kind=0))
    more.add_elsewhere(0x80, [(3000, 5)], 20_000)
    put_record(disk, FREE + 1, crafted.belonging_to(more.pack(), base))
    before = {entry.path for entry in list_files(volume_of(disk)) if entry.record < FREE}
    added = {path: facts for path, facts in listed(disk).items() if path not in before}
    assert added == {
        "one long name.txt": (20_000, False, crafted.MODIFIED),
        "another name.txt": (20_000, False, crafted.MODIFIED),
    }


def test_a_folder_that_stands_behind_its_files_is_found(disk):
    for number in range(FREE, FREE + 50):
        parent = reference(number + 1, 1) if number < FREE + 49 else crafted.ROOT
        put_record(disk, number, crafted.file(number, f"up {number}", parent=parent, flags=3).pack())
    paths = {entry.path for entry in list_files(volume_of(disk)) if entry.record >= FREE}
    assert len(paths) == 50
    assert max(paths, key=len) == "\\".join(f"up {number}" for number in range(FREE + 49, FREE - 1, -1))


def test_what_has_no_folder_or_lies_in_a_circle_is_counted_and_left_out(disk):
    put_record(disk, FREE, crafted.file(FREE, "orphan", parent=reference(FREE + 90, 1)).pack())
    put_record(disk, FREE + 1, crafted.file(FREE + 1, "old", parent=reference(FREE + 2, 7)).pack())
    put_record(disk, FREE + 2, crafted.file(FREE + 2, "circle", parent=reference(FREE + 3, 1), flags=3).pack())
    put_record(disk, FREE + 3, crafted.file(FREE + 3, "circle", parent=reference(FREE + 2, 1), flags=3).pack())
    put_record(disk, FREE + 4, crafted.file(FREE + 4, "itself", parent=reference(FREE + 4, 1), flags=3).pack())
    volume = volume_of(disk)
    assert all(entry.record < FREE for entry in list_files(volume))
    assert volume.warnings == ["5 files belong to a folder that is not there and were left out."]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (510, b"\xff\xff"),
        (4, b"\xff\xff"),
        (6, b"\x01\x00"),
        (0x38 + 4, b"\xff\xff\xff\x00"),
        (0x38 + 4, b"\x00\x00\x00\x00"),
        (0, b"BAAD"),
        (0, b"XXXX"),
    ],
)
def test_each_bad_record_is_caught_by_itself_and_counted(disk, at, value):
    path = r"Windows\WinSxS\component 4\library 67.dll"
    number = record_number(disk, path)
    before = listed(disk)
    disk.write(TABLE_AT + number * 1024 + at, value)
    volume = volume_of(disk)
    assert {entry.path for entry in list_files(volume)} == before.keys() - {path}
    assert volume.warnings == [
        f"1 records of the file table are damaged and were left out (the first is record {number})."
    ]


def test_letters_that_no_name_may_have_do_not_lead_elsewhere(disk):
    put_record(disk, FREE, crafted.file(FREE, "..\\..\\etc/passwd\0x").pack())
    assert [entry.path for entry in list_files(volume_of(disk)) if entry.record == FREE] == ["..�..�etc�passwd�x"]


def test_half_of_a_letter_does_not_end_the_listing(disk):
    bad = bytearray(crafted.name("abc"))
    bad[66:68] = b"\x00\xd8"
    record = Record(FREE)
    record.add(0x10, crafted.standard_information(crafted.TIMES, 0x20))
    record.add(0x30, bytes(bad))
    put_record(disk, FREE, record.pack())
    found = [entry.path for entry in list_files(volume_of(disk)) if entry.record == FREE]
    assert len(found) == 1
    found[0].encode("utf-8")


@pytest.mark.parametrize("when", [0, 1, 116444736000000000 - 1, 1 << 63, (1 << 64) - 1])
def test_a_time_outside_of_the_calendar_is_none(disk, when):
    record = crafted.file(FREE, "timeless")
    part = bytearray(record._parts[0])
    part[32:40] = when.to_bytes(8, "little")
    record._parts[0] = bytes(part)
    put_record(disk, FREE, record.pack())
    assert [each.modified_at for each in list_files(volume_of(disk)) if each.record == FREE] == [0.0]


def test_paths_that_grow_without_end_are_cut_off(disk):
    """Folders in folders, each with the longest name there is: the paths would take more memory than the volume."""
    many = by_long_chain(disk, 400)
    volume = volume_of(many)
    assert max(len(entry.path) for entry in list_files(volume)) <= 32_767
    assert "were left out" in volume.warnings[0]


def by_long_chain(disk: Memory, count: int) -> Memory:
    disk = grown(disk, FREE + count + 10)
    for number in range(FREE, FREE + count):
        parent = reference(number - 1, 1) if number > FREE else crafted.ROOT
        record = Record(number, 1, 3)
        record.add(0x30, crafted.name("x" * 250, parent))
        put_record(disk, number, record.pack())
    return disk


def test_a_table_in_many_pieces_is_read_whole(disk):
    """Its list of clusters goes on in another record, as on a volume that grew full and fragmented."""
    before = listed(disk)
    table = volume_of(disk).table
    pieces, rest, others = [10, 5, 3], 2000, [15, 14]
    first = pieces[0]
    size = table.extents.size
    content = table.extents.read(0, size)
    clusters = -(-size // 4096)
    disk.write(rest * 4096, content[first * 4096 :])
    disk.write((4 + first) * 4096, bytes(size - first * 4096))
    record = Record(0)
    old = table.record(0)
    record.add(0x10, next(each.value for each in old.of_kind(0x10)))
    listing = [(0x80, 0, reference(0, 1))]
    listing += [(0x80, sum(pieces[: index + 1]), reference(other, 1)) for index, other in enumerate(others)]
    record.add(0x20, crafted.listed(*listing))
    record.add(0x30, next(each.value for each in old.of_kind(0x30)), is_indexed=True)
    record.add_elsewhere(0x80, [(4, first)], size)
    put_record(disk, 0, record.pack())
    for index, other in enumerate(others):
        start = sum(pieces[: index + 1])
        count = pieces[1] if index == 0 else clusters - start
        more = Record(other)
        more.add_elsewhere(0x80, [(rest + start - first, count)], 0)
        packed = crafted.from_cluster(more, start).pack()
        put_record(disk, other, crafted.belonging_to(packed, reference(0, 1)))
    assert listed(disk) == before


def test_a_table_that_says_it_is_endless_ends_with_its_clusters(disk):
    disk = grown(disk, 1 << 40)
    volume = volume_of(disk)
    assert volume.table.count == 4096
    assert near(listed(disk), listed_by_library(by_lab(FILES)))


def test_times_are_the_files_own():
    disk = by_lab({"a.txt": b"1"})
    assert listed(disk)["a.txt"][2] == filetime(1_700_000_000.0)
