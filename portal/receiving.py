"""Installers that come in: piece by piece into a partial file, then, verified, to the place of their digest."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Protocol

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Sum
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
IDLE_AFTER = timedelta(days=1)
"""Then an upload makes room for another one of the same person."""
READ_SECONDS = 60
READ_AT_ONCE = 2
_readers = threading.BoundedSemaphore(READ_AT_ONCE)


OVER = "This upload is over; begin it again."


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
    if found is None:
        _check_share(size, by)
    _check_space(size - (received(found) if found else 0))
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
        try:
            came = _write(file, pieces, most=upload.size - offset, sha256=sha256)
        except OSError as error:
            file.truncate(offset)
            raise NotNow(f"The package folder does not take it: {error.strerror}.") from error
        except BaseException:
            file.truncate(offset)
            raise
        if not Upload.objects.filter(pk=upload.pk).update(seen_at=timezone.now()):
            _partial(upload).unlink()
            raise NotNow(OVER)
    return offset + came


def finish(upload: Upload, *, by: User) -> Installer:
    """Verify what came and put it into its place. Incomplete when it is not what was expected; then it is dropped.

    What is verified is what is moved: nobody but the holder of the lock writes to it, and from then on nobody at all.
    """
    with _open(upload, to_write=False) as file:
        if file.seek(0, os.SEEK_END) != upload.size:
            raise WrongOffset(file.tell())
        file.seek(0)
        digest = _digest(file)
        if upload.sha256 and digest != upload.sha256:
            _forget(upload)
            raise Incomplete(
                "sha256", f"The file that came has the SHA-256 {digest}, not the one expected. It is not kept."
            )
        facts = _facts(_partial(upload), upload.name)
        try:
            _move(file, _partial(upload), depot.place(settings.PORTAL_PACKAGE_FOLDER, digest))
        except OSError as error:
            raise NotNow(f"The package folder does not take it: {error.strerror}.") from error
        found = depot.note_stored(sha256=digest, name=upload.name, size=upload.size, facts=facts, by=by)
        Upload.objects.filter(pk=upload.pk).delete()
    return found


def whole(name: str, size: int, pieces: Iterable[bytes], *, sha256: str = "", by: User) -> Installer:
    """A file that comes in one request, as from a plain form. Each such request has an upload of its own."""
    upload = start(name=name, size=size, sha256=sha256, mark=f"plain form {uuid.uuid4().hex}", by=by)
    try:
        append(upload, pieces, offset=0)
        return finish(upload, by=by)
    except BaseException:
        drop(upload)
        raise


def drop(upload: Upload) -> None:
    """Forget it, and what came of it. NotNow while something of it is on its way."""
    if received(upload):
        with _open(upload, to_write=False):
            _forget(upload)
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


def _write(file: IO[bytes], pieces: Iterable[bytes], *, most: int, sha256: str) -> int:
    digest, came = hashlib.sha256(), 0
    for piece in pieces:
        came += len(piece)
        if came > most:
            raise Incomplete("size", "More came than the size that was announced.")
        digest.update(piece)
        rest = memoryview(piece)
        while rest:
            rest = rest[file.write(rest) :]
    if sha256 and digest.hexdigest() != sha256.strip().casefold():
        raise Incomplete("piece", "This piece was damaged on its way; send it again.")
    return came


def _move(file: IO[bytes], path: Path, place: Path) -> None:
    """What ``file`` is open on, and nothing else, to its place."""
    if not _is_same(file, path):
        raise NotNow(OVER)
    os.fsync(file.fileno())
    place.parent.mkdir(parents=True, exist_ok=True)
    os.fchmod(file.fileno(), 0o440)
    try:
        os.replace(path, place)
    except OSError:
        os.fchmod(file.fileno(), 0o640)
        raise
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _partial(upload: Upload) -> Path:
    return depot.partial(settings.PORTAL_PACKAGE_FOLDER, upload.uid)


@contextmanager
def _open(upload: Upload, *, to_write: bool = True) -> Iterator[IO[bytes]]:
    """The partial file, for one at a time, unbuffered. An empty one does not stay."""
    path = _partial(upload)
    how = os.O_RDWR | os.O_CREAT if to_write else os.O_RDONLY
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        number = os.open(path, how | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    except FileNotFoundError as error:
        raise NotNow(OVER) from error
    except OSError as error:
        raise NotNow(f"The package folder cannot be written: {error.strerror}.") from error
    with os.fdopen(number, "r+b" if to_write else "rb", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise NotNow("This file is being sent from another window right now.") from error
        if not _is_same(file, path):
            raise NotNow(OVER)
        try:
            yield file
        finally:
            if os.fstat(number).st_size == 0 and _is_same(file, path):
                path.unlink()


def _is_same(file: IO[bytes], path: Path) -> bool:
    """Whether the file that is open still bears its name: it may have been moved before it was locked."""
    try:
        there = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    here = os.fstat(file.fileno())
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _forget(upload: Upload) -> None:
    """For the holder of the lock."""
    _partial(upload).unlink(missing_ok=True)
    Upload.objects.filter(pk=upload.pk).delete()


def _digest(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    while piece := file.read(PIECE):
        found.update(piece)
    return found.hexdigest()


def _facts(path: Path, name: str) -> Facts:
    """Read in a process of its own, under limits: what a vendor sent may be damaged, or worse."""
    command = [sys.executable, "-m", "lifecycle.installers", str(path), name]
    environment = {"PATH": os.environ.get("PATH", "")}
    if not _readers.acquire(timeout=READ_SECONDS):
        return Facts(warnings=("What it says of itself was not read: too many others are being read.",))
    try:
        done = subprocess.run(
            command, capture_output=True, check=True, timeout=READ_SECONDS, cwd=settings.BASE_DIR, env=environment
        )
        return Facts.of(json.loads(done.stdout))
    except (subprocess.SubprocessError, OSError, ValueError, AttributeError) as error:
        logger.warning("The facts of %s could not be read: %s", name, type(error).__name__)
        return Facts(warnings=("What it says of itself could not be read within the limits.",))
    finally:
        _readers.release()


def _forget_old_ones() -> None:
    for upload in Upload.objects.filter(seen_at__lt=timezone.now() - FORGOTTEN_AFTER):
        _drop_unless_sent(upload)


def _drop_unless_sent(upload: Upload) -> None:
    with suppress(NotNow):
        drop(upload)


def _check_share(size: int, by: User) -> None:
    """One person's uploads under way together. Idle ones of theirs go, the oldest first, where that makes room."""
    most = max(settings.PORTAL_PACKAGE_OPEN_MB, settings.PORTAL_PACKAGE_LIMIT_MB)
    idle = list(Upload.objects.filter(by=by, seen_at__lt=timezone.now() - IDLE_AFTER).order_by("-seen_at"))
    while (held := _held(by)) + size > most * PIECE and idle:
        _drop_unless_sent(idle.pop())
    if held + size > most * PIECE:
        raise NotNow(
            f"Your uploads that are under way take {held // PIECE} MiB; {most} MiB are the most for one person, with"
            " this one. Bring one to its end first. PORTAL_PACKAGE_OPEN_MB raises that."
        )


def _held(by: User) -> int:
    return Upload.objects.filter(by=by).aggregate(all=Sum("size"))["all"] or 0


def _check_space(wanted: int) -> None:
    folder = settings.PORTAL_PACKAGE_FOLDER
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise NotNow(
            f"The package folder has {free // PIECE} MiB free; {wanted // PIECE + 1} MiB of this file are still to"
            " come."
        )
