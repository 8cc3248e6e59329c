"""Files that differ between two states of a volume: found from the differing blocks, the same as by reading it all."""

import random
import subprocess

import pytest

from builders.inspection.volumes import Cached, Volume, changed_files, list_files, open_ntfs
from tests.inspection.volumes import crafted
from tests.inspection.volumes.disks import (
    MIB,
    TABLE_AT,
    Memory,
    by_lab,
    by_tools,
    put_record,
    record_number,
    volume_of,
    whole,
)

CHANCE = random.Random(21)
LATER = 1_750_000_000.0
FILES = {
    **{
        rf"Windows\System32\file {i:03}.dll": CHANCE.randbytes(CHANCE.choice([50, 300, 5000, 20_000]))
        for i in range(150)
    },
    r"Windows\System32\config\SOFTWARE": CHANCE.randbytes(400_000),
    r"Users\a\notes.txt": b"short",
}

FREE = 190
"""A record that these files leave free."""


@pytest.fixture(scope="module")
def made():
    return by_lab(FILES)


def ranges_of(before: Memory, after: Memory, block: int) -> list[tuple[int, int]]:
    """As a chain tells them: whole blocks in which anything differs."""
    return [
        (at, block)
        for at in range(0, max(before.size, after.size), block)
        if before.content[at : at + block] != after.content[at : at + block]
    ]


def told(changes):
    return (
        [entry.path for entry in changes.added],
        [entry.path for entry in changes.removed],
        [(each.after.path, each.what) for each in changes.changed],
    )


def by_reading_all(before: Volume, after: Volume):
    """The plain way: list both, read what both have."""
    old, new = ({entry.path: entry for entry in list_files(volume)} for volume in (before, after))
    changed = []
    for path in sorted(old.keys() & new.keys()):
        if new[path].is_folder:
            continue
        if before.read(path, MIB) != after.read(path, MIB):
            changed.append((path, "contents"))
        elif old[path].modified_at != new[path].modified_at:
            changed.append((path, "time"))
    return sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys()), changed


def compared(before: Memory, after: Memory, block: int = 4096):
    changes = changed_files(volume_of(before), volume_of(after), ranges_of(before, after, block))
    assert told(changes) == by_reading_all(volume_of(before), volume_of(after))
    return changes


@pytest.mark.parametrize("block", [512, 4096, 2 * MIB])
def test_an_update_is_told_file_by_file(made, block):
    files = dict(FILES)
    del files[r"Windows\System32\file 007.dll"], files[r"Users\a\notes.txt"]
    files[r"Program Files\New\new.exe"] = CHANCE.randbytes(9000)
    files[r"Windows\System32\file 010.dll"] += b"more"
    soft = bytearray(files[r"Windows\System32\config\SOFTWARE"])
    soft[200_000] ^= 1
    files[r"Windows\System32\config\SOFTWARE"] = bytes(soft)
    changes = compared(made, by_lab(files, before=made, at=LATER), block)
    assert told(changes) == (
        ["Program Files", r"Program Files\New", r"Program Files\New\new.exe"],
        ["Users", r"Users\a", r"Users\a\notes.txt", r"Windows\System32\file 007.dll"],
        [(r"Windows\System32\config\SOFTWARE", "contents"), (r"Windows\System32\file 010.dll", "contents")],
    )
    assert changes.changed[1].before.size + 4 == changes.changed[1].after.size
    assert changes.changed[1].after.modified_at == LATER
    assert changes.warnings == ()


def test_nothing_changed(made):
    assert told(compared(made, made.copy())) == ([], [], [])
    whole = changed_files(volume_of(made), volume_of(made.copy()), [(0, made.size)])
    assert told(whole) == ([], [], [])


@pytest.mark.parametrize("seed", range(8))
def test_random_updates_are_told_as_by_reading_everything(made, seed):
    chance = random.Random(seed)
    before, files = made, dict(FILES)
    for _ in range(3):
        for _ in range(chance.randrange(1, 12)):
            path = chance.choice(sorted(files))
            kind = chance.randrange(4)
            if kind == 0:
                del files[path]
            elif kind == 1:
                files[path] = chance.randbytes(chance.choice([0, 10, 700, 4096, 30_000]))
            elif kind == 2 and files[path]:
                content = bytearray(files[path])
                content[chance.randrange(len(content))] ^= 0xFF
                files[path] = bytes(content)
            else:
                files[rf"New\{chance.randrange(5)}\{chance.randrange(1000)}.bin"] = chance.randbytes(2000)
        after = by_lab(files, before=before, at=LATER + chance.randrange(1000))
        compared(before, after, chance.choice([512, 4096, 65536, 2 * MIB]))
        before = after


def test_a_file_that_was_only_touched_says_time(made):
    path = r"Windows\System32\config\SOFTWARE"
    after = made.copy()
    record = bytearray(volume_of(made).table.raw(record_number(made, path)))
    record[0x38 + 24 + 8 : 0x38 + 24 + 16] = crafted.MODIFIED.to_bytes(8, "little")
    put_record(after, record_number(made, path), bytes(record))
    assert told(compared(made, after)) == ([], [], [(path, "time")])


def test_a_file_written_in_place_is_found_by_its_clusters(made):
    """Its record says nothing of it, as after a write through a mapping."""
    path = r"Windows\System32\config\SOFTWARE"
    after = made.copy()
    place, _ = next(volume_of(made).open(path)._content.places(200_000, 1))
    after.content[place] ^= 0xFF
    for block in (512, 2 * MIB):
        assert told(compared(made, after, block)) == ([], [], [(path, "contents")])


def test_what_lies_behind_the_end_of_a_file_is_not_its_content(made):
    path = r"Windows\System32\config\SOFTWARE"
    content = volume_of(made).open(path)._content
    assert content.size % 4096
    place, length = list(content.places(0, content.size))[-1]
    after = made.copy()
    after.content[place + length] ^= 0xFF
    assert told(compared(made, after)) == ([], [], [])


def test_clusters_that_belong_to_nobody_are_nothing_to_tell(made):
    after = made.copy()
    after.write(made.size - 2 * MIB, CHANCE.randbytes(MIB))
    assert told(compared(made, after)) == ([], [], [])


def test_a_folder_that_was_renamed_moves_what_is_in_it(made):
    after = made.copy()
    number = record_number(made, r"Windows\System32")
    record = bytearray(volume_of(made).table.raw(number))
    at = record.index("System32".encode("utf-16-le"))
    record[at : at + 16] = "System64".encode("utf-16-le")
    put_record(after, number, bytes(record))
    changes = changed_files(volume_of(made), volume_of(after), ranges_of(made, after, 4096))
    inside = sorted(path for path in FILES if path.startswith("Windows"))
    folders = [r"Windows\System32", r"Windows\System32\config"]
    assert [entry.path for entry in changes.removed] == sorted(inside + folders)
    assert [entry.path for entry in changes.added] == sorted(
        path.replace("System32", "System64") for path in inside + folders
    )


def test_a_file_replaced_by_an_equal_one_did_not_change(made):
    path = r"Windows\System32\config\SOFTWARE"
    without = {each: content for each, content in FILES.items() if each != path}
    between = by_lab({**without, "placeholder": CHANCE.randbytes(400_000)}, before=made)
    placeholder = volume_of(between).read("placeholder", MIB)
    after = by_lab({**without, "placeholder": placeholder, path: FILES[path]}, before=between)
    old, new = (volume_of(disk).open(path)._content for disk in (made, after))
    assert list(old.places(0, old.size)) != list(new.places(0, new.size))
    assert told(compared(made, after)) == (["placeholder"], [], [])


def test_named_streams_and_links_count_as_content(made):
    path = "target"
    number = FREE
    parts = {"none": None, "stream": (0x80, b"hidden", "Zone.Identifier"), "link": (0xC0, crafted.reparse(7, b"a"), "")}
    disks = {}
    for key, part in parts.items():
        record = crafted.file(number, path)
        record.add(0x80, b"same")
        if part:
            record.add(part[0], part[1], name=part[2])
        disks[key] = by_lab(FILES)
        put_record(disks[key], number, record.pack())
    assert volume_of(made).table.count > FREE
    for key in ("stream", "link"):
        ranges = ranges_of(disks["none"], disks[key], 512)
        changes = changed_files(volume_of(disks["none"]), volume_of(disks[key]), ranges)
        assert told(changes) == ([], [], [(path, "contents")])


def test_little_is_read_for_a_little_change(made):
    files = {**FILES, r"Windows\System32\file 010.dll": CHANCE.randbytes(5000)}
    after = by_lab(files, before=made, at=LATER)
    ranges = ranges_of(made, after, 4096)
    volumes = [open_ntfs(Cached(disk, block=4096), whole(disk)) for disk in (made, after)]
    for disk in (made, after):
        disk.reads.clear()
    changes = changed_files(*volumes, ranges)
    assert r"Windows\System32\file 010.dll" in [each.after.path for each in changes.changed]
    differing = sum(length for _, length in ranges)
    for disk in (made, after):
        assert sum(length for _, length in disk.reads) <= 2 * differing + 150_000


def test_files_that_another_tool_put_in_are_found(tmp_path):
    tree = tmp_path / "tree"
    (tree / "Windows").mkdir(parents=True)
    for index in range(80):
        (tree / "Windows" / f"file number {index}.dll").write_bytes(CHANCE.randbytes(index * 100))
    before = by_tools(tmp_path, tree)
    image, new = tmp_path / "volume.img", tmp_path / "new"
    new.write_bytes(CHANCE.randbytes(300_000))
    for path in ("/Windows/new.bin", "/Windows/file number 40.dll"):
        subprocess.run(["/usr/sbin/ntfscp", str(image), str(new), path], check=True, capture_output=True, timeout=60)
    after = Memory(image.read_bytes())
    for block in (512, 2 * MIB):
        changes = compared(before, after, block)
        assert told(changes) == ([r"Windows\new.bin"], [], [(r"Windows\file number 40.dll", "contents")])


def test_volumes_of_two_origins_are_compared_by_their_lists(made):
    other = by_lab({**FILES, "new.txt": b"x"})
    changes = changed_files(volume_of(made), volume_of(other), None)
    assert told(changes) == (["new.txt"], [], [])
    assert "taken as equal" in changes.warnings[-1]


def test_damaged_records_are_left_out_and_told(made):
    after = made.copy()
    number = record_number(made, r"Windows\System32\file 007.dll")
    after.content[TABLE_AT + number * 1024 + 510] ^= 0xFF
    changes = changed_files(volume_of(made), volume_of(after), ranges_of(made, after, 4096))
    assert told(changes) == ([], [r"Windows\System32\file 007.dll"], [])
    assert f"the first is record {number}" in changes.warnings[0]


def test_a_file_of_endless_holes_is_compared_at_once(made):
    """A crafted size must not become as many zeros to compare."""
    disks = []
    for runs in ([(-1, 1 << 40), (3000, 1)], [(-1, 1 << 40), (3001, 1)]):
        record = crafted.file(FREE, "holes")
        record.add_elsewhere(0x80, runs, (1 << 52) + 4096)
        disk = by_lab(FILES)
        put_record(disk, FREE, record.pack())
        disks.append(disk)
    disks[1].content[3001 * 4096] = 1
    changes = changed_files(*map(volume_of, disks), ranges_of(*disks, 4096))
    assert told(changes) == ([], [], [("holes", "contents")])
    disks[1].content[3001 * 4096] = 0
    disks[0].write(3000 * 4096, bytes(4096))
    disks[1].write(3001 * 4096, bytes(4096))
    assert told(changed_files(*map(volume_of, disks), ranges_of(*disks, 4096))) == ([], [], [])


def test_a_record_that_moved_to_another_file_is_told_by_its_names(made):
    number = record_number(made, r"Users\a\notes.txt")
    after = made.copy()
    record = crafted.file(number, "other.txt", sequence=2)
    record.add(0x80, b"short")
    put_record(after, number, record.pack())
    changes = changed_files(volume_of(made), volume_of(after), ranges_of(made, after, 512))
    assert told(changes) == (["other.txt"], [r"Users\a\notes.txt"], [])
    assert changes.added[0].sequence == 2
