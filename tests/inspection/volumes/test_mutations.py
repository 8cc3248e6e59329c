"""Volumes with bytes changed at random, mostly where they mean something: whatever comes of it is one of our errors, or
files with warnings; it ends, and it reads no more than a volume's size a few times over.

PORTAL_MUTATIONS sets how many; without it a number that suits every run.
"""

import os
import random
import signal
import struct

import pytest

from builders.inspection.errors import Unreadable
from builders.inspection.volumes import Cached, Volume, changed_files, layout, list_files, open_ntfs
from lab.stores.ntfs.records import reference
from tests.inspection.volumes import crafted
from tests.inspection.volumes.disks import LAB_SIZE, MIB, TABLE_AT, Memory, by_lab, gpt_disk, put_record, record_number

COUNT = int(os.environ.get("PORTAL_MUTATIONS", "120"))
CHANCE = random.Random(99)
FILES = {
    **{rf"Windows\System32\a file with a long name {i:03}.dll": CHANCE.randbytes(i * 61) for i in range(70)},
    r"Windows\System32\config\SOFTWARE": CHANCE.randbytes(100_000),
}
SPREAD = r"Windows\System32\config\SOFTWARE"
COMPRESSED = r"Windows\System32\a file with a long name 069.dll"
START = MIB
RANGES = [(START, 256 << 10), (START + 1190 * 4096, MIB), (START + 3000 * 4096, MIB)]
"""Where anything lies: the used part of the file table, then folders and files."""


@pytest.fixture(scope="module")
def disk():
    """A GPT, a volume, in it a file of several records and one that NTFS compressed."""
    volume = by_lab(FILES)
    number, squeezed = record_number(volume, SPREAD), record_number(volume, COMPRESSED)
    free = 112
    parent = reference(record_number(volume, r"Windows\System32\config"), 1)
    above = reference(record_number(volume, r"Windows\System32"), 1)
    record = crafted.file(number, "SOFTWARE", parent=parent)
    record._parts.insert(1, b"")
    record.add(0x20, crafted.listed((0x80, 0, reference(number, 1)), (0x80, 2, reference(free, 1))))
    record._parts[1] = record._parts.pop()
    record.add_elsewhere(0x80, [(3000, 2)], 5 * 4096)
    put_record(volume, number, record.pack())
    more = crafted.Record(free)
    more.add_elsewhere(0x80, [(3002, 3)], 0)
    put_record(volume, free, crafted.belonging_to(crafted.from_cluster(more, 2).pack(), reference(number, 1)))
    record = crafted.file(squeezed, COMPRESSED.rpartition("\\")[2], parent=above)
    packed, clusters = crafted.compressed_letters(record, 3100, "ABC")
    put_record(volume, squeezed, packed.pack())
    volume.write(3100 * 4096, clusters)
    whole = gpt_disk(
        [("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "Windows", 2048, 2047 + LAB_SIZE // 512)], size=LAB_SIZE + 2 * MIB
    )
    whole.write(START, bytes(volume.content))
    return whole


def mutated(disk: Memory, chance: random.Random) -> list[tuple[int, bytes]]:
    """Places and bytes. Nearly all in records, for these are what is parsed; some in the tables and index blocks."""
    changes = []
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        where = chance.randrange(20)
        if where == 0:
            at = START + chance.randrange(90)
        elif where == 1:
            at = chance.choice([0, 512, 1024, disk.size - 512, START - 512]) + chance.randrange(512)
        elif where < 6:
            at = START + TABLE_AT + chance.choice([0, 3, 5, 6, 11]) * 1024 + chance.randrange(0x200)
        elif where < 16:
            at = START + TABLE_AT + chance.randrange(120) * 1024 + chance.randrange(0x180)
        else:
            at = START + 1190 * 4096 + chance.randrange(120 * 4096)
        size = chance.choice([1, 1, 2, 4, 8])
        value = chance.choice(
            [
                bytes(size),
                b"\xff" * size,
                chance.randbytes(size),
                struct.pack("<q", chance.choice([-1, 1, 5, 24, 1 << 40]))[:size],
            ]
        )
        changes.append((at, value))
    return changes


def all_of_it(disk: Memory, other: Volume) -> int:
    """Everything the package does; how many files came of it. Only our own errors are caught."""
    files = 0
    cached = Cached(disk)
    for partition in layout(cached).partitions:
        try:
            volume = open_ntfs(cached, partition)
        except Unreadable:
            continue
        entries = list(list_files(volume))
        files += len(entries)
        for entry in entries:
            entry.path.encode("utf-8")
        for path in [*volume.walk(at_most=5000)][:80]:
            try:
                volume.read(path, 200_000)
            except (Unreadable, FileNotFoundError):
                continue
        changed_files(other, volume, RANGES)
    return files


def too_long(_signal: int, _frame: object) -> None:
    raise AssertionError("it does not end")


def test_mutated_volumes_end_in_our_errors_or_in_files(disk, capsys):
    chance = random.Random(int(os.environ.get("PORTAL_MUTATIONS_SEED", "1")))
    other = open_ntfs(Cached(disk), layout(disk).partitions[0])
    untouched = all_of_it(disk, other)
    assert untouched == len(FILES) + 3
    broken = disk.copy()
    found = []
    before = signal.signal(signal.SIGALRM, too_long)
    for number in range(COUNT):
        changes = mutated(disk, chance)
        for at, value in changes:
            broken.write(at, value[: broken.size - at])
        broken.reads.clear()
        signal.alarm(120)
        try:
            found.append(all_of_it(broken, other))
        except Exception as problem:
            raise AssertionError(f"mutation {number}: {changes}") from problem
        finally:
            signal.alarm(0)
        assert sum(length for _, length in broken.reads) < 20 * broken.size, (number, changes)
        for at, value in changes:
            broken.write(at, disk.read(at, len(value)))
    signal.signal(signal.SIGALRM, before)
    whole, part = sum(count == untouched for count in found), sum(0 < count < untouched for count in found)
    with capsys.disabled():
        print(
            f"\n{COUNT} mutations: no error but ours; {whole} listed whole, {part} in part, {COUNT - whole - part} else"
        )
    assert part > COUNT // 20
