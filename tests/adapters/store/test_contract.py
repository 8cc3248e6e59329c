"""What a store promises, whichever way its files are reached."""

import threading

import pytest

from builders.adapters.errors import NotFound
from builders.adapters.store.names import plain
from builders.inspection.errors import OutOfPlace
from tests.adapters.store.conftest import BYTES


def test_names_are_those_of_files_alone(store) -> None:
    path, folder = store
    (path / "link.vhdx").symlink_to("/etc/passwd")
    assert folder().names() == ["W11.1.avhdx", "W11.vhdx", "empty.vhdx", "Über größe 漢.vhdx"]
    assert folder("folder").names() == ["inner.vhdx"]


@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, 1), (0, 512), (511, 514), (1_000_003, 70_000), (0, 3 << 20), ((3 << 20) - 5, 5), ((3 << 20) - 5, 500)],
)
def test_bytes_at_any_offset(store, offset: int, length: int) -> None:
    _, folder = store
    file = folder().open("W11.vhdx")
    assert (file.name, file.size) == ("W11.vhdx", len(BYTES))
    assert file.read(offset, length) == BYTES[offset : offset + length]
    assert file.bytes_read == min(length, len(BYTES) - offset)
    file.close()


def test_nothing_where_there_is_nothing(store) -> None:
    _, folder = store
    here = folder()
    file, empty = here.open("W11.vhdx"), here.open("empty.vhdx")
    assert [file.read(len(BYTES), 10), file.read(len(BYTES) + 99, 10), file.read(5, 0)] == [b"", b"", b""]
    assert (empty.size, empty.read(0, 10)) == (0, b"")
    for each in (file, empty):
        each.close()
        each.close()


def test_other_letters_in_a_name(store) -> None:
    _, folder = store
    assert folder().open("Über größe 漢.vhdx").read(0, 10) == b"named"


def test_a_file_that_is_not_there(store) -> None:
    _, folder = store
    with pytest.raises(FileNotFoundError) as caught:
        folder().open("W12.vhdx")
    assert isinstance(caught.value, NotFound)
    assert "W12.vhdx was opened" in str(caught.value)


def test_a_folder_that_is_not_there(store) -> None:
    _, folder = store
    for ask in (lambda: folder("gone").names(), lambda: folder("gone").open("W11.vhdx")):
        with pytest.raises(FileNotFoundError) as caught:
            ask()
        assert isinstance(caught.value, NotFound)


CLIMBS = ["../W11.vhdx", "..", ".", "", "folder/inner.vhdx", "folder\\inner.vhdx", "/etc/passwd", "C:\\x", "W11.vhdx\0"]
WINDOWS = ["W11.vhdx:stream", "CON", "nul.vhdx", "COM1", "W11.vhdx.", "W11.vhdx ", "W?1.vhdx", "x" * 256, "W11\n.vhdx"]


@pytest.mark.parametrize("name", CLIMBS + WINDOWS)
def test_names_that_are_no_plain_file_names(store, name: str) -> None:
    _, folder = store
    with pytest.raises(OutOfPlace):
        folder().open(name)


def test_a_folder_is_no_file(store) -> None:
    _, folder = store
    with pytest.raises(OutOfPlace):
        folder().open("folder")


def test_a_link_out_of_the_store(store, tmp_path_factory: pytest.TempPathFactory) -> None:
    path, folder = store
    outside = tmp_path_factory.mktemp("outside") / "secret.vhdx"
    outside.write_bytes(b"secret")
    (path / "W12.vhdx").symlink_to(outside)
    with pytest.raises((OutOfPlace, OSError)):
        folder().open("W12.vhdx")


def test_a_change_while_it_is_open_is_seen(store) -> None:
    path, folder = store
    file = folder().open("W11.1.avhdx")
    assert not file.has_changed()
    (path / "W11.1.avhdx").write_bytes(b"child, written to")
    assert file.has_changed()


def test_many_threads_read_one_file(store) -> None:
    _, folder = store
    file = folder().open("W11.vhdx")
    wrong: list[int] = []

    def read(offset: int) -> None:
        for at in range(offset, offset + 400_000, 100_000):
            if file.read(at, 70_000) != BYTES[at : at + 70_000]:
                wrong.append(at)

    threads = [threading.Thread(target=read, args=(number * 300_000,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert wrong == []
    assert file.bytes_read == 6 * 4 * 70_000


def test_usual_names_of_a_chain_are_plain() -> None:
    for name in ("W11.vhdx", "W11.4.avhdx", "Windows 11 (gold) v2.12.vhd", "ä.avhd", ".hidden", "console.vhdx"):
        assert plain(name) == name
