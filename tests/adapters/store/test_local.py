"""A folder of this machine: what is not an ordinary file in it is not opened, however it got there."""

import os
import threading
from pathlib import Path

import pytest

from builders.adapters.errors import AdapterError, NotFound
from builders.adapters.store import LocalFolder
from builders.adapters.store.given import GivenFiles, NamedTwice
from builders.adapters.store.locks import MAY_BE_WRITTEN, lock_words
from builders.inspection.errors import OutOfPlace


@pytest.mark.parametrize("target", ["inside.vhdx", "/etc/passwd", "nowhere", "/dev/zero"])
def test_links_are_not_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "inside.vhdx").write_bytes(b"inside")
    (tmp_path / "link.vhdx").symlink_to(target)
    with pytest.raises(OutOfPlace, match="is a link"):
        LocalFolder(tmp_path).open("link.vhdx")


def test_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    import socket

    os.mkfifo(tmp_path / "pipe.vhdx")
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(str(tmp_path / "socket.vhdx"))
        for name in ("pipe.vhdx", "socket.vhdx"):
            with pytest.raises(OutOfPlace, match="a device or a pipe"):
                LocalFolder(tmp_path).open(name)
        assert LocalFolder(tmp_path).names() == []


def test_devices_are_not_opened() -> None:
    with pytest.raises(OutOfPlace, match="a device or a pipe"):
        LocalFolder("/dev").open("zero")


def test_a_link_that_slips_in_between_look_and_open(tmp_path: Path) -> None:
    """Names change under our hands while we open them a thousand times; what is read is the file's or nothing."""
    (tmp_path / "file").write_bytes(b"inside")
    (tmp_path / "outside").write_bytes(b"outside")
    name, stop = tmp_path / "W11.vhdx", threading.Event()

    def swap() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            new = tmp_path / "new"
            if number % 2:
                os.link(tmp_path / "file", new)
            else:
                new.symlink_to(tmp_path / "outside")
            new.rename(name)
            new.unlink(missing_ok=True)  # renaming a name onto another of the same file leaves both

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    try:
        while not name.is_symlink() and not name.exists():
            pass
        for _ in range(1000):
            try:
                file = LocalFolder(tmp_path).open("W11.vhdx")
            except (OutOfPlace, NotFound):
                seen.add("refused")
                continue
            seen.add(file.read(0, 10))
            file.close()
    finally:
        stop.set()
        thread.join()
    assert b"outside" not in seen
    assert seen <= {"refused", b"inside"}


def test_a_file_is_only_read(tmp_path: Path) -> None:
    (tmp_path / "W11.vhdx").write_bytes(b"bytes")
    file = LocalFolder(tmp_path).open("W11.vhdx")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(file.fileno(), b"x")
    assert not os.get_inheritable(file.fileno())
    file.close()


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    (tmp_path / "W11.vhdx").write_bytes(b"bytes")
    (tmp_path / "link").symlink_to("W11.vhdx")
    before = len(os.listdir("/proc/self/fd"))
    for name in ("W11.vhdx", "link", "missing", "a/b") * 5:
        try:
            LocalFolder(tmp_path).open(name).close()
        except (OutOfPlace, NotFound):
            continue
    LocalFolder(tmp_path).names()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AdapterError, match="was opened: Not a directory"):
        LocalFolder(tmp_path / "file").names()


def test_files_that_are_named_one_by_one(tmp_path: Path) -> None:
    for folder, name in (("a", "top.avhdx"), ("a", "beside.vhdx"), ("b", "base.vhdx"), ("c", "base.vhdx")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_bytes(folder.encode())
    top = tmp_path / "a" / "top.avhdx"
    files = GivenFiles(top, [tmp_path / "b" / "base.vhdx"])
    assert files.names() == ["base.vhdx", "beside.vhdx", "top.avhdx"]
    assert [files.open(name).read(0, 9) for name in files.names()] == [b"b", b"a", b"a"]
    for others in ([top], [tmp_path / "b" / "base.vhdx", tmp_path / "c" / "base.vhdx"]):
        with pytest.raises(NamedTwice):
            GivenFiles(top, others)
    with pytest.raises(OutOfPlace):
        files.open("../b/base.vhdx")


def test_what_nobody_named_is_looked_for_beside_each_named_file_the_last_first(tmp_path: Path) -> None:
    for folder, name in (("a", "top.avhdx"), ("b", "mid.avhdx"), ("b", "base.vhdx"), ("a", "base.vhdx"), ("a", "x")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_bytes(folder.encode())
    files = GivenFiles(tmp_path / "a" / "top.avhdx", [tmp_path / "b" / "mid.avhdx"])
    assert files.open("base.vhdx").read(0, 9) == b"b"
    assert files.open("x").read(0, 9) == b"a"
    assert files.names() == ["base.vhdx", "mid.avhdx", "top.avhdx", "x"]
    with pytest.raises(FileNotFoundError):
        files.open("gone.vhdx")
    assert (files.searched, files.not_found) == ((tmp_path / "b", tmp_path / "a"), ["gone.vhdx"])


@pytest.mark.parametrize(
    ("top", "names", "is_locked"),
    [
        ("W11.4.avhdx", ["W11.4.avhdx", "W11.4.lok", "W11.vhdx"], True),
        ("W11.4.avhdx", ["w11.4.AVHDX", "W11.4.LOK"], True),
        ("W11.vhdx", ["W11.vhdx", "W11.lok"], True),
        ("W11.4.avhdx", ["W11.4.avhdx", "W11.lok"], False),
        ("W11.4.avhdx", ["W11.4.avhdx", "W11.4.lok", "W11.5.avhdx"], False),
        ("W11.vhdx", ["W11.vhdx", "W11.lok", "W11.10.vhdx"], False),
        ("W11.4.avhdx", ["W11.4.avhdx", "W11.4.lok", "W11-Office.5.avhdx", "W11.5.pvp"], True),
    ],
)
def test_a_lock_file_counts_beside_the_newest_file(top: str, names: list[str], *, is_locked: bool) -> None:
    assert lock_words(names, top) == (MAY_BE_WRITTEN if is_locked else "")
