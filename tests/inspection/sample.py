"""A small Windows-like image for tests: partitions, an NTFS volume and hives, in a chain of VHDX files.

Written by the lab's writers, which share no line with the readers.
"""

import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from lab.stores.disks.chain import Chain
from lab.stores.disks.partitions import Firmware, Layout
from lab.stores.hives.tree import Key
from lab.stores.hives.writer import render
from lab.stores.ntfs.reading import existing
from lab.stores.ntfs.system import Geometry as VolumeGeometry
from lab.stores.ntfs.volume import File, Times, lay_out
from lab.stores.vhdx.image import Image, create_image
from lab.stores.vhdx.layout import Geometry
from lab.stores.vhdx.records import ParentLocator
from tests.inspection.images.vhdx_writer import MB

AT = 1_700_000_000.0
CONFIG = r"Windows\System32\config"
UNINSTALL = r"Microsoft\Windows\CurrentVersion\Uninstall"
DISK = Layout(192 * MB, Firmware.BIOS, uuid.UUID("11111111-2222-3333-4444-555555555555"))
GPT_DISK = Layout(320 * MB, Firmware.UEFI, uuid.UUID("11111111-2222-3333-4444-555555555556"))
PROGRAMS = {"7-Zip 23.01 (x64)": ("23.01", "Igor Pavlov"), "Notepad++ (64-bit x64)": ("8.6.2", "Notepad++ Team")}


def software(programs: Mapping[str, tuple[str, str]]) -> bytes:
    root = Key("ROOT", AT)
    system = root.key(r"Microsoft\Windows NT\CurrentVersion")
    system.set_all(
        ProductName="Windows 10 Enterprise",
        EditionID="Enterprise",
        CurrentBuild="22631",
        CurrentBuildNumber="22631",
        DisplayVersion="23H2",
        InstallationType="Client",
        CurrentMajorVersionNumber=10,
        CurrentMinorVersionNumber=0,
        UBR=3447,
    )
    for name, (version, publisher) in programs.items():
        root.key(rf"{UNINSTALL}\{name}").set_all(DisplayName=name, DisplayVersion=version, Publisher=publisher)
    return render(root, file_name="SOFTWARE", at=AT)


@cache
def system() -> bytes:
    root = Key("ROOT", AT)
    root.key("Select").set_all(Current=1, Default=1)
    control = root.key(r"ControlSet001\Control")
    control.key(r"ComputerName\ComputerName").set("ComputerName", "GOLDEN")
    spooler = root.key(r"ControlSet001\Services\Spooler")
    spooler.set_all(DisplayName="Print Spooler", ImagePath=r"%SystemRoot%\System32\spoolsv.exe", Start=2, Type=16)
    return render(root, file_name="SYSTEM", at=AT)


def tree(programs: Mapping[str, tuple[str, str]], more: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    files = {rf"{CONFIG}\SOFTWARE": software(programs), rf"{CONFIG}\SYSTEM": system()}
    return files | {r"Users\Public\note.txt": b"note " * 300} | dict(more or {})


def base(path: Path, files: Mapping[str, bytes], *, disk: Layout = DISK, block: int = 1 * MB) -> Path:
    """A dynamic VHDX whose Windows partition holds the files."""
    create_image(path, Geometry(disk.size_bytes, block, 512, differencing=False))
    return _written(path, files, disk)


def child(path: Path, parent: Path, files: Mapping[str, bytes]) -> Path:
    """A differencing file over a parent: only the sectors that the new tree changes are in it."""
    with Image(parent) as below:
        geometry = Geometry(DISK.size_bytes, below.geometry.block_bytes, 512, differencing=True)
        locator = ParentLocator(below.data_write_guid, f".\\{parent.name}", f"D:\\Store\\{parent.name}")
        create_image(path, geometry, parent=locator, disk_id=below.disk_id)
    return _written(path, files, DISK)


def raw(path: Path, files: Mapping[str, bytes]) -> Path:
    with path.open("wb") as file:
        file.truncate(DISK.size_bytes)
        for offset, piece in _pieces(files, None, DISK):
            file.seek(offset)
            file.write(piece)
    return path


def volume_of(path: Path, disk: Layout = DISK) -> dict[str, list[tuple[int, int]]]:
    """Where on the disk each file's content lies: start and length in bytes, by path."""
    start = disk.windows.start * 512
    with Chain(path) as chain:
        found = existing(lambda offset, length: chain.read(start + offset, length)).found
    return {name: [(start + a * 4096, b * 4096) for a, b in one.extents] for name, one in found.items()}


def _written(path: Path, files: Mapping[str, bytes], layout: Layout) -> Path:
    with Chain(path, writable=True) as disk:
        for offset, piece in _pieces(files, disk, layout):
            disk.write(offset, piece)
    return path


def _pieces(files: Mapping[str, bytes], disk: Chain | None, layout: Layout) -> Iterator[tuple[int, bytes]]:
    """Where on the disk which bytes belong. A disk that holds a volume already is laid out anew in place."""
    windows = layout.windows
    start = windows.start * 512
    geometry = VolumeGeometry(windows.start, windows.sectors, "Windows", 0x1234ABCD5678EF01)
    before = None
    if disk is not None and disk.read(start + 3, 4) == b"NTFS":
        before = existing(lambda offset, length: disk.read(start + offset, length))
    yield from layout.tables()
    dated = {path: File(content, Times(AT, AT + len(content))) for path, content in files.items()}
    for offset, piece in lay_out(geometry, dated, {}, made_at=AT, before=before):
        yield start + offset, piece
