"""The lab's VHDX files against a raw model, a second reader, and libvhdi where it reads rightly."""

import random
import uuid
from pathlib import Path

import pytest
import pyvhdi

from lab.guests.stories import built
from lab.stores.copying import copy_sparse
from lab.stores.folders import StoreFolders
from lab.stores.vhdx.image import Image, create_image
from lab.stores.vhdx.layout import MB, BlockState, Geometry, crc32c
from lab.stores.vhdx.merging import merge_into
from lab.stores.vhdx.records import ParentLocator
from tests.lab import vhdx_reader
from tests.lab.vhdx_reader import File


class Chain:
    """A chain of files and, beside it, the bytes that each layer must show."""

    def __init__(self, folder: Path, geometry: Geometry, seed: int) -> None:
        self.folder, self.geometry = folder, geometry
        self.chance = random.Random(seed)
        self.paths = [folder / "disk.vhdx"]
        self.models = [bytearray(geometry.size_bytes)]
        create_image(self.paths[0], geometry)
        self.change()

    def grow(self) -> None:
        path = self.folder / f"disk.{len(self.paths)}.avhdx"
        with Image(self.paths[-1]) as parent:
            locator = ParentLocator(parent.data_write_guid, f".\\{self.paths[-1].name}", f"D:\\{self.paths[-1].name}")
        geometry = Geometry(
            self.geometry.size_bytes, self.geometry.block_bytes, self.geometry.sector_bytes, differencing=True
        )
        create_image(path, geometry, parent=locator)
        self.paths.append(path)
        self.models.append(bytearray(self.models[-1]))
        self.change()

    def change(self) -> None:
        """Random sectors, and now and then a block of zeros or one that is whole."""
        sector, size = self.geometry.sector_bytes, self.geometry.size_bytes
        with Image(self.paths[-1], writable=True) as image:
            for _ in range(12):
                length = self.chance.randrange(1, 200) * sector
                offset = self.chance.randrange(0, (size - length) // sector) * sector
                data = self.chance.randbytes(length)
                image.write(offset, data)
                self.models[-1][offset : offset + length] = data
            block = self.chance.randrange(image.geometry.blocks)
            start = block * self.geometry.block_bytes
            end = min(start + self.geometry.block_bytes, size)
            image.set_state(block, self.chance.choice([BlockState.ZERO, BlockState.FULLY_PRESENT]))
            self.models[-1][start:end] = bytes(end - start)

    def open(self, layers: int | None = None) -> File:
        file = None
        for path in self.paths[:layers]:
            file = File(path, file)
        assert file is not None
        return file


GEOMETRIES = [
    Geometry(7 * MB + 512 * 3, block_bytes=MB),
    Geometry(40 * MB, block_bytes=32 * MB),
    Geometry(9 * MB + 4096, block_bytes=2 * MB, sector_bytes=4096),
]


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("layers", [1, 2, 5])
def test_a_second_reader_finds_what_was_written(tmp_path: Path, geometry: Geometry, layers: int) -> None:
    chain = Chain(tmp_path, geometry, seed=layers)
    for _ in range(layers - 1):
        chain.grow()

    file = chain.open()

    chance = random.Random(layers)
    for _ in range(150):
        length = chance.randrange(1, 40_000)
        offset = chance.randrange(0, geometry.size_bytes - length)
        assert file.read(offset, length) == chain.models[-1][offset : offset + length]
    file.close()


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("with_base", [True, False], ids=["new base", "updates only"])
def test_a_merged_file_says_what_its_layers_said(tmp_path: Path, geometry: Geometry, with_base: bool) -> None:
    chain = Chain(tmp_path, geometry, seed=7)
    for _ in range(3):
        chain.grow()
    target = tmp_path / "merged.vhdx"
    size, block, sector = geometry.size_bytes, geometry.block_bytes, geometry.sector_bytes
    parent = None if with_base else ParentLocator(uuid.uuid4(), "disk.vhdx", "D:\\disk.vhdx")
    create_image(target, Geometry(size, block, sector, differencing=not with_base), parent=parent)

    merge_into(target, chain.paths if with_base else chain.paths[1:])

    file = File(target, None if with_base else chain.open(1))
    assert file.read(0, size) == bytes(chain.models[-1])
    file.close()


def test_headers_and_tables_are_valid(tmp_path: Path) -> None:
    chain = Chain(tmp_path, GEOMETRIES[1], seed=3)
    chain.grow()

    for path in chain.paths:
        file = File(path, check_sums=True)
        assert file.log_guid.int == 0
        assert path.stat().st_size % MB == 0
        file.close()


def test_the_locator_names_the_parent(tmp_path: Path) -> None:
    chain = Chain(tmp_path, GEOMETRIES[0], seed=4)
    chain.grow()
    child = chain.open()
    assert child.parent is not None

    assert child.locator == {
        "parent_linkage": f"{{{child.parent.data_write_guid}}}",
        "relative_path": ".\\disk.vhdx",
        "absolute_win32_path": "D:\\disk.vhdx",
    }
    child.close()


def test_the_data_write_guid_changes_when_something_is_written(tmp_path: Path) -> None:
    path = tmp_path / "disk.vhdx"
    create_image(path, GEOMETRIES[0])
    with Image(path) as image:
        before = image.data_write_guid

    with Image(path, writable=True) as image:
        image.write(0, bytes(512))
    with Image(path) as image:
        after = image.data_write_guid

    assert before != after


def test_reading_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "disk.vhdx"
    create_image(path, GEOMETRIES[0])
    before = path.read_bytes()

    with Image(path) as image:
        assert list(image.runs(0)) == []

    assert path.read_bytes() == before


@pytest.mark.parametrize(("offset", "length"), [(1, 512), (0, 100), (GEOMETRIES[0].size_bytes, 512)])
def test_a_write_covers_whole_sectors_of_the_disk(tmp_path: Path, offset: int, length: int) -> None:
    path = tmp_path / "disk.vhdx"
    create_image(path, GEOMETRIES[0])

    with Image(path, writable=True) as image, pytest.raises(ValueError, match="whole sectors"):
        image.write(offset, bytes(length))


def test_the_checksum_is_castagnoli() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    for length in (0, 1, 2, 3, 31, 4001):
        assert crc32c(b"head" + bytes(length)) == vhdx_reader.crc32c(b"head" + bytes(length))
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


def test_libvhdi_reads_a_base(tmp_path: Path) -> None:
    chain = Chain(tmp_path, GEOMETRIES[1], seed=5)
    file = pyvhdi.file()
    file.open(str(chain.paths[0]))

    assert file.get_media_size() == chain.geometry.size_bytes
    assert file.read_buffer_at_offset(chain.geometry.size_bytes, 0) == bytes(chain.models[0])
    file.close()


def test_libvhdi_reads_written_sectors_through_a_chain(tmp_path: Path) -> None:
    """Only where it reads rightly: one chunk, whose sector bitmap exists, and no block in the state zero above data."""
    geometry = Geometry(40 * MB)
    parent, child = tmp_path / "disk.vhdx", tmp_path / "disk.1.avhdx"
    create_image(parent, geometry)
    chance = random.Random(6)
    below, above = chance.randbytes(4096), chance.randbytes(1024)
    with Image(parent, writable=True) as image:
        image.write(512 * 8, below)
        guid = image.data_write_guid
    locator = ParentLocator(guid, ".\\disk.vhdx", "D:\\disk.vhdx")
    create_image(child, Geometry(40 * MB, differencing=True), parent=locator)
    with Image(child, writable=True) as image:
        image.write(512 * 10, above)

    files = [pyvhdi.file(), pyvhdi.file()]
    for file, path in zip(files, (parent, child), strict=True):
        file.open(str(path))
    files[1].set_parent(files[0])

    assert files[1].read_buffer_at_offset(4096, 512 * 8) == below[:1024] + above + below[2048:]
    for file in reversed(files):
        file.close()


@pytest.mark.parametrize("portion", [1.0, 0.5])
def test_a_sparse_copy_is_equal_and_stays_sparse(tmp_path: Path, portion: float) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    with source.open("wb") as file:
        for megabyte in (3, 90):
            file.seek(megabyte * MB)
            file.write(b"data" * 1000)
        file.truncate(128 * MB)

    copy_sparse(source, target, portion=portion)

    assert target.read_bytes() == source.read_bytes()[: int(128 * MB * portion)]
    assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert target.stat().st_blocks * 512 < 4 * MB


def test_a_new_maintenance_version_reads_as_its_parent(tmp_path: Path) -> None:
    folders = StoreFolders(tmp_path)
    folders.create_base("PVS01", "d.vhdx", size_bytes=300 * MB, disk_id=uuid.uuid4())
    folders.fill("PVS01", "d.vhdx", built("Small", moments=[1.75e9]))

    folders.create_differencing("PVS01", "d.1.avhdx", parent="d.vhdx")

    base = File(folders.path("PVS01", "d.vhdx"))
    child = File(folders.path("PVS01", "d.1.avhdx"), base)
    for offset in range(0, 300 * MB - 4096, 5 * MB):
        assert child.read(offset, 4096) == base.read(offset, 4096)
    child.close()
