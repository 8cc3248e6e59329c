"""The lab's own writers of NTFS volumes and registry hives, over many random contents, against other readers."""

import io
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyfsntfs
import pyregf
import pytest
from regipy.registry import RegistryHive

from lab.stores.hives.tree import Key, Kind
from lab.stores.hives.writer import render
from lab.stores.ntfs import reading
from lab.stores.ntfs.records import Times, pack_runs, unpack_runs
from lab.stores.ntfs.system import Geometry
from lab.stores.ntfs.volume import File, lay_out
from tests.conftest import require_extra
from tests.lab.test_images import ran

SECTORS = (96 << 20) // 512
LETTERS = "abcXYZ09 _-äÖßéΩЖ中€"
SIZES = (0, 1, 300, 699, 700, 720, 1023, 4095, 4096, 4097, 20_000, 90_001)


class Disk:
    """A volume in memory with the files that it must have."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.content = bytearray(SECTORS * 512)
        self.files: dict[str, File] = {}
        self.before: reading.Existing | None = None

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.content[offset : offset + length])

    def name(self) -> str:
        length = self.chance.choice((1, 3, 8, 12, 40, 200))
        letters = "".join(self.chance.choice(LETTERS) for _ in range(length)).strip() or "x"
        return f"{letters}{self.chance.randrange(10_000)}.{self.chance.choice(('sys', 'dll', 'a b', 'txt'))}"

    def change(self, added: int) -> None:
        folders = ["", "Windows", "Windows\\System32", "Program Files\\Ünïcode", "Windows\\System32\\drivers"]
        for path in list(self.files):
            fate = self.chance.random()
            if fate < 0.2:
                del self.files[path]
            elif fate < 0.5:
                self.files[path] = self.file()
        for _ in range(added):
            folder = self.chance.choice(folders)
            self.files[f"{folder}\\{self.name()}" if folder else self.name()] = self.file()
        self.lay_out()

    def lay_out(self) -> reading.Existing:
        """Write the volume anew; what is found in it then."""
        geometry = Geometry(2048, SECTORS, "Volume", 0x1122334455667788)
        for offset, piece in lay_out(geometry, self.files, {}, made_at=1.6e9, before=self.before):
            self.content[offset : offset + len(piece)] = piece
        self.before = reading.existing(self.read)
        return self.before

    def file(self) -> File:
        at = 1.5e9 + self.chance.randrange(10**8)
        return File(self.chance.randbytes(self.chance.choice(SIZES)), Times(at, at + 5))

    def found(self) -> dict[str, bytes]:
        """By libfsntfs."""
        volume = pyfsntfs.volume()
        volume.open_file_object(io.BytesIO(self.content))
        assert volume.name == "Volume"
        found = dict(_below(volume.get_root_directory(), ""))
        for path in list(found)[:20]:  # by the index, too, and whatever the case
            entry = volume.get_file_entry_by_path("\\" + path)
            assert entry is not None, path
            assert entry.size == len(found[path])
        volume.close()
        return found


def _below(folder: Any, path: str) -> Iterator[tuple[str, bytes]]:
    for number in range(folder.number_of_sub_file_entries):
        entry = folder.get_sub_file_entry(number)
        if not path and entry.name.startswith("$"):
            continue
        full = f"{path}\\{entry.name}" if path else entry.name
        if entry.has_directory_entries_index():
            yield from _below(entry, full)
        else:
            yield full, entry.read_buffer(entry.size) if entry.size else b""


@pytest.mark.parametrize("seed", range(2))
def test_a_volume_that_grows_and_shrinks_stays_true(seed: int, tmp_path: Path) -> None:
    disk = Disk(seed)
    for added in (3, 500, 10, 80):
        disk.change(added)

        assert disk.found() == {path: file.content for path, file in disk.files.items()}

    check = shutil.which("ntfsresize")
    require_extra("ntfsresize of ntfs-3g", check is not None, "apt-get install ntfs-3g")
    image = tmp_path / "volume"
    image.write_bytes(disk.content)
    assert b"Accounting clusters" in ran(str(check), "--info", "--force", "--no-progress-bar", str(image))
    archiver = shutil.which("wimlib-imagex")
    require_extra("wimlib-imagex", archiver is not None, "apt-get install wimtools")
    ran(str(archiver), "capture", str(image), str(tmp_path / "all.wim"), "--compress=none")
    assert (tmp_path / "all.wim").stat().st_size > sum(len(file.content) for file in disk.files.values()) // 2


def test_a_file_that_stays_keeps_its_record_and_place() -> None:
    disk = Disk(9)
    disk.files["kept.bin"] = File(b"k" * 9000, Times(1.6e9, 1.6e9))
    first = disk.lay_out().found["kept.bin"]

    disk.files |= {f"aaa {number}": disk.file() for number in range(200)}
    disk.files["kept.bin"] = File(b"n" * 12_000, Times(1.6e9, 1.7e9))
    larger = disk.lay_out().found["kept.bin"]
    disk.files["kept.bin"] = File(b"n" * 20_000, Times(1.6e9, 1.7e9))
    scattered = disk.lay_out().found["kept.bin"]

    assert (larger.record, larger.sequence, larger.extents) == (first.record, first.sequence, first.extents)
    assert scattered.record == first.record
    assert len(scattered.extents) == 2
    assert scattered.extents[0] == first.extents[0]
    assert disk.found()["kept.bin"] == b"n" * 20_000


def test_a_record_that_is_used_again_counts_up() -> None:
    disk = Disk(3)
    disk.files = {"first.bin": disk.file()}
    first = disk.lay_out().found["first.bin"]

    disk.files = {}
    disk.lay_out()
    disk.files = {"second.bin": disk.file()}
    second = disk.lay_out().found["second.bin"]

    assert (second.record, second.sequence) == (first.record, first.sequence + 1)
    assert disk.found().keys() == {"second.bin"}


@pytest.mark.parametrize(
    "extents", [[(4, 10)], [(900_000, 3), (5, 70_000)], [(-1, 12_000_000)], [(1, 127), (129, 128)]]
)
def test_runs_are_read_as_they_were_written(extents: list[tuple[int, int]]) -> None:
    assert unpack_runs(pack_runs(extents)) == extents


SHORT = {"one", "three"}
Flat = dict[str, dict[str, tuple[int, bytes]]]


def hive(seed: int) -> Key:
    chance = random.Random(seed)
    root = Key("ROOT", 1.6e9)
    for number in range(1100):
        root.key(f"Many\\Key {number:04d}", 1.6e9 + number).set("Number", number)
    for number in range(25):
        name = "".join(chance.choice(LETTERS) for _ in range(20)).strip()
        key = root.key(f"Few\\{name or 'x'}{number}")
        for size in (0, 4, 5, 100, 16_344, 16_400, 50_000):
            key.set(f"binary {size} ä", chance.randbytes(size), Kind.BINARY)
        key.set("one", b"A").set("three", b"ABC")
        key.set("", "the default").set("texts", ["a", "Ω", "中"]).set("long", 1 << 60, Kind.LONG_NUMBER)
    return root


def flat(root: Key, path: str = "") -> Flat:
    found: Flat = {path: {name: (int(kind), data) for name, (kind, data) in root.values.items()}}
    for key in root.keys.values():
        found |= flat(key, f"{path}\\{key.name}")
    return found


def by_libregf(key: Any, path: str = "") -> Flat:
    values = [key.get_value(number) for number in range(key.number_of_values)]
    found: Flat = {path: {value.name or "": (value.type, value.data or b"") for value in values}}
    for number in range(key.number_of_sub_keys):
        below = key.get_sub_key(number)
        found |= by_libregf(below, f"{path}\\{below.name}")
    return _without_short_values(found)


def _without_short_values(found: Flat) -> Flat:
    """libregf reads values of one to three bytes wrongly; regipy and hivex do not."""
    return {
        path: {name: value for name, value in values.items() if name not in SHORT} for path, values in found.items()
    }


def test_a_hive_says_to_libregf_what_was_put_into_it() -> None:
    root = hive(1)
    file = pyregf.file()
    file.open_file_object(io.BytesIO(render(root, file_name="TEST", at=1.7e9)))

    assert by_libregf(file.get_root_key()) == _without_short_values(flat(root))
    found = file.get_key_by_path("\\Many\\Key 0777")
    assert found.get_last_written_time_as_integer() == int((1.6e9 + 777 + 11_644_473_600) * 10_000_000)


def test_regipy_and_hivexsh_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "TEST"
    path.write_bytes(render(hive(2), file_name="TEST", at=1.7e9))
    registry = RegistryHive(str(path))

    keys = [key.name for key in registry.get_key("\\Many").iter_subkeys()]
    assert keys == [f"Key {number:04d}" for number in range(1100)]
    few = next(iter(registry.get_key("\\Few").iter_subkeys()))
    values = {value.name: value.value for value in few.iter_values()}
    assert (values["one"], values["three"]) == ("41", "414243")
    assert values["texts"] == ["a", "Ω", "中"]
    assert values["long"] == 1 << 60

    shell = shutil.which("hivexsh")
    require_extra("hivexsh", shell is not None, "apt-get install libhivex-bin")
    script = tmp_path / "script"
    script.write_text("cd \\Many\\Key 1099\nlsval Number\n", encoding="ascii")
    assert ran(str(shell), "-f", str(script), str(path)).split() == [b"1099"]
