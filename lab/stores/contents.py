"""A guest's image inside a chain of disk files: laid out at first, changed by what is installed, read back."""

import hashlib
import struct
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from lab.guests.boot_files import system_partition
from lab.guests.files import files, folders
from lab.guests.machine import DIARY_FILE, STATE_FILE, Machine
from lab.stores.disks.chain import Chain
from lab.stores.disks.fat import SystemVolume
from lab.stores.disks.partitions import Firmware, Layout
from lab.stores.ntfs import reading
from lab.stores.ntfs.records import CLUSTER, RECORD
from lab.stores.ntfs.system import Geometry
from lab.stores.ntfs.volume import File, lay_out

_NAMES = uuid.UUID("3f0b6f57-1b5a-4b0c-8a0e-0d5cc0a3a2f1")
_SECTOR = 512
_PROTECTIVE = 0xEE  # the type of the one partition that an MBR in front of a GPT has
_KEPT_LAYOUTS = 48


class NotALabImage(Exception):
    """The files hold no image of the lab's making: somebody has put others there, or spoiled them."""


Piece = tuple[int, bytes]  # offset on the disk, whole sectors
_layouts: OrderedDict[str, list[Piece]] = OrderedDict()


def fill(top: Path, machine: Machine, *, below: str = "") -> str:
    """Make the disk whose newest file is `top` the machine's image; the answer names this content.

    `below` is the answer for the file underneath. The same content on the same ground is worked out once a process,
    because the lab begins again often.
    """
    with Chain(top, writable=True) as disk:
        words = f"{below}/{disk.geometry.size_bytes}/".encode() + machine.pack()
        name = hashlib.sha256(words).hexdigest()
        pieces = _layouts.get(name)
        if pieces is None:
            pieces = _layouts[name] = list(_differing(disk, machine, is_new=not below))
        _layouts.move_to_end(name)
        while len(_layouts) > _KEPT_LAYOUTS:
            _layouts.popitem(last=False)
        for offset, content in pieces:
            disk.write(offset, content)
    return name


def change(top: Path, alter: Callable[[Machine], None]) -> Machine:
    """Let `alter` install or remove, and write what is different then into the newest file."""
    with _opened(top, writable=True) as disk:
        before = reading.existing(_windows(disk))
        machine = _machine(disk, before)
        alter(machine)
        for offset, content in list(_differing(disk, machine, before=before)):
            disk.write(offset, content)
    return machine


def note(top: Path, at: float, words: str) -> None:
    """A line more in the image's diary: what a guest writes that runs and installs nothing."""
    with _opened(top, writable=True) as disk:
        read, start = _windows(disk), _layout(disk).windows.start * _SECTOR
        place, diary = reading.find(read, DIARY_FILE.rpartition("\\")[2])
        line = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} {words}\r\n".encode()
        content = (reading.content(read, diary) + line)[-diary.size :]
        disk.write(start + diary.extents[0][0] * CLUSTER, content)
        disk.write(start + place, reading.with_time(read(place, RECORD), at))


def machine_of(top: Path) -> Machine:
    with _opened(top) as disk:
        return _machine(disk, reading.existing(_windows(disk)))


@contextmanager
def _opened(top: Path, *, writable: bool = False) -> Iterator[Chain]:
    try:
        with Chain(top, writable=writable) as disk:
            yield disk
    except (OSError, ValueError, LookupError, StopIteration, struct.error) as error:
        raise NotALabImage(f"{top.name} holds no image that the lab has made: {error}") from error


def _differing(
    disk: Chain, machine: Machine, *, before: reading.Existing | None = None, is_new: bool = False
) -> Iterator[Piece]:
    layout = Layout(disk.geometry.size_bytes, Firmware(machine.firmware), uuid.uuid5(_NAMES, machine.computer))
    if is_new:
        yield from layout.tables()
        yield from _system_partition(layout, machine)
    if before is None and not is_new:
        before = reading.existing(_windows(disk))
    start = layout.windows.start * _SECTOR
    for offset, content in _windows_pieces(disk, layout, machine, before):
        yield from disk.differing(start + offset, content)


def _system_partition(layout: Layout, machine: Machine) -> Iterator[Piece]:
    if layout.system is None:
        return
    start, serial = layout.system.start, int.from_bytes(layout.disk_id.bytes[8:12], "little")
    volume = SystemVolume(layout.system.sectors, start_sector=start, serial=serial, made_at=machine.made_at)
    for offset, content in volume.pieces(system_partition(machine)):
        yield start * _SECTOR + offset, content


def _windows_pieces(disk: Chain, layout: Layout, machine: Machine, before: reading.Existing | None) -> list[Piece]:
    place = layout.windows
    serial = int.from_bytes(layout.disk_id.bytes[:8], "little")
    wanted = files(machine, windows_device=layout.windows_device)
    if before and DIARY_FILE in before.found:
        diary = reading.content(_windows(disk), before.found[DIARY_FILE])
        wanted[DIARY_FILE] = File(diary, wanted[DIARY_FILE].times)
    geometry = Geometry(place.start, place.sectors, "Windows", serial)
    return lay_out(geometry, wanted, folders(machine), made_at=machine.made_at, before=before)


def _machine(disk: Chain, existing: reading.Existing) -> Machine:
    return Machine.unpack(reading.content(_windows(disk), existing.found[STATE_FILE]))


def _windows(disk: Chain) -> reading.Read:
    start = _layout(disk).windows.start * _SECTOR
    return lambda offset, length: disk.read(start + offset, length)


def _layout(disk: Chain) -> Layout:
    """Where the partitions of a disk of the lab lie; which of two kinds it is says its first sector."""
    first = disk.read(0, _SECTOR)
    firmware = Firmware.UEFI if first[450] == _PROTECTIVE else Firmware.BIOS
    return Layout(disk.geometry.size_bytes, firmware, uuid.UUID(int=0))
