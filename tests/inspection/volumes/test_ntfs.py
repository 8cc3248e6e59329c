"""Files by path: what is read is what was written, and what stands for something else is named, not read."""

import os
import random

import pytest

from builders.inspection.errors import Damaged, Unsupported
from builders.inspection.volumes import Cached, open_ntfs
from lab.stores.ntfs.records import reference
from tests.inspection.volumes import crafted
from tests.inspection.volumes.disks import (
    TABLE_AT,
    by_lab,
    by_tools,
    put_record,
    record_number,
    volume_of,
    whole,
)

CHANCE = random.Random(5)
FILES = {
    r"Windows\System32\config\SOFTWARE": CHANCE.randbytes(300_000),
    r"Windows\System32\config\SYSTEM": CHANCE.randbytes(4096),
    r"Windows\small.ini": b"[a]\r\n",
    r"Windows\empty.txt": b"",
    r"Users\Bär\日本語 😀.txt": "Grüße".encode(),
}


@pytest.fixture(scope="module")
def made():
    return by_lab(FILES)


@pytest.fixture
def disk(made):
    return made.copy()


def test_files_are_read_by_path_in_any_case(disk):
    volume = open_ntfs(Cached(disk), whole(disk))
    for path, content in FILES.items():
        for spelt in (path, path.upper(), path.lower(), path.replace("\\", "/"), "\\" + path):
            assert volume.read(spelt, 1 << 20) == content
            assert volume.exists(spelt)
    assert volume.label == "LAB"
    assert volume.warnings == []


def test_at_most_what_was_asked_for_is_read(disk):
    assert (
        volume_of(disk).read(r"windows\SYSTEM32\config\software", 10) == FILES[r"Windows\System32\config\SOFTWARE"][:10]
    )


def test_a_file_object_reads_seeks_and_tells(disk):
    content = FILES[r"Windows\System32\config\SOFTWARE"]
    with volume_of(disk).open(r"Windows\System32\config\SOFTWARE") as file:
        assert (file.size, file.get_size(), file.tell()) == (len(content), len(content), 0)
        assert file.seek(-10, os.SEEK_END) == len(content) - 10
        assert file.read(100) == content[-10:]
        assert file.read(1) == b""
        file.seek(5)
        assert file.seek(5, os.SEEK_CUR) == 10
        buffer = bytearray(7)
        assert file.readinto(buffer) == 7
        assert bytes(buffer) == content[10:17]
        assert file.read_at(4090, 20) == content[4090:4110]
        assert file.tell() == 17
        assert file.read() == content[17:]
        with pytest.raises(ValueError, match="before the beginning"):
            file.seek(-1)


def test_folders_tell_their_names(disk):
    volume = volume_of(disk)
    assert sorted(volume.names("")) == ["Users", "Windows"]
    assert sorted(volume.names(r"windows\system32\CONFIG")) == ["SOFTWARE", "SYSTEM"]
    assert sorted(volume.walk()) == sorted(FILES)
    assert sorted(volume.walk("Windows")) == sorted(path for path in FILES if path.startswith("Windows"))
    assert list(volume.walk("nowhere")) == []
    assert volume.is_folder("Users")
    assert not volume.is_folder(r"Windows\small.ini")
    assert not volume.is_folder("nowhere")


def test_a_walk_ends_at_its_limit_and_says_so(disk):
    volume = volume_of(disk)
    assert len(list(volume.walk(at_most=2))) == 2
    assert "More than 2 files" in volume.warnings[0]


@pytest.mark.parametrize(
    "path", ["nowhere", r"Windows\nothing", r"Windows\small.ini\below", r"Windows\..\Users", "Wind*"]
)
def test_what_is_not_there_is_not_found(disk, path):
    volume = volume_of(disk)
    assert not volume.exists(path)
    with pytest.raises(FileNotFoundError):
        volume.read(path, 10)
    with pytest.raises(FileNotFoundError):
        volume.names(path)


def test_a_folder_is_no_file_and_a_file_no_folder(disk):
    volume = volume_of(disk)
    with pytest.raises(Unsupported, match="is a folder"):
        volume.open("Windows")
    with pytest.raises(Unsupported, match="not a folder"):
        volume.names(r"Windows\small.ini")


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (0x80000017, r"compressed by Windows \(CompactOS\), not read"),
        (0x80000013, "deduplicated by Windows Server"),
        (0xA000000C, "symbolic link, not followed"),
        (0xA0000003, "junction, not followed"),
        (0x9000701A, "in the cloud"),
        (0x80001234, "unknown kind 0x80001234"),
    ],
)
def test_a_file_that_stands_for_something_else_is_named_and_not_read(disk, tag, words):
    number = record_number(disk, r"Windows\small.ini")
    record = crafted.file(number, "small.ini")
    record.add(0x80, b"not what the file holds")
    record.add(0xC0, crafted.reparse(tag, b"content"))
    put_record(disk, number, record.pack())
    volume = volume_of(disk)
    assert volume.exists(r"Windows\small.ini")
    with pytest.raises(Unsupported, match=words):
        volume.read(r"Windows\small.ini", 100)
    assert volume.read(r"Windows\System32\config\SYSTEM", 1 << 20) == FILES[r"Windows\System32\config\SYSTEM"]


def test_an_encrypted_file_is_named_and_not_read(disk):
    number = record_number(disk, r"Windows\small.ini")
    record = crafted.file(number, "small.ini")
    record.add_elsewhere(0x80, [(3000, 1)], 100)
    put_record(disk, number, crafted.with_flags(record, crafted.ENCRYPTED).pack())
    with pytest.raises(Unsupported, match="EFS"):
        volume_of(disk).open(r"Windows\small.ini")


def test_a_file_that_ntfs_compressed_is_unpacked(disk):
    number = record_number(disk, r"Windows\small.ini")
    record, clusters = crafted.compressed_letters(crafted.file(number, "small.ini"), 3000, "ABC")
    put_record(disk, number, record.pack())
    disk.write(3000 * 4096, clusters)
    file = volume_of(disk).open(r"Windows\small.ini")
    assert file.size == 3 << 16
    assert file.read_at(65530, 12) == b"A" * 6 + b"B" * 6
    assert file.read() == b"A" * 65536 + b"B" * 65536 + b"C" * 65536


def test_damaged_compression_is_damage_not_other_bytes(disk):
    number = record_number(disk, r"Windows\small.ini")
    record, clusters = crafted.compressed_letters(crafted.file(number, "small.ini"), 3000, "A")
    put_record(disk, number, record.pack())
    disk.write(3000 * 4096, bytes.fromhex("03b002") + b"A" + bytes.fromhex("fcff") + clusters[6:])
    with pytest.raises(Damaged, match="what NTFS compressed is damaged"):
        volume_of(disk).read(r"Windows\small.ini", 100)


def test_holes_and_what_was_never_written_read_as_zeros(disk):
    number = record_number(disk, r"Windows\small.ini")
    old = CHANCE.randbytes(3 * 4096)
    disk.write(3000 * 4096, old)
    record = crafted.file(number, "small.ini")
    record.add_elsewhere(0x80, [(3000, 1), (-1, 2), (3001, 2)], 5 * 4096 - 100, initialized=3 * 4096 + 1000)
    put_record(disk, number, crafted.with_flags(record, crafted.SPARSE).pack())
    file = volume_of(disk).open(r"Windows\small.ini")
    expected = (old[:4096] + bytes(8192) + old[4096 : 4096 + 1000]).ljust(5 * 4096 - 100, b"\0")
    assert file.read() == expected
    assert [file.read_at(at, 700) for at in range(0, len(expected), 500)] == [
        expected[at : at + 700] for at in range(0, len(expected), 500)
    ]


def spread(disk, *, claims: int | None = None) -> bytes:
    """Makes small.ini a file whose clusters are listed in three records, as a badly fragmented one has them."""
    number = record_number(disk, r"Windows\small.ini")
    others = [60, 61]
    content = CHANCE.randbytes(12 * 4096)
    disk.write(3000 * 4096, content)
    base = reference(number, 1)
    record = crafted.file(number, "small.ini", parent=reference(record_number(disk, "Windows"), 1))
    entries = [(0x10, 0, base), (0x30, 0, base), (0x80, 0, base)]
    entries += [(0x80, 4 * index + 4, reference(other, 1)) for index, other in enumerate(others)]
    record._parts.insert(1, b"")
    record.add(0x20, crafted.listed(*entries))
    record._parts[1] = record._parts.pop()
    record.add_elsewhere(0x80, [(3000 + 2 * i, 1) for i in range(4)], 12 * 4096)
    put_record(disk, number, record.pack())
    for index, other in enumerate(others):
        more = crafted.Record(other)
        more.add_elsewhere(0x80, [(3000 + (4 * index + 4 + i) * 2 % 12, 1) for i in range(4)], 0)
        packed = crafted.from_cluster(more, 4 * index + 4).pack()
        put_record(disk, other, crafted.belonging_to(packed, base if claims is None else claims))
    clusters = [2 * i for i in range(4)] + [(4 * index + 4 + i) * 2 % 12 for index in range(2) for i in range(4)]
    return b"".join(content[at * 4096 : at * 4096 + 4096] for at in clusters)


def test_a_file_whose_clusters_are_listed_in_many_records_is_whole(disk):
    expected = spread(disk)
    assert volume_of(disk).read(r"Windows\small.ini", 1 << 20) == expected


def test_a_record_that_belongs_to_another_file_is_not_taken_for_its_part(disk):
    spread(disk, claims=reference(40, 1))
    with pytest.raises(Damaged, match="should go on with it"):
        volume_of(disk).read(r"Windows\small.ini", 1 << 20)


def test_a_list_that_leads_out_of_the_volume_is_damage(disk):
    number = record_number(disk, r"Windows\small.ini")
    record = crafted.file(number, "small.ini")
    record.add_elsewhere(0x80, [(1 << 30, 1)], 100)
    put_record(disk, number, record.pack())
    volume = volume_of(disk)
    with pytest.raises(Damaged, match=r"small.ini cannot be read: .*out of the volume"):
        volume.read(r"Windows\small.ini", 10)
    assert volume.read(r"Windows\empty.txt", 10) == b""


def test_a_file_that_says_it_is_larger_than_its_clusters_ends_with_them(disk):
    number = record_number(disk, r"Windows\small.ini")
    record = crafted.file(number, "small.ini")
    record.add_elsewhere(0x80, [(3000, 1)], 1 << 50)
    put_record(disk, number, record.pack())
    volume = volume_of(disk)
    assert len(volume.read(r"Windows\small.ini", 1 << 40)) == 4096
    assert "its clusters hold 4096" in volume.warnings[0]


def test_a_file_of_holes_without_end_is_not_read_at_once(disk):
    number = record_number(disk, r"Windows\small.ini")
    record = crafted.file(number, "small.ini")
    record.add_elsewhere(0x80, [(-1, 1 << 40)], 1 << 52)
    put_record(disk, number, record.pack())
    volume = volume_of(disk)
    assert volume.read(r"Windows\small.ini", 100) == bytes(100)
    with pytest.raises(Unsupported, match="too much to be read at once"):
        volume.open(r"Windows\small.ini").read()


def test_the_mirror_stands_in_for_a_damaged_first_record(disk):
    disk.content[TABLE_AT + 510] ^= 0xFF
    volume = volume_of(disk)
    assert volume.read(r"Windows\small.ini", 100) == FILES[r"Windows\small.ini"]
    assert "its mirror was used" in volume.warnings[0]


def test_what_the_disk_cannot_give_is_told_as_the_disk_tells_it(disk):
    volume = open_ntfs(disk, whole(disk))

    def refuse(offset: int, length: int) -> bytes:
        raise Damaged("block 7 of W11.avhdx lies past the file's end")

    disk.read = refuse
    with pytest.raises(Damaged, match="block 7"):
        volume.read(r"Windows\System32\config\SYSTEM", 10)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Some hundred files as other people's tools write them."""
    tree = tmp_path_factory.mktemp("tree")
    chance = random.Random(3)
    for index in range(100):
        folder = tree / "Windows" / f"component_{index % 7}_31bf3856ad364e35_10.0.22621.1"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"a library with a long name {index:03}.dll").write_bytes(chance.randbytes(index * 97))
    (tree / "Windows" / "large.bin").write_bytes(chance.randbytes(5_000_000))
    (tree / "Bär 日本語 😀.txt").write_text("Grüße")
    deep = tree
    for level in range(40):
        deep = deep / f"level {level}"
    deep.mkdir(parents=True)
    (deep / "bottom.txt").write_text("deep")
    many = tree / "many names"
    many.mkdir()
    (many / "first.txt").write_text("one file")
    for index in range(60):
        os.link(many / "first.txt", many / f"the same file under another and rather long name, number {index}")
    (tree / "link to a folder").symlink_to("Windows")
    (tree / "link.txt").symlink_to("Bär 日本語 😀.txt")
    return tree


@pytest.mark.parametrize("options", [(), ("-s", "4096"), ("-c", "512"), ("-c", "65536")], ids=" ".join)
def test_files_written_by_other_tools_are_read_byte_by_byte(tmp_path, tree, options):
    disk = by_tools(tmp_path, tree, options=options)
    if "-s" in options:
        disk.sector = 4096
    volume = volume_of(disk)
    assert volume.label == "Tools"
    count = 0
    for path in (each for each in tree.rglob("*") if each.is_file() and not each.is_symlink()):
        assert volume.read(str(path.relative_to(tree)), 10_000_000) == path.read_bytes(), path
        count += 1
    assert count == 164
    with pytest.raises(Unsupported, match="symbolic link"):
        volume.read("link.txt", 10)
    with pytest.raises(Unsupported, match="not a folder"):
        volume.names("link to a folder")
    assert "link to a folder" in list(volume.walk())
    assert not any(path.startswith("link to a folder\\") for path in volume.walk())
    assert volume.warnings == []
