"""Task ``hash``: BLAKE3 of whole files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import blake3

from builders.inspection.sandbox.tasks import Options, Order, Task, Teller
from builders.inspection.sources import Folder, Source

BLOCK = 1 << 20


def hash_files(folders: Sequence[Folder], orders: Sequence[Order], _: Options, tell: Teller) -> dict[str, Any]:
    """BLAKE3 of whole files: the topmost and those named as its parents."""
    found = {}
    for folder, order in zip(folders, orders, strict=True):
        for name in (order["top"], *(order["parents"] or ())):
            source = folder.open(name)
            digest = blake3.blake3()
            for offset in range(0, source.size, BLOCK):
                digest.update(_whole_block(source, offset))
                tell.progress(f"Hashing {name}", offset, source.size)
            found[name] = {"blake3": digest.hexdigest(), "size": source.size}
            source.close()
    return {"files": found}


def _whole_block(source: Source, offset: int) -> bytes:
    want = min(BLOCK, source.size - offset)
    data = source.read(offset, want)
    if len(data) != want:
        raise OSError(f"{source.name} became shorter while it was read.")
    return data


TASKS: dict[str, Task] = {"hash": hash_files}
