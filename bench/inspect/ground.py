"""The image: an NTFS volume made by other people's tools, in a chain of three VHDX files."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.inspect.sizes import MIB, Sizes
from lab.stores.vhdx.image import Image, create_image
from lab.stores.vhdx.layout import Geometry
from lab.stores.vhdx.records import ParentLocator
from tests.inspection.registry.hive_writer import HiveWriter

TOOLS = {"mkntfs": "ntfs-3g", "ntfscp": "ntfs-3g", "wimlib-imagex": "wimtools", "qemu-img": "qemu-utils"}
NAMES = ("disk.vhdx", "disk.1.avhdx", "disk.2.avhdx")
START = MIB
SECTOR = 512
CHUNK = 4 * MIB
CONFIG = Path("Windows/System32/config")


def missing_tools() -> str:
    """What has to be installed first, as a command; empty when all is there."""
    missing = sorted({package for tool, package in TOOLS.items() if not _tool(tool)})
    return f"apt-get install {' '.join(missing)}" if missing else ""


def _tool(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def make(folder: Path, sizes: Sizes, say: Callable[[str], None]) -> None:
    """The chain ``disk.vhdx`` <- ``disk.1.avhdx`` <- ``disk.2.avhdx`` in ``folder``."""
    tree, volume = folder / "tree", folder / "volume.img"
    say(f"making {sizes.files:,} files")
    _fill(tree, sizes)
    say("making the volume")
    with volume.open("wb") as file:
        file.truncate(sizes.volume_mib * MIB)
    _run(
        "mkntfs", "-F", "-Q", "-q", "-s", str(SECTOR), "-p", str(START // SECTOR), "-H", "255", "-S", "63", str(volume)
    )
    _run("wimlib-imagex", "capture", str(tree), str(folder / "tree.wim"), "--compress=none", "--no-acls")
    _run("wimlib-imagex", "apply", str(folder / "tree.wim"), "1", str(volume))
    (folder / "tree.wim").unlink()
    shutil.rmtree(tree)
    say("writing the chain")
    geometry = Geometry(START + sizes.volume_mib * MIB, sizes.block_mib * MIB)
    _base(folder / NAMES[0], volume, geometry)
    for number in (1, 2):
        before = folder / "before.img"
        _run("cp", "--sparse=always", str(volume), str(before))
        _change(volume, folder, sizes, number)
        _child(folder / NAMES[number], folder / NAMES[number - 1], volume, before, geometry)
        before.unlink()
    volume.unlink()


def _fill(tree: Path, sizes: Sizes) -> None:
    lots = random.Random(1)
    noise = lots.randbytes(4 * MIB)
    for number in range(sizes.files):
        at = tree / f"Program Files/Vendor {number % 97}/part {number // 97 % 53}/file {number}.dat"
        if number < 97 * 53:
            at.parent.mkdir(parents=True, exist_ok=True)
        length = lots.randrange(2 * sizes.bytes_a_file)
        start = lots.randrange(len(noise) - length)
        at.write_bytes(noise[start : start + length])
    (tree / CONFIG).mkdir(parents=True)
    (tree / CONFIG / "SOFTWARE").write_bytes(software(sizes.keys, 0))
    (tree / CONFIG / "SYSTEM").write_bytes(_system())


def software(keys: int, release: int) -> bytes:
    """150 programs among very many other keys, as in life."""
    hive = HiveWriter()
    hive.put(
        r"Microsoft\Windows NT\CurrentVersion", ProductName="Windows 10 Enterprise", CurrentBuild="22631", UBR=release
    )
    for number in range(150):
        view = "" if number % 3 else "WOW6432Node\\"
        path = rf"{view}Microsoft\Windows\CurrentVersion\Uninstall\Program {number}"
        hive.put(path, DisplayName=f"Program {number}", DisplayVersion=f"{release}.{number}", Publisher="Maker")
    for number in range(keys):
        hive.put(rf"Classes\CLSID\{{{number // 100:08x}}}\part {number % 100}", Data=f"value of {number}" * 8)
    return hive.content()


def _system() -> bytes:
    hive = HiveWriter().put("Select", Current=1, Default=1)
    for number in range(700):
        path = rf"ControlSet001\Services\svc{number}"
        hive.put(
            path, ImagePath=rf"C:\Program Files\svc{number}\x.exe", Start=2, Type=16, DisplayName=f"Service {number}"
        )
    return hive.content()


def _change(volume: Path, folder: Path, sizes: Sizes, release: int) -> None:
    """Some files and the hive get other contents of the same length, or a new one."""
    lots = random.Random(release)
    new = folder / "new"
    for number in lots.sample(range(sizes.files), sizes.changed):
        new.write_bytes(lots.randbytes(lots.randrange(1, 2 * sizes.bytes_a_file)))
        name = f"Program Files/Vendor {number % 97}/part {number // 97 % 53}/file {number}.dat"
        _run("ntfscp", "-q", "-f", str(volume), str(new), name)
    new.write_bytes(software(sizes.keys, release))
    _run("ntfscp", "-q", "-f", str(volume), str(new), str(CONFIG / "SOFTWARE"))
    new.unlink()


def _base(path: Path, volume: Path, geometry: Geometry) -> None:
    create_image(path, geometry)
    with Image(path, writable=True) as image, volume.open("rb") as source:
        image.write(0, _master_boot_record(geometry.size_bytes))
        for at, content in _chunks(source):
            if content.strip(b"\0"):
                image.write(START + at, content)


def _child(path: Path, parent: Path, volume: Path, before: Path, geometry: Geometry) -> None:
    with Image(parent) as above:
        locator = ParentLocator(above.data_write_guid, f".\\{parent.name}", f"D:\\vDisks\\{parent.name}")
        disk_id = above.disk_id
    own = Geometry(geometry.size_bytes, geometry.block_bytes, differencing=True)
    create_image(path, own, parent=locator, disk_id=disk_id)
    with Image(path, writable=True) as image, volume.open("rb") as new, before.open("rb") as old:
        for (at, content), (_, was) in zip(_chunks(new), _chunks(old), strict=True):
            if content != was:
                for start, length in _differing(content, was):
                    image.write(START + at + start, content[start : start + length])


def _differing(one: bytes, other: bytes) -> Iterator[tuple[int, int]]:
    start = None
    for at in range(0, len(one) + 1, SECTOR):
        differs = at < len(one) and one[at : at + SECTOR] != other[at : at + SECTOR]
        if differs and start is None:
            start = at
        elif not differs and start is not None:
            yield start, at - start
            start = None


def _chunks(file: object) -> Iterator[tuple[int, bytes]]:
    at = 0
    while content := file.read(CHUNK):  # type: ignore[attr-defined]
        yield at, content
        at += len(content)


def _master_boot_record(size: int) -> bytes:
    entry = struct.pack("<B3sB3sII", 0x80, bytes(3), 7, bytes(3), START // SECTOR, (size - START) // SECTOR)
    return bytes(440) + uuid.uuid4().bytes[:4] + bytes(2) + entry + bytes(48) + b"\x55\xaa"


def _run(tool: str, *arguments: str) -> None:
    done = subprocess.run([_tool(tool) or tool, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{tool} ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
