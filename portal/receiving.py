"""Installers that come in: piece by piece into a partial file, then, verified, to the place of their digest."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle.errors import Incomplete, NotNow, StaleState
from lifecycle.installers.facts import Facts
from lifecycle.models import Installer, Upload
from lifecycle.package_kinds import FileState
from lifecycle.packages import catalogue, depot, names

logger = logging.getLogger(__name__)

PIECE = 1024 * 1024
MOST_AT_ONCE = 64 * 1024 * 1024
"""Of one request of an upload in pieces, in bytes."""
FORGOTTEN_AFTER = timedelta(days=7)
READ_SECONDS = 60


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class WrongOffset(StaleState):
    """The piece does not begin where the last one ended, at ``offset``."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"The next piece begins at {offset}.")
        self.offset = offset


def start(*, name: str, size: int, sha256: str = "", mark: str = "", by: User) -> Upload:
    """A new upload, or the one that this person began of the same file. ``sha256``, where known, must come true."""
    catalogue.check_manager(by)
    limit = settings.PORTAL_PACKAGE_LIMIT_MB
    if size < 1:
        raise Incomplete("size", "The file is empty.")
    if size > limit * 1024 * 1024:
        raise Incomplete(
            "size", f"The file has {size} bytes; {limit} MiB are the most. PORTAL_PACKAGE_LIMIT_MB raises that."
        )
    expected = names.sha256(sha256) if sha256.strip() else ""
    _forget_old_ones()
    plain = names.plain_file_name(name)
    found = Upload.objects.filter(name=plain, size=size, mark=mark[:80], sha256=expected, by=by).first()
    return found or Upload.objects.create(name=plain, size=size, mark=mark[:80], sha256=expected, by=by)


def received(upload: Upload) -> int:
    """Bytes that have come so far."""
    try:
        return _partial(upload).stat().st_size
    except FileNotFoundError:
        return 0


def append(upload: Upload, pieces: Iterable[bytes], *, offset: int, sha256: str = "") -> int:
    """What has come with it, in bytes. The whole request counts or nothing of it.

    WrongOffset when it begins elsewhere; Incomplete when it is too much, or its checksum differs.
    """
    with _open(upload) as file:
        if file.seek(0, os.SEEK_END) != offset:
            raise WrongOffset(file.tell())
        digest, came = hashlib.sha256(), 0
        try:
            for piece in pieces:
                came += len(piece)
                if offset + came > upload.size:
                    raise Incomplete("size", f"More came than the {upload.size} bytes that were announced.")
                digest.update(piece)
                file.write(piece)
            if sha256 and digest.hexdigest() != sha256.strip().casefold():
                raise Incomplete("piece", "This piece was damaged on its way; send it again.")
            file.flush()
        except OSError as error:
            file.truncate(offset)
            raise NotNow(f"The package folder does not take it: {error.strerror}.") from error
        except BaseException:
            file.truncate(offset)
            raise
    Upload.objects.filter(pk=upload.pk).update(seen_at=timezone.now())
    return offset + came


def finish(upload: Upload, *, by: User) -> Installer:
    """Verify what came and put it into its place. Incomplete when it is not what was expected; then it is dropped."""
    with _open(upload) as file:
        if file.seek(0, os.SEEK_END) != upload.size:
            raise WrongOffset(file.tell())
        file.seek(0)
        digest = _digest(file)
        if upload.sha256 and digest != upload.sha256:
            drop(upload)
            raise Incomplete(
                "sha256", f"The file that came has the SHA-256 {digest}, not the one expected. It is not kept."
            )
        os.fsync(file.fileno())
        path = depot.place(settings.PORTAL_PACKAGE_FOLDER, digest)
        facts = _facts(_partial(upload), upload.name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(_partial(upload), path)
            path.chmod(0o440)
        except OSError as error:
            raise NotNow(f"The package folder does not take it: {error.strerror}.") from error
    found = depot.note_stored(sha256=digest, name=upload.name, size=upload.size, facts=facts, by=by)
    Upload.objects.filter(pk=upload.pk).delete()
    return found


def whole(name: str, size: int, pieces: Iterable[bytes], *, sha256: str = "", by: User) -> Installer:
    """A file that comes in one request, as from a plain form."""
    upload = start(name=name, size=size, sha256=sha256, mark="plain form", by=by)
    try:
        append(upload, pieces, offset=_from_the_start(upload))
        return finish(upload, by=by)
    except BaseException:
        drop(upload)
        raise


def drop(upload: Upload) -> None:
    """Forget it, and what came of it."""
    _partial(upload).unlink(missing_ok=True)
    Upload.objects.filter(pk=upload.pk).delete()


def check(installer: Installer, *, by: User) -> FileState:
    """Look at the file in its place, from its first byte to its last."""
    path = depot.place(settings.PORTAL_PACKAGE_FOLDER, installer.sha256)
    try:
        with path.open("rb") as file:
            is_whole = file.seek(0, os.SEEK_END) == installer.size
            file.seek(0)
            state = FileState.IN_PLACE if is_whole and _digest(file) == installer.sha256 else FileState.DIFFERS
    except FileNotFoundError:
        state = FileState.MISSING
    except OSError as error:
        raise NotNow(f"The package folder cannot be read: {error.strerror}.") from error
    depot.note_checked(installer, state, by=by)
    return state


def pieces_of(stream: Readable, most: int = MOST_AT_ONCE) -> Iterator[bytes]:
    """What a request brings, in pieces. Incomplete past ``most`` bytes."""
    came = 0
    while piece := stream.read(PIECE):
        came += len(piece)
        if came > most:
            raise Incomplete("size", f"Send at most {most // PIECE} MiB at once.")
        yield piece


def _from_the_start(upload: Upload) -> int:
    _partial(upload).unlink(missing_ok=True)
    return 0


def _partial(upload: Upload) -> Path:
    return depot.partial(settings.PORTAL_PACKAGE_FOLDER, upload.uid)


@contextmanager
def _open(upload: Upload) -> Iterator[BinaryIO]:
    """The partial file, for one at a time."""
    path = _partial(upload)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise NotNow(f"The package folder cannot be written: {error.strerror}.") from error
    with os.fdopen(number, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise NotNow("This file is being sent from another window right now.") from error
        yield file


def _digest(file: BinaryIO) -> str:
    found = hashlib.sha256()
    while piece := file.read(PIECE):
        found.update(piece)
    return found.hexdigest()


def _facts(path: Path, name: str) -> Facts:
    """Read in a process of its own, under limits: what a vendor sent may be damaged, or worse."""
    command = [sys.executable, "-m", "lifecycle.installers", str(path), name]
    environment = {"PATH": os.environ.get("PATH", "")}
    try:
        done = subprocess.run(
            command, capture_output=True, check=True, timeout=READ_SECONDS, cwd=settings.BASE_DIR, env=environment
        )
        return Facts.of(json.loads(done.stdout))
    except (subprocess.SubprocessError, OSError, ValueError, AttributeError) as error:
        logger.warning("The facts of %s could not be read: %s", name, type(error).__name__)
        return Facts(warnings=("What it says of itself could not be read within the limits.",))


def _forget_old_ones() -> None:
    for upload in Upload.objects.filter(seen_at__lt=timezone.now() - FORGOTTEN_AFTER):
        drop(upload)
