"""The process that reads an installer: what it can no longer do once it has begun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import landlockpy

from tests.conftest import require_extra

BASE = Path(__file__).resolve().parents[2]


def confined(then: str) -> str:
    program = f"from lifecycle.installers import __main__ as child\nchild.confine()\n{then}"
    done = subprocess.run([sys.executable, "-c", program], cwd=BASE, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_it_takes_only_so_much_memory_and_so_many_files() -> None:
    assert "MemoryError" in confined("bytearray(256 << 20)")
    assert "Too many open files" in confined("import os\nwhile True: os.dup(0)")


def test_it_opens_no_other_file(tmp_path: Path) -> None:
    require_extra("Landlock", landlockpy.supported(), "a kernel with Landlock")
    secret = tmp_path / "secret"
    secret.write_text("hidden")

    for mode in ("r", "a", "w"):
        assert "PermissionError" in confined(f"open({str(secret)!r}, {mode!r})")
    assert secret.read_text() == "hidden"
