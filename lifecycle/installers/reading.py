"""The facts of any file that a package may need, told apart by its first bytes, else by its name."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from lifecycle.installers import exe, msi
from lifecycle.installers.facts import Facts

_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")
_BY_ENDING = {
    ".msu": "msu",
    ".msix": "msix",
    ".msixbundle": "msix",
    ".appx": "msix",
    ".appxbundle": "msix",
    ".ps1": "script",
    ".cmd": "script",
    ".bat": "script",
    ".vbs": "script",
}


def read(file: BinaryIO, name: str) -> Facts:
    """What ``file`` says of itself. Unreadable when it is damaged."""
    head = file.read(8)
    file.seek(0)
    ending = PurePath(name).suffix.casefold()
    if head == _COMPOUND and ending != ".msp":
        return msi.read(file)
    if head[:2] == b"MZ":
        return exe.read(file)
    return Facts(kind=_BY_ENDING.get(ending, "other"))
