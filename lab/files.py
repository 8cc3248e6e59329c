"""Small files written whole or not at all."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; only its owner may read it."""
    partial = path.with_name(path.name + ".new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
