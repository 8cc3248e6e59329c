"""One Samba server for all tests of this folder that do not harm it, and stores of both kinds with the same files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders.adapters.store import LocalFolder, SmbFolder
from tests.adapters.store.samba import PASSWORD, Samba, user

BYTES = os.urandom(3 << 20)


@pytest.fixture(scope="session")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    server = Samba(tmp_path_factory.mktemp("samba"))
    yield server
    server.stop()


def fill(store: Path) -> None:
    (store / "W11.vhdx").write_bytes(BYTES)
    (store / "W11.1.avhdx").write_bytes(b"child")
    (store / "empty.vhdx").write_bytes(b"")
    (store / "Über größe 漢.vhdx").write_bytes(b"named")
    (store / "folder").mkdir()
    (store / "folder" / "inner.vhdx").write_bytes(b"inner")


def share(server: Samba, **changes) -> SmbFolder:
    values = {"server": "127.0.0.1", "share": "store", "username": user(), "password": PASSWORD, "port": server.port}
    return SmbFolder(**(values | changes))


@pytest.fixture
def samba_store(samba: Samba) -> Iterator[Path]:
    import shutil

    fill(samba.store)
    yield samba.store
    for entry in samba.store.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@pytest.fixture(params=["local", "smb encrypted", "smb signed"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Path, Callable[..., LocalFolder | SmbFolder]]]:
    """The folder where the files lie, and a maker of the adapter that reaches it (or a folder below)."""
    if request.param == "local":
        fill(tmp_path)
        yield tmp_path, lambda below="": LocalFolder(tmp_path / below)
        return
    path = request.getfixturevalue("samba_store")
    server = request.getfixturevalue("samba")
    made: list[SmbFolder] = []

    def make(below: str = "") -> SmbFolder:
        made.append(share(server, path=below, encrypt=request.param == "smb encrypted"))
        return made[-1]

    yield path, make
    for folder in made:
        folder.close()
