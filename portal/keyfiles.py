"""Keys that a fresh clone makes for itself, once, in its own data folder. Production brings its own (portal.E001)."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet


def secret_key(folder: Path) -> str:
    return _read_or_make(folder / "secret_key", secrets.token_urlsafe(50))


def field_keys(folder: Path) -> list[str]:
    """Keys of the encrypted columns, newest first, one a line: the first one seals, each of them opens."""
    return _read_or_make(folder / "field_keys", Fernet.generate_key().decode()).split()


def _read_or_make(file: Path, fresh: str) -> str:
    """The first process to come decides: `link` fails if the name is taken, so two starters cannot hold two keys."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # for its owner alone
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(fresh + "\n")
            with contextlib.suppress(FileExistsError):
                os.link(draft, file)
        finally:
            os.unlink(draft)
    return file.read_text(encoding="utf-8").strip()
