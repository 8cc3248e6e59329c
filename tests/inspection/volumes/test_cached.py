"""The cache gives what the disk gives, and asks it for little."""

import random

import pytest

from builders.inspection.volumes import Cached
from tests.inspection.volumes.disks import MIB, Memory

CONTENT = random.Random(7).randbytes(3 * MIB + 1234)


@pytest.mark.parametrize("block", [4096, 64 << 10])
def test_reads_of_every_size_and_place_are_the_disks(block):
    disk = Memory(CONTENT)
    cached = Cached(disk, block=block, budget=4 * block)
    chance = random.Random(11)
    for _ in range(1500):
        offset = chance.randrange(-10, len(CONTENT) + 10)
        length = chance.choice([0, 1, 512, 4096, block - 1, block, block + 1, 3 * block, chance.randrange(2 * MIB)])
        assert cached.read(offset, length) == (CONTENT[offset : offset + length] if offset >= 0 else b"")


def test_what_was_read_is_not_read_again():
    disk = Memory(CONTENT)
    cached = Cached(disk)
    first = cached.read(100_000, 5000)
    assert [cached.read(100_000, 5000), cached.read(101_000, 10)] == [first, first[1000:1010]]
    assert len(disk.reads) == 1
    assert cached.bytes_read == 64 << 10


def test_reading_forward_takes_more_and_more_at_once():
    disk = Memory(CONTENT)
    cached = Cached(disk, block=4096)
    assert b"".join(cached.read(at, 1000) for at in range(0, len(CONTENT), 1000)) == CONTENT
    assert len(disk.reads) < 20
    assert cached.bytes_read == len(CONTENT)


def test_reading_here_and_there_takes_one_block_each():
    disk = Memory(CONTENT)
    cached = Cached(disk, block=4096)
    for at in range(0, 2 * MIB, 128 << 10):
        cached.read(at, 10)
    assert cached.bytes_read == 16 * 4096


def test_no_more_is_kept_than_the_budget():
    disk = Memory(CONTENT)
    cached = Cached(disk, block=4096, budget=10 * 4096)
    for at in range(0, 2 * MIB, 3 * 4096):
        cached.read(at, 10)
    assert sum(map(len, cached._blocks.values())) <= 10 * 4096


def test_a_disk_that_fails_fails_through_the_cache_and_may_recover():
    disk = Memory(CONTENT)
    cached = Cached(disk)

    def refuse(offset: int, length: int) -> bytes:
        raise OSError("the share is gone")

    whole, disk.read = disk.read, refuse
    with pytest.raises(OSError, match="the share is gone"):
        cached.read(0, 10)
    disk.read = whole
    assert cached.read(0, 10) == CONTENT[:10]
