"""Folders of known bytes, and a runner of hostile tasks that product code has no name for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.adapters.store import LocalFolder
from builders.inspection.sandbox import Image, Limits, Result, keeper, run
from tests.inspection.sandbox.hostile import TASKS

BYTES = bytes(range(256)) * 4096  # 1 MiB


class FarFile:
    """A source that cannot be handed over, as one on a share."""

    def __init__(self, folder: "FarFolder", name: str, data: bytes) -> None:
        self.folder, self.name, self.size, self.data = folder, name, len(data), data

    def read(self, offset: int, length: int) -> bytes:
        self.folder.asked.append((offset, length))
        if self.folder.failure:
            raise self.folder.failure
        return self.data[offset : offset + length]

    def close(self) -> None:
        self.folder.closed += 1


class FarFolder:
    def __init__(self, **files: bytes) -> None:
        self.files = files
        self.asked: list[tuple[int, int]] = []
        self.opened: list[str] = []
        self.closed = 0
        self.failure: Exception | None = None

    def open(self, name: str) -> FarFile:
        self.opened.append(name)
        if name not in self.files:
            raise FileNotFoundError(f"{name} is not here")
        return FarFile(self, name, self.files[name])

    def names(self) -> list[str]:
        return sorted(self.files)


Runner = Callable[..., Result]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "top").write_bytes(BYTES)
    return folder


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch, store: Path) -> Runner:
    """Run a task of hostile.py on a store's file; generous limits unless the test is about one."""
    names = dict.fromkeys(TASKS, "tests.inspection.sandbox.hostile")
    monkeypatch.setattr(keeper, "MODULES", names)

    def start(task: str, folder=None, options=None, on_progress=None, **limits: int) -> Result:
        image = Image(folder or LocalFolder(store), "top")
        chosen = Limits(**({"wall_seconds": 120} | limits))
        return run(task, [image], options, limits=chosen, on_progress=on_progress)

    return start


def children() -> set[int]:
    """Processes that this one has started and that are still there."""
    import psutil

    return {child.pid for child in psutil.Process(os.getpid()).children()}
