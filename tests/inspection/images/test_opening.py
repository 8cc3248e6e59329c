"""How the files of a chain are found, and which are refused."""

from __future__ import annotations

import uuid

import pytest

from builders.inspection.errors import Damaged, OutOfPlace, Unsupported, WrongParent
from builders.inspection.images import DEEPEST, open_chain
from tests.inspection.images import vhd_writer
from tests.inspection.images.model import POOL
from tests.inspection.images.sparse import Sparse, SparseFolder
from tests.inspection.images.vhdx_writer import MB, VhdxFile, names_of


def chain_of(count: int, **locator: str) -> tuple[list[VhdxFile], SparseFolder]:
    """Each file has one block of its own. ``locator`` replaces entries of the last file's."""
    files, folder = [], SparseFolder()
    for number in range(count):
        parent = names_of(files[-1]) if files else None
        if parent and number == count - 1:
            parent |= locator
        name = f"disk.{number}.avhdx" if number else "disk.vhdx"
        files.append(VhdxFile(name, (count + 1) * MB, parent=parent))
        files[-1].data_id = uuid.UUID(int=number + 1)
        files[-1].full(number, [(0, POOL[number : number + MB])])
        folder.add(files[-1].finish())
    return files, folder


def test_each_parent_is_found_by_what_its_child_says():
    _, folder = chain_of(4)
    with open_chain("disk.3.avhdx", folder) as chain:
        assert [link.name for link in chain.links] == ["disk.3.avhdx", "disk.2.avhdx", "disk.1.avhdx", "disk.vhdx"]
        assert all(chain.read(n * MB, MB) == POOL[n : n + MB] for n in range(4))
    assert folder.balance == 0


def test_the_version_list_counts_more_than_stale_names():
    _, folder = chain_of(3, relative_path="..\\old\\gone.vhdx", absolute_win32_path="E:\\x\\gone.vhdx")
    with pytest.raises(WrongParent, match=r"gone\.vhdx, the parent of disk\.2\.avhdx, is not in the same folder"):
        open_chain("disk.2.avhdx", folder)
    with open_chain("disk.2.avhdx", folder, ["disk.1.avhdx", "disk.vhdx"]) as chain:
        assert len(chain.links) == 3
    with open_chain("disk.2.avhdx", folder, ["disk.1.avhdx"]) as chain:  # from there on by the files' own words
        assert len(chain.links) == 3
        assert chain.warnings == []
    with open_chain("disk.2.avhdx", folder, ["disk.1.avhdx", "disk.vhdx", "more.vhdx"]) as chain:
        assert chain.warnings == ["The chain ends with disk.vhdx; not needed: more.vhdx"]
    assert folder.balance == 0


@pytest.mark.parametrize("named", [None, ["disk.1.avhdx"]])
def test_a_parent_that_was_written_to_after_its_child_was_made_is_refused(named):
    """dissect.hypervisor does not compare. The words say what is wanted and what was found."""
    files, folder = chain_of(3)
    files[1].data_id = uuid.UUID(int=77)
    folder.add(files[1].finish())
    with pytest.raises(WrongParent, match=r"disk\.1\.avhdx is not the parent .*-00000000004d.*-000000000002"):
        open_chain("disk.2.avhdx", folder, named)
    assert folder.balance == 0, "a refused chain leaves no file open"


def test_a_second_linkage_counts_too():
    _files, folder = chain_of(
        2, parent_linkage=f"{{{uuid.UUID(int=9)}}}", parent_linkage2=f"{{{uuid.UUID(int=1)}}}".upper()
    )
    with open_chain("disk.1.avhdx", folder) as chain:
        assert len(chain.links) == 2


def test_a_name_that_fits_is_found_behind_one_that_does_not():
    _files, folder = chain_of(2, relative_path=".\\other.vhdx", absolute_win32_path="D:\\store\\disk.vhdx")
    folder.add(VhdxFile("other.vhdx", 3 * MB).finish())
    with open_chain("disk.1.avhdx", folder) as chain:
        assert chain.links[1].name == "disk.vhdx"
    assert folder.balance == 0


@pytest.mark.parametrize(
    "path",
    [
        "..\\..\\elsewhere\\disk.vhdx",
        "/etc/disk.vhdx",
        "\\\\server\\share\\disk.vhdx",
        "D:\\a\\b\\disk.vhdx",
        "DISK.VHDX",
    ],
)
def test_only_the_file_name_of_a_path_is_used_and_only_in_the_same_folder(path):
    _, folder = chain_of(2, relative_path=path, absolute_win32_path=path)
    with open_chain("disk.1.avhdx", folder) as chain:
        assert chain.links[1].name == "disk.vhdx"


@pytest.mark.parametrize("path", ["..", "..\\..", "C:", "\\", "", "disk.vhdx:stream", "a*b", "x" * 400])
def test_a_name_that_is_none_is_not_even_tried(path):
    _, folder = chain_of(2, relative_path=path or "\0", absolute_win32_path="\0")
    with pytest.raises(WrongParent, match=r"disk\.1\.avhdx does not say what its parent is called"):
        open_chain("disk.1.avhdx", folder)


@pytest.mark.parametrize("name", ["../disk.vhdx", "a/disk.vhdx", "..", "", "C:\\disk.vhdx", "disk\x00.vhdx"])
def test_names_with_a_folder_are_refused_wherever_they_come_from(name):
    _, folder = chain_of(2)
    with pytest.raises(OutOfPlace):
        open_chain(name, folder)
    with pytest.raises(OutOfPlace):
        open_chain("disk.1.avhdx", folder, [name])
    assert folder.balance == 0


def test_a_missing_file_is_named():
    _, folder = chain_of(2)
    with pytest.raises(FileNotFoundError):
        open_chain("none.vhdx", folder)
    with pytest.raises(WrongParent, match=r"none\.vhdx, the parent of disk\.1\.avhdx, is not there"):
        open_chain("disk.1.avhdx", folder, ["none.vhdx"])


def test_a_chain_that_leads_back_to_itself_is_refused():
    files, folder = chain_of(3)
    loop = VhdxFile("disk.vhdx", 4 * MB, parent=names_of(files[2]))
    loop.data_id = files[0].data_id
    folder.add(loop.finish())
    with pytest.raises(WrongParent, match=r"disk\.2\.avhdx is its own parent, by way of disk\.vhdx"):
        open_chain("disk.2.avhdx", folder)
    assert folder.balance == 0


def test_a_chain_has_a_deepest_file():
    _, folder = chain_of(DEEPEST)
    with open_chain(f"disk.{DEEPEST - 1}.avhdx", folder) as chain:
        assert len(chain.links) == DEEPEST
        assert chain.read(0, MB) == POOL[:MB]
    _, folder = chain_of(DEEPEST + 1)
    with pytest.raises(WrongParent, match="no chain is that long"):
        open_chain(f"disk.{DEEPEST}.avhdx", folder)
    assert folder.balance == 0


def test_a_parent_with_other_sectors_or_of_another_format_is_refused():
    parent = VhdxFile("base.vhdx", MB, sector=4096)
    file = VhdxFile("child.avhdx", MB, sector=512, parent=names_of(parent))
    folder = SparseFolder(parent.finish(), file.finish())
    with pytest.raises(WrongParent, match="its sectors have 4096 bytes, the child's 512"):
        open_chain("child.avhdx", folder)
    plain = vhd_writer.VhdFile("base.vhd", MB)
    folder.add(plain.finish())
    with pytest.raises(WrongParent, match="it is VHD, the child VHDX"):
        open_chain("child.avhdx", folder, ["base.vhd"])


def test_a_damaged_parent_is_said_to_be_damaged():
    _, folder = chain_of(2)
    folder.files["disk.vhdx"].resize(100_000)
    with pytest.raises(Damaged, match=r"disk\.vhdx"):
        open_chain("disk.1.avhdx", folder)
    assert folder.balance == 0


def test_a_name_that_says_another_format_is_a_warning():
    vhdx = VhdxFile("disk.vhd", 2 * MB)
    vhdx.full(0, [(0, POOL[:MB])])
    vhd = vhd_writer.VhdFile("disk2.vhdx", 2 * MB)
    folder = SparseFolder()
    folder.add(vhdx.finish())
    folder.add(vhd.finish())

    with open_chain("disk.vhd", folder) as chain:
        assert chain.links[0].format == "VHDX"
        assert chain.warnings == ["disk.vhd: It is called VHD and is VHDX; it is read as what it is"]
        assert chain.read(0, MB) == POOL[:MB]
    with open_chain("disk2.vhdx", folder) as chain:
        assert chain.links[0].format == "VHD"
        assert chain.warnings == ["disk2.vhdx: It is called VHDX and is VHD; it is read as what it is"]


@pytest.mark.parametrize("name", ["disk.vhd", "disk.vhdx", "disk.avhdx"])
@pytest.mark.parametrize(
    ("at", "mark", "words"),
    [
        (0, b"PK\x03\x04", "a ZIP archive"),
        (0, b"QFI\xfb", "a QCOW disk image"),
        (0, b"KDMV", "a VMDK disk image"),
        (0, b"# Disk DescriptorFile", "the description of a VMDK"),
        (64, b"\x7f\x10\xda\xbe", "a VDI disk image"),
        (32769, b"CD001", "an ISO image"),
    ],
)
def test_a_file_of_another_kind_says_what_it_looks_like(name: str, at: int, mark: bytes, words: str):
    file = Sparse(0, name)
    file.write(at, mark + bytes(4096))
    folder = SparseFolder(file)
    with pytest.raises(Unsupported, match=words):
        open_chain(name, folder)
    assert folder.balance == 0
