"""Other readers and writers of the same files: where one can read a file, its bytes must be ours."""

from __future__ import annotations

import subprocess
from random import Random

import pytest
import pyvhdi

from builders.inspection.images import open_chain
from tests.conftest import require_extra
from tests.inspection.images.files import FileFolder
from tests.inspection.images.model import MB, POOL, RandomChain
from tests.inspection.images.other_tools import QEMU_IMG, plain_by_qemu
from tests.inspection.images.sparse import Sparse


@pytest.fixture
def qemu():
    require_extra("qemu-img", QEMU_IMG is not None, "apt-get install qemu-utils")


@pytest.mark.parametrize(
    ("kind", "extension", "options"),
    [
        ("vhdx", "vhdx", "subformat=dynamic,block_size=1048576"),
        ("vhdx", "vhdx", "subformat=dynamic,block_size=33554432,block_state_zero=on"),
        ("vhdx", "vhdx", "subformat=fixed,log_size=2097152"),
        ("vpc", "vhd", "subformat=dynamic,force_size=on"),
        ("vpc", "vhd", "subformat=fixed,force_size=on"),
        ("vpc", "vhd", "subformat=dynamic"),
    ],
)
def test_what_qemu_writes_is_read(qemu, tmp_path, kind, extension, options):
    plain = Sparse(38 * MB + 3 * 512)
    for at in (0, 5 * MB - 700, 17 * MB + 3, plain.size - 5000):
        plain.write(at, POOL[at % 999 :][:5000])
    raw = plain.save(tmp_path / "plain.raw")
    image = tmp_path / f"disk.{extension}"
    subprocess.run([QEMU_IMG, "convert", "-f", "raw", "-O", kind, "-o", options, str(raw), str(image)], check=True)
    with open_chain(image.name, FileFolder(tmp_path)) as chain:
        assert chain.size >= plain.size
        assert chain.read(0, chain.size) == plain.read(0, plain.size).ljust(chain.size, b"\0")
        assert chain.warnings == []


@pytest.mark.parametrize(("kind", "block"), [("VHDX", MB), ("VHDX", 8 * MB), ("VHD", 2 * MB)])
@pytest.mark.parametrize("number", range(2))
def test_qemu_reads_the_tests_files_as_we_do(qemu, tmp_path, kind, block, number):
    """So that the tests' writer is no private dialect. qemu takes the data of a dynamic VHD without its bitmap."""
    made = RandomChain(Random(f"qemu {kind} {block} {number}"), kind=kind, layers=1, blocks=(block,), whole_blocks=True)
    image = made.folder.files[made.top].save(tmp_path / made.top)
    theirs = plain_by_qemu(image, "vhdx" if kind == "VHDX" else "vpc", tmp_path)
    with open_chain(made.top, FileFolder(tmp_path)) as chain:
        assert theirs[: chain.size] == chain.read(0, chain.size) == made.plain.read(0, made.size)


@pytest.mark.parametrize("number", range(4))
def test_libvhdi_reads_differencing_vhds_as_we_do(tmp_path, number):
    """Where it can be followed: blocks of one size, and whole bytes of a bitmap.

    Once a bit is set, it takes the rest of the byte for set and shows old sectors of the child instead of the parent's;
    with files of several block sizes it shows zeros. For VHDX it is wrong in the cases that test_vhdx names.
    """
    made = RandomChain(
        Random(f"libvhdi {number}"),
        kind="VHD",
        layers=2 + number,
        blocks=(512 << 10 if number % 2 else 2 * MB,),
        whole_blocks=True,
        grows=False,
        grain=4096,
    )
    opened = []
    for name in made.names:
        made.folder.files[name].save(tmp_path / name)
        file = pyvhdi.file()
        file.open(str(tmp_path / name))
        if opened:
            file.set_parent(opened[-1])
        opened.append(file)
    with open_chain(made.top, FileFolder(tmp_path)) as chain:
        assert opened[-1].get_media_size() == chain.size
        for at in range(0, chain.size, MB):
            length = min(MB, chain.size - at)
            assert opened[-1].read_buffer_at_offset(length, at) == chain.read(at, length), at
    for file in reversed(opened):
        file.close()
