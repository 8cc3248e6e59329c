"""Files that were not closed in order: what the log holds is applied, the file is not touched."""

from __future__ import annotations

import struct
import subprocess
import uuid

import pytest

from builders.inspection.errors import Damaged, Unsupported
from builders.inspection.images import identify, open_chain
from builders.inspection.images.vhdx.patched import Patched, Patches
from tests.conftest import require_extra
from tests.inspection.images.model import POOL
from tests.inspection.images.other_tools import QEMU_IMG, plain_by_qemu
from tests.inspection.images.sparse import Sparse, SparseFolder
from tests.inspection.images.vhdx_writer import MB, ZERO, VhdxFile, log_entry, names_of, signed

LOG = uuid.UUID(int=0x1234)
PAGE = 4096


class Interrupted:
    """A disk of 8 blocks whose newest writes to its block table are in the log alone.

    In the file block 1 is still missing, block 2 still there, and block 5 lies somewhere else.
    """

    def __init__(self, *, parent: VhdxFile | None = None) -> None:
        self.writer = VhdxFile("disk.vhdx", 8 * MB, parent=names_of(parent) if parent else None)
        self.writer.log_id = LOG
        self.places = {block: self.writer.full(block, [(0, POOL[block : block + MB])]) for block in (0, 1, 2, 5)}
        self.writer.set_state(2, ZERO)
        self.file = self.writer.finish()
        bat = self.writer.at["bat"]
        self.new_page = self.file.read(bat, PAGE)
        entries = list(struct.unpack("<8Q", self.new_page[:64]))
        entries[1], entries[2], entries[5] = 0, self.places[2] | 6, self.places[0] | 6
        self.file.write(bat, struct.pack("<8Q", *entries))
        self.bat = bat

    def entry(self, sequence: int, tail: int, writes, *, flushed: int | None = None, last: int | None = None) -> bytes:
        size = self.file.size
        return log_entry(sequence, LOG, tail, writes, flushed=flushed or size, last=last or size)

    def log(self, *entries: tuple[int, bytes]) -> SparseFolder:
        """Entries at offsets within the log; one that runs over its end goes on at its beginning."""
        for at, record in entries:
            first = record[: MB - at]
            self.file.write(self.writer.at["log"] + at, first)
            self.file.write(self.writer.at["log"], record[MB - at :])
        return SparseFolder(self.file)

    @property
    def repaired(self) -> bytes:
        blocks = [POOL[n : n + MB] if n in (0, 1, 5) else bytes(MB) for n in range(8)]
        return b"".join(blocks)


def test_the_log_is_applied_and_the_file_is_not_touched():
    made = Interrupted()
    folder = made.log((0, made.entry(5, 0, [(made.bat, made.new_page)])))
    before = made.file.read(0, made.file.size)
    with open_chain("disk.vhdx", folder) as chain:
        assert chain.read(0, 8 * MB) == made.repaired
        assert chain.links[0].log == "dirty"
        assert chain.warnings == [
            "disk.vhdx: It was not closed in order; what its log holds is applied while it is read"
        ]
    assert made.file.read(0, made.file.size) == before


def test_a_sequence_begins_where_its_last_entry_says_and_may_run_over_the_end_of_the_log():
    """Before it, entries that were written to their places long ago; they would undo later writes."""
    made = Interrupted()
    old = bytes(PAGE)
    at = MB - 4 * PAGE
    entries = [
        (at, made.entry(7, at, [(made.bat, old)])),  # two sectors: 7 is done with, 8 is the tail
        (at + 2 * PAGE, made.entry(8, at + 2 * PAGE, [(made.bat, made.new_page[:32] + bytes(PAGE - 32))])),
        (0, made.entry(9, at + 2 * PAGE, [])),
        (PAGE, made.entry(10, at + 2 * PAGE, [(made.bat, made.new_page)])),
    ]
    with open_chain("disk.vhdx", made.log(*entries)) as chain:
        assert chain.read(0, 8 * MB) == made.repaired


def test_an_entry_that_itself_runs_over_the_end_is_whole():
    made = Interrupted()
    at = MB - PAGE
    with open_chain("disk.vhdx", made.log((at, made.entry(3, at, [(made.bat, made.new_page)])))) as chain:
        assert chain.read(0, 8 * MB) == made.repaired


def test_the_newest_of_several_sequences_is_applied():
    made = Interrupted()
    entries = [
        (0, made.entry(20, 0, [(made.bat, bytes(PAGE))])),
        (16 * PAGE, made.entry(90, 16 * PAGE, [(made.bat, made.new_page)])),
        (40 * PAGE, made.entry(50, 40 * PAGE, [(made.bat, bytes(PAGE))])),
    ]
    with open_chain("disk.vhdx", made.log(*entries)) as chain:
        assert chain.read(0, 8 * MB) == made.repaired


def test_what_follows_with_a_gap_in_its_numbers_or_another_id_or_a_wrong_sum_is_not_applied():
    made = Interrupted()
    wrong = made.entry(5, 0, [(made.bat, bytes(PAGE))])
    entries = [
        (0, made.entry(4, 0, [(made.bat, made.new_page)])),
        (2 * PAGE, wrong[:-100] + b"x" + wrong[-99:]),
        (4 * PAGE, made.entry(6, 99 * PAGE, [(made.bat, bytes(PAGE))])),
        (8 * PAGE, log_entry(70, uuid.UUID(int=9), 8 * PAGE, [(made.bat, bytes(PAGE))], flushed=MB, last=MB)),
    ]
    with open_chain("disk.vhdx", made.log(*entries)) as chain:
        assert chain.read(0, 8 * MB) == made.repaired


def test_descriptors_of_zeros_and_several_sectors_of_descriptors():
    """130 descriptors need two sectors; zeros undo what was written before them, and are written over after."""
    made = Interrupted()
    writes: list[tuple[int, bytes | int]] = [(made.bat + PAGE * n, POOL[:PAGE]) for n in range(129)]
    writes += [(made.bat, MB), (made.bat, made.new_page)]
    record = made.entry(5, 0, writes)
    assert len(record) == (2 + 130) * PAGE
    with open_chain("disk.vhdx", made.log((0, record))) as chain:
        assert chain.read(0, 8 * MB) == made.repaired


def test_metadata_may_be_in_the_log_too():
    """Also what identifies the file: its size, read after the replay."""
    made = Interrupted()
    at = made.writer.at["metadata"] + 65536
    made.writer.size = 4 * MB
    metadata = made.writer.metadata()
    new = metadata[65536:].ljust(PAGE, b"\0")
    made.file.write(at - 65536, metadata[:65536])
    folder = made.log((0, made.entry(5, 0, [(made.bat, made.new_page), (at, new)])))
    assert identify(folder.open("disk.vhdx")).size == 4 * MB


def test_a_file_grows_to_what_the_log_saw_at_last():
    """A block beyond the end of the file as it is: zeros, which the next write would have filled."""
    made = Interrupted()
    end = -(-made.file.size // MB) * MB
    page = made.new_page[:24] + struct.pack("<Q", end | 6) + made.new_page[32:]
    folder = made.log((0, made.entry(5, 0, [(made.bat, page)], last=end + MB)))
    with open_chain("disk.vhdx", folder) as chain:
        assert chain.read(3 * MB, MB) == bytes(MB)
        assert len(chain.warnings) == 1


def test_the_log_of_a_parent_is_applied_under_its_child():
    made = Interrupted()
    folder = made.log((0, made.entry(5, 0, [(made.bat, made.new_page)])))
    child = VhdxFile("child.avhdx", 8 * MB, parent=names_of(made.writer))
    child.partial(1, [(0, bytes(512))], 1)
    folder.add(child.finish())
    with open_chain("child.avhdx", folder) as chain:
        assert chain.read(0, 8 * MB) == made.repaired[:MB] + bytes(512) + made.repaired[MB + 512 :]


@pytest.mark.parametrize("kind", ["nothing", "wrong sum", "tail of another", "torn"])
def test_a_log_without_a_whole_sequence_is_refused(kind):
    made = Interrupted()
    record = made.entry(5, 7 * PAGE if kind == "tail of another" else 0, [(made.bat, made.new_page)])
    if kind == "wrong sum":
        record = record[:4] + b"zzzz" + record[8:]
    if kind == "torn":
        record = record[: PAGE + 3] + bytes(PAGE - 3)
    folder = made.log() if kind == "nothing" else made.log((0, record))
    with pytest.raises(Damaged, match=r"disk\.vhdx was not closed in order, and its VHDX log holds no whole sequence"):
        open_chain("disk.vhdx", folder)


def test_a_file_that_became_shorter_than_its_log_saw_is_refused():
    made = Interrupted()
    folder = made.log((0, made.entry(5, 0, [(made.bat, made.new_page)], flushed=made.file.size + MB)))
    with pytest.raises(Damaged, match=r"its log saw .*: the file is cut off"):
        open_chain("disk.vhdx", folder)


def test_a_log_that_writes_where_no_file_reaches_is_refused():
    made = Interrupted()
    folder = made.log((0, made.entry(5, 0, [(1 << 62, 1 << 40)])))
    with pytest.raises(Damaged, match="where no file reaches"):
        open_chain("disk.vhdx", folder)


@pytest.mark.parametrize(
    ("at", "value", "error", "words"),
    [
        (64, b"\x01\x00", Unsupported, "VHDX log of version 1"),
        (68, struct.pack("<I", 1 << 31), Unsupported, "VHDX log of 2,147,483,648 bytes"),
        (68, struct.pack("<I", MB + 4096), Damaged, "where none can"),
        (72, struct.pack("<Q", 4096), Damaged, "where none can"),
        (72, struct.pack("<Q", 1 << 50), Damaged, "its log should lie at byte"),
    ],
)
def test_a_log_that_cannot_be_is_refused(at, value, error, words):
    made = Interrupted()
    folder = made.log((0, made.entry(5, 0, [(made.bat, made.new_page)])))
    header = bytearray(made.file.read(128 << 10, PAGE))
    header[at : at + len(value)] = value
    made.file.write(128 << 10, signed(bytes(header)))
    with pytest.raises(error, match=words):
        open_chain("disk.vhdx", folder)


def test_a_log_made_up_to_be_slow_is_given_up():
    """An entry in each sector, each as long as the log and with a wrong sum: 256 times the log to add up."""
    made = Interrupted()
    ring = bytearray(POOL[:MB])
    for at in range(0, MB, PAGE):
        ring[at : at + 64] = struct.pack("<4sIIIQII16sQQ", b"loge", 1, MB, at, 1, 0, 0, LOG.bytes_le, MB, MB)
    folder = made.log((0, bytes(ring)))
    with pytest.raises(Damaged, match="no whole sequence"):
        open_chain("disk.vhdx", folder)


def test_writes_over_a_file_in_any_order_read_as_a_plain_file_does():
    from random import Random

    for seed in range(30):
        random = Random(seed)
        plain, patches = Sparse(40 * PAGE, "f"), Patches()
        plain.write(0, POOL[: 40 * PAGE])
        under = plain.copy()
        for number in range(random.randint(1, 40)):
            at = random.randrange(48) * PAGE
            if random.random() < 0.5:
                patches.write(at, POOL[number : number + PAGE])
                plain.write(at, POOL[number : number + PAGE])
            else:
                length = random.randint(1, 20) * PAGE
                patches.zero(at, length)
                plain.write(at, bytes(length))
        patches.settle()
        patched = Patched(under, patches)
        assert patched.size == plain.size
        for _ in range(60):
            offset, length = random.randrange(60 * PAGE), random.randrange(9 * PAGE)
            assert patched.read(offset, length) == plain.read(offset, length), seed


@pytest.mark.parametrize("wraps", [False, True])
def test_qemu_makes_the_same_of_a_log(tmp_path, wraps):
    """qemu-img repairs a copy of the file by its log; what it then reads is what is read here without repair."""
    require_extra("qemu-img", QEMU_IMG is not None, "apt-get install qemu-utils")
    made = Interrupted()
    at = MB - PAGE if wraps else 0
    zeros = made.writer.at["metadata"] + 900_000 // PAGE * PAGE
    folder = made.log((at, made.entry(5, at, [(zeros, 4 * PAGE), (made.bat, made.new_page)])))
    with open_chain("disk.vhdx", folder) as chain:
        ours = chain.read(0, chain.size)
    copy = made.file.save(tmp_path / "disk.vhdx")
    subprocess.run([QEMU_IMG, "check", "-r", "all", str(copy)], check=True, capture_output=True)
    assert plain_by_qemu(copy, "vhdx", tmp_path) == ours == made.repaired
