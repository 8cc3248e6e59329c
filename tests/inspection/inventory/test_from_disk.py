"""From a disk's bytes to the report: two volumes with Windows in one image, and volumes that are not whole."""

import struct

import pytest

from builders.inspection.sandbox import contents
from lab.stores.hives.tree import Key
from lab.stores.hives.writer import render
from lab.stores.ntfs.system import Geometry
from lab.stores.ntfs.volume import File, Times, lay_out
from tests.inspection import sample
from tests.inspection.volumes.disks import MIB, Memory, mbr_sector

SIGNATURE = b"\x78\x56\x34\x12"
STARTS, SECTORS = (2048, 2048 + 48 * 2048), 48 * 2048


class Disk(Memory):
    """A store with one plain image in it."""

    name = "image.raw"

    def open(self, name):
        return self

    def close(self):
        pass


class Quiet:
    def progress(self, words, done=0, total=0):
        pass

    def part(self, name, value):
        pass


def system(drive):
    root = Key("ROOT", sample.AT)
    root.key("Select").set_all(Current=1, Default=1)
    root.key(r"ControlSet001\Services")
    root.key("MountedDevices").set(r"\DosDevices\C:", drive)
    return render(root, file_name="SYSTEM", at=sample.AT)


def disk(*drives):
    """A Windows in each partition; ``drives``: which partition each takes for C:."""
    made = Disk(bytes(100 * MIB), 512)
    parts = []
    for number, (start, of) in enumerate(zip(STARTS, drives, strict=True)):
        parts.append((0, 7, start, SECTORS))
        held = sample.tree({f"Of partition {number + 1}": ("1.0", "Contoso")})
        held[rf"{sample.CONFIG}\SYSTEM"] = system(SIGNATURE + struct.pack("<Q", STARTS[of] * 512))
        dated = {path: File(content, Times(sample.AT, sample.AT)) for path, content in held.items()}
        geometry = Geometry(start, SECTORS, f"Disk {number + 1}", number + 1)
        for offset, piece in lay_out(geometry, dated, {}, made_at=sample.AT, before=None):
            made.write(start * 512 + offset, piece)
    made.write(0, mbr_sector(parts, SIGNATURE))
    return made


def report_of(made):
    return contents.inventory([made], [{"top": made.name, "parents": None}], {"raw": True}, Quiet())


@pytest.mark.parametrize(("drives", "read", "partial"), [((1, 1), 2, False), ((0, 0), 1, False), ((0, 1), 1, True)])
def test_of_two_windows_on_a_disk_the_one_that_is_c(drives, read, partial):
    report = report_of(disk(*drives))
    assert [program["name"] for program in report["programs"]] == [f"Of partition {read}"]
    (warning,) = report["warnings"]
    words = "Windows lies on partition 1 (Disk 1) and partition 2 (Disk 2); partition"
    assert warning["words"].startswith(f"{words} {read} (Disk {read}) was read")
    assert report["partial"] is partial


def test_what_a_volume_could_not_tell_makes_the_report_partial(monkeypatch):
    def opened(*given):
        volumes = open_volumes(*given)
        volumes[0].volume.warn("a folder's index is damaged")
        return volumes

    open_volumes = contents.open_volumes
    made = disk(0, 0)
    assert report_of(made)["partial"] is False
    monkeypatch.setattr(contents, "open_volumes", opened)
    report = report_of(made)
    assert {"where": "partition 1", "words": "a folder's index is damaged"} in report["warnings"]
    assert report["partial"] is True
