"""One folder for each simulated server, with the vDisk files in it: real images of what guests have installed.

The folders are the truth about what a server has: inventory looks at the files, so a file removed or spoiled by hand
shows up as it would on a real farm. The caller holds the datacentre's lock.
"""

import os
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from lab.guests.machine import Machine
from lab.stores import contents
from lab.stores.copying import copy_sparse
from lab.stores.vhdx.image import Image, create_image
from lab.stores.vhdx.layout import Geometry
from lab.stores.vhdx.merging import merge_into
from lab.stores.vhdx.records import ParentLocator

WINDOWS_FOLDER = "D:\\vDisks"
BROKEN_COPY_AGE_SECONDS = 3600


def properties_name(file_name: str) -> str:
    """`W11.4.avhdx` -> `W11.4.pvp`."""
    return Path(file_name).with_suffix(".pvp").name


def lock_name(file_name: str) -> str:
    return Path(file_name).with_suffix(".lok").name


class StoreFolders:
    """The folders `root/<server>`; every method names a server and a disk file."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, server: str, file_name: str) -> Path:
        return self.root / server / file_name

    def time_of(self, server: str, file_name: str) -> datetime | None:
        """The file's time without fractions of a second, as inventory reports it; None when it is not there."""
        try:
            seconds = int(self.path(server, file_name).stat().st_mtime)
        except FileNotFoundError:
            return None
        return datetime.fromtimestamp(seconds, UTC)

    def create_base(self, server: str, file_name: str, *, size_bytes: int, disk_id: uuid.UUID) -> None:
        """A disk of zeros, until `fill` makes it an image."""
        path = self._fresh(server, file_name)
        create_image(path, Geometry(size_bytes), disk_id=disk_id)
        self._write_properties(server, file_name)

    def create_differencing(self, server: str, file_name: str, *, parent: str) -> None:
        """An empty differencing file: it reads as its parent."""
        path = self._fresh(server, file_name)
        with Image(self.path(server, parent)) as above:
            geometry = Geometry(above.geometry.size_bytes, above.geometry.block_bytes, differencing=True)
            locator = ParentLocator(above.data_write_guid, f".\\{parent}", f"{WINDOWS_FOLDER}\\{parent}")
            create_image(path, geometry, parent=locator, disk_id=above.disk_id)
        self._write_properties(server, file_name)

    def fill(self, server: str, file_name: str, machine: Machine, *, below: str = "") -> str:
        """Make the newest file of a chain say what the machine is; see `contents.fill`."""
        return contents.fill(self.path(server, file_name), machine, below=below)

    def change(self, server: str, file_name: str, alter: Callable[[Machine], None]) -> Machine:
        """What a guest does that installs something: changed sectors, a new DataWriteGuid and a new file time."""
        return contents.change(self.path(server, file_name), alter)

    def note(self, server: str, file_name: str, at: datetime, words: str) -> None:
        """What a guest does that merely runs: a line in its diary, with all that comes with a write."""
        contents.note(self.path(server, file_name), at.timestamp(), words)

    def machine(self, server: str, file_name: str) -> Machine:
        """What the image says that the guest has installed."""
        return contents.machine_of(self.path(server, file_name))

    def merge(self, server: str, file_name: str, *, layers: Sequence[str], parent: str | None) -> None:
        """Fold `layers` (lowest first) into one new file: on top of `parent`, or a new base when there is none."""
        path = self._fresh(server, file_name)
        with Image(self.path(server, layers[0])) as lowest:
            size, disk_id = lowest.geometry.size_bytes, lowest.disk_id
        if parent is None:
            create_image(path, Geometry(size), disk_id=disk_id)
        else:
            self.create_differencing(server, file_name, parent=parent)
        merge_into(path, [self.path(server, layer) for layer in layers])
        self._write_properties(server, file_name)

    def set_time(self, server: str, file_name: str, at: datetime) -> None:
        """Date a disk file and its properties: the initial datacentre has a past."""
        for name in (file_name, properties_name(file_name)):
            os.utime(self.path(server, name), (at.timestamp(), at.timestamp()))

    def replicate(self, source: str, target: str, file_name: str) -> None:
        for name in (file_name, properties_name(file_name)):
            copy_sparse(self.path(source, name), self.path(target, name))

    def replicate_badly(self, source: str, target: str, file_name: str) -> None:
        """Leave what a broken copy job leaves: half a file, dated earlier than the original."""
        copy = self.path(target, file_name)
        copy_sparse(self.path(source, file_name), copy, portion=0.5)
        earlier = self.path(source, file_name).stat().st_mtime - BROKEN_COPY_AGE_SECONDS
        os.utime(copy, (earlier, earlier))
        copy_sparse(self.path(source, properties_name(file_name)), self.path(target, properties_name(file_name)))

    def lock(self, server: str, file_name: str) -> None:
        """The lock file a server keeps beside a version that it streams; it is never replicated."""
        self.path(server, lock_name(file_name)).touch()

    def remove(self, server: str, file_name: str) -> None:
        for name in (file_name, properties_name(file_name), lock_name(file_name)):
            self.path(server, name).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove every disk file of the lab's making, and nothing else."""
        for folder in self.root.glob("*/"):
            for path in folder.iterdir():
                if path.suffix in {".vhdx", ".avhdx", ".pvp", ".lok", ".part"}:
                    path.unlink()

    def _fresh(self, server: str, file_name: str) -> Path:
        path = self.path(server, file_name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _write_properties(self, server: str, file_name: str) -> None:
        text = f'<?xml version="1.0"?><vDiskProperties><file>{escape(file_name)}</file></vDiskProperties>\n'
        self.path(server, properties_name(file_name)).write_text(text, encoding="utf-8")
