"""The images in the lab's stores: what was installed is found by readers that share no code with the lab."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.guests.catalogue import View, program
from lab.guests.files import files
from lab.guests.machine import DIARY_FILE, Machine
from lab.guests.stories import BUILDS
from lab.pvs import targets
from lab.pvs.lifecycle import Action
from lab.pvs.model import DeviceType, MergeMode
from lab.pvs.operations import Operations
from lab.pvs.rejected import Rejected
from lab.state import FORMAT, StateFile, encode
from lab.stores.copying import data_extents
from tests.conftest import require_extra
from tests.lab.conftest import Stage, one_disk_farm
from tests.lab.session import Session
from tests.lab.test_booting import target
from tests.lab.test_lifecycle_table import do, maintenance, two_in_production
from tests.lab.test_roads import OFFICE
from tests.lab.windows_reader import EFI, Window, Windows
from tests.labprocess import LabProcess

CAD, NEW = "W11-CAD", "W11-CAD.2.avhdx"
TOPS = [("W11-Office", 4), ("W2022-CVAD", 2), ("W2022-CVAD", 5), ("W11-CAD", 0), ("W11-CAD", 1)]


def windows(stage: Stage, top: str, server: str = "PVS01") -> Windows:
    return Windows(stage.datacentre.folders.root / server, top)


def displayed(machine: Machine) -> dict[str, str]:
    """What the machine-wide uninstall entries must say."""
    entries = [(program(one.program), one.version) for one in machine.programs]
    return {entry.displayed(version): version for entry, version in entries if entry.view is not View.USER}


def digests(stage: Stage, server: str = "PVS01") -> dict[str, str]:
    """Of each file's size and data; holes are left out, as they take long to read."""
    folder, found = stage.datacentre.folders.root / server, {}
    for path in folder.glob("W11-CAD*vhdx"):
        with path.open("rb") as file:
            size = path.stat().st_size
            digest = hashlib.sha256(str(size).encode())
            for start, end in data_extents(file.fileno(), size):
                file.seek(start)
                digest.update(file.read(end - start).rstrip(b"\0"))
        found[path.name] = digest.hexdigest()
    return found


def operations(stage: Stage) -> Operations:
    return Operations(stage.datacentre, lambda _: None)


@pytest.mark.parametrize(("disk", "number"), TOPS)
def test_readers_agree_on_build_and_programs(
    make_stage: Callable[..., Stage], tmp_path: Path, disk: str, number: int
) -> None:
    stage = make_stage(disk)
    version, machine = operations(stage).contents(disk, number)

    with windows(stage, version.file_name) as image:
        assert image.volume.name == "Windows"
        assert image.build() == f"{BUILDS[machine.system]}.{machine.revision}"
        assert len(machine.programs) > 10
        assert image.programs() == displayed(machine)
        assert image.programs_by_regipy(tmp_path / "hive") == displayed(machine)


def test_the_first_version_of_the_cad_image_tells_its_story(stage: Stage) -> None:
    found = []
    for top in ("W11-CAD.vhdx", "W11-CAD.1.avhdx"):
        with windows(stage, top) as image:
            driver = image.file_version(r"Windows\System32\drivers\vmxnet3.sys")
            found.append((image.build(), image.programs(), image.services(), driver))

    (build, programs, services, driver), (new_build, new_programs, new_services, new_driver) = found
    assert (build, new_build) == ("26100.4652", "26100.6899")
    assert programs["VMware Tools"].startswith("12.3.")
    assert new_programs["VMware Tools"].startswith("12.4.")
    assert (driver, new_driver) == ("1.9.12.3", "1.9.12.4")
    assert "7-Zip 23.01 (x64)" in programs
    assert "7-Zip 24.08 (x64)" in new_programs
    assert "NVIDIA Graphics Driver 572.83" in new_programs
    assert services == new_services
    assert services["pvscsi"] == 0
    assert services["bnistack"] == 0


@pytest.mark.parametrize(("disk", "number"), [("W11-CAD", 1), ("W2022-CVAD", 5)])
def test_every_file_is_there_with_its_size_time_and_content(
    make_stage: Callable[..., Stage], disk: str, number: int
) -> None:
    stage = make_stage(disk)
    version, machine = operations(stage).contents(disk, number)

    with windows(stage, version.file_name) as image:
        device = image.hive("SYSTEM").get_key_by_path(r"\MountedDevices").get_value(0).data
        wanted = files(machine, windows_device=device)
        found = image.files()
        assert found.keys() == wanted.keys()
        for path, file in wanted.items():
            size, at = found[path]
            assert (path, size) == (path, len(file.content))
            assert at == pytest.approx(file.times.modified, abs=0.001)
            assert image.read(path) == file.content


def test_a_system_of_efi_has_a_partition_that_starts_it(stage: Stage) -> None:
    with windows(stage, "W11-CAD.1.avhdx") as image:
        kinds = [kind for kind, _, _ in image.partitions]
        start, length = next(part[1:] for part in image.partitions if part[0] == EFI)
        fat = FatReader(Window(image.disk, start, length))

    assert len(kinds) == 3
    assert fat.paths() == [
        r"EFI\Microsoft\Boot\bootmgfw.efi",
        r"EFI\Microsoft\Boot\BCD",
        r"EFI\Boot\bootx64.efi",
    ]
    assert fat.read(r"EFI\Microsoft\Boot\BCD")[:4] == b"regf"
    assert fat.read(r"EFI\Boot\bootx64.efi")[:2] == b"MZ"


def test_a_system_of_bios_has_one_active_partition(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage("W2022-CVAD")

    with windows(stage, "W2022-CVAD.5.avhdx") as image:
        first = image.disk.read(0, 512)
        assert [kind for kind, _, _ in image.partitions] == [7]
        assert first[446] == 0x80
        assert image.exists("bootmgr")


def test_a_system_that_was_not_sealed_shows_it(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage("W2022-CVAD")
    pending = r"\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending"

    for top, is_there in (("W2022-CVAD.4.avhdx", False), ("W2022-CVAD.5.avhdx", True)):
        with windows(stage, top) as image:
            assert (image.hive().get_key_by_path(pending) is not None) is is_there
            assert (b"<PlainText>true" in image.read(r"Windows\Panther\unattend.xml")) is is_there


def test_what_is_installed_at_a_target_is_in_the_newest_file_alone(stage: Stage, tmp_path: Path) -> None:
    maintenance(stage)
    device = target(stage, DeviceType.MAINTENANCE)
    targets.power_on(stage.datacentre, device)
    stage.pass_time(5)
    before = digests(stage)

    place = operations(stage).install(device.name, "zabbix agent 2", "7.0.12")

    changed = {name for name, digest in digests(stage).items() if digest != before[name]}
    assert changed == {NEW}
    assert (place.version.number, place.server) == (2, "PVS01")
    with windows(stage, "W11-CAD.1.avhdx") as image:
        assert "Zabbix Agent 2 (64-bit)" not in image.programs()
        assert not image.exists(r"Program Files\Zabbix Agent 2")
    with windows(stage, NEW) as image:
        assert image.programs()["Zabbix Agent 2 (64-bit)"] == "7.0.12"
        assert image.programs_by_regipy(tmp_path / "hive")["Zabbix Agent 2 (64-bit)"] == "7.0.12"
        assert image.services()["Zabbix Agent 2"] == 2
        assert image.file_version(r"Program Files\Zabbix Agent 2\zabbix_agent2.exe") == "7.0.12"


def test_a_program_is_replaced_and_removed(stage: Stage) -> None:
    maintenance(stage)
    orders = operations(stage)
    orders.install(CAD, "AutoCAD 2025", "25.1.0.1")
    orders.install(CAD, "Widget Maker", "1.0")
    orders.install(CAD, "Windows", "26100.7171")

    orders.remove(CAD, "DWG TrueView 2025")
    orders.remove(CAD, "widget maker")

    with windows(stage, NEW) as image:
        programs = image.programs()
        assert programs["Autodesk AutoCAD 2025 - English"] == "25.1.0.1"
        assert image.file_version(r"Program Files\Autodesk\AutoCAD 2025\acad.exe") == "25.1.0.1"
        assert not {"DWG TrueView 2025 - English", "Widget Maker"} & programs.keys()
        assert not image.exists(r"Program Files\Autodesk\DWG TrueView 2025 - English")
        assert not image.exists(r"Program Files\Widget Maker")
        assert image.build() == "26100.7171"
        assert image.file_version(r"Windows\System32\ntoskrnl.exe") == "10.0.26100.7171"


def test_any_program_of_a_team_can_be_installed(stage: Stage) -> None:
    maintenance(stage)

    operations(stage).install(CAD, "Plant Designer (Bürö)", "2026.1-rc2")

    with windows(stage, NEW) as image:
        assert image.programs()["Plant Designer (Bürö)"] == "2026.1-rc2"
        assert image.exists(r"Program Files\Plant Designer (Bürö)\PlantDesignerBr.exe")


@pytest.mark.parametrize(
    ("where", "name", "version", "words"),
    [
        (CAD, "7-Zip", "24.08", "installed already"),
        (CAD, "..\\..\\Windows", "1.0", "name has letters"),
        (CAD, "A" * 65, "1.0", "at most 64"),
        (CAD, "7-Zip", "newest", "begins with a digit"),
        (CAD, "7-Zip", "1/2", "begins with a digit"),
        (CAD, "Windows", "22631.1", "build 26100"),
        (CAD, "Windows", "26100.1", "raises it"),
        ("Nothing", "7-Zip", "25.01", "No such vDisk"),
        ("MUC-MNT-CAD1", "7-Zip", "25.01", "does not run"),
        ("MUC-CAD-01", "7-Zip", "25.01", "gone when it restarts"),
    ],
)
def test_an_install_that_makes_no_sense_is_refused(
    stage: Stage, where: str, name: str, version: str, words: str
) -> None:
    maintenance(stage)
    before = digests(stage)

    with pytest.raises(Rejected, match=words):
        operations(stage).install(where, name, version)

    assert digests(stage) == before


def test_without_a_maintenance_version_nothing_is_installed(stage: Stage) -> None:
    with pytest.raises(Rejected, match="no maintenance version"):
        operations(stage).install(CAD, "7-Zip", "25.01")


def test_a_boot_for_maintenance_brings_one_planned_update(stage: Stage) -> None:
    maintenance(stage)
    device = target(stage, DeviceType.MAINTENANCE)
    targets.power_on(stage.datacentre, device)

    stage.pass_time(40)

    with windows(stage, NEW) as image:
        programs = image.programs()
        assert image.build() == "26100.7171"
        assert programs["VMware Tools"] == "12.5.3.24819442"
        assert "Notepad++ (64-bit x64)" in programs
        diary = image.read(DIARY_FILE).decode()
        changed_at = image.files()[DIARY_FILE][1]
    lines = diary.split()
    assert lines.count("MUC-MNT-CAD1") >= 2
    assert changed_at == pytest.approx(stage.clock.now().timestamp(), abs=9)


def test_the_second_boot_brings_the_second_update_and_none_ever_fails(stage: Stage) -> None:
    maintenance(stage)
    builds = []
    for _ in range(8):
        operations(stage).write(CAD)
        with windows(stage, NEW) as image:
            builds.append(int(image.build().partition(".")[2]))
            assert image.programs() == displayed(operations(stage).contents(CAD, 2)[1])
    assert builds == sorted(builds)
    assert len(set(builds)) >= 6


def test_the_diary_survives_what_is_installed_after_it(stage: Stage) -> None:
    maintenance(stage)
    stage.datacentre.folders.note("PVS01", NEW, stage.clock.now(), "somebody was here")

    operations(stage).install(CAD, "Greenshot", "1.3.290")

    with windows(stage, NEW) as image:
        assert b"somebody was here" in image.read(DIARY_FILE)


@pytest.mark.parametrize("action", [Action.MERGE, Action.MERGE_TO_BASE])
def test_a_merged_image_has_what_its_versions_had(stage: Stage, action: Action) -> None:
    maintenance(stage)
    operations(stage).install(CAD, "KeePass", "2.60")
    do(stage, Action.PROMOTE_TO_TEST)
    do(stage, Action.PROMOTE_TEST_VERSION, 2)
    stage.pass_time(10)
    stage.datacentre.farm.merge_mode = MergeMode.PRODUCTION
    with windows(stage, NEW) as image:
        before = image.programs(), image.files()

    merged = do(stage, action)
    stage.pass_time(20)

    assert merged is not None
    assert "KeePass Password Safe 2.60" in before[0]
    with windows(stage, merged.file_name) as image:
        assert image.disk.has_parent is (action is Action.MERGE)
        assert (image.programs(), image.files()) == before


def test_a_copy_on_the_other_server_is_the_same_image(stage: Stage) -> None:
    two_in_production(stage)

    for server in ("PVS01", "PVS02"):
        with windows(stage, NEW, server) as image:
            assert image.build() == "26100.6899"
    assert digests(stage, "PVS02") == digests(stage, "PVS01")


def test_a_spoiled_image_stops_nobody(stage: Stage) -> None:
    maintenance(stage)
    device = target(stage, DeviceType.MAINTENANCE)
    targets.power_on(stage.datacentre, device)
    stage.pass_time(5)
    stage.datacentre.folders.path("PVS01", NEW).write_bytes(b"no disk at all" * 1000)

    stage.pass_time(20)
    with pytest.raises(Rejected, match="no image that the lab has made"):
        operations(stage).install(CAD, "7-Zip", "25.01")

    assert device.is_active


def test_images_are_small_on_disk(stage: Stage) -> None:
    used = {path.name: path.stat().st_blocks * 512 for path in stage.datacentre.folders.root.rglob("*vhdx")}

    assert used["W11-CAD.vhdx"] < 4 << 20
    assert used["W11-CAD.1.avhdx"] < 2 << 20


def test_an_image_outlives_a_restart_and_ends_with_a_reset(tmp_path: Path) -> None:
    with LabProcess(tmp_path, speed=20) as lab:
        session = Session(lab.info).connect()
        session.call("New-PvsDiskMaintenanceVersion", **OFFICE)
        session.close()
        answer = lab.post("/install", {"where": "W11-Office", "program": "7-Zip", "version": "25.01"})
        assert answer == {"vdisk": "W11-Office", "version": 5, "installed": "7-Zip 25.01"}
    with Windows(tmp_path / "stores" / "PVS01", "W11-Office.5.avhdx") as image:
        assert image.programs()["7-Zip 25.01 (x64)"] == "25.01"

    with LabProcess(tmp_path, speed=20) as lab:
        assert lab.get("/contents?vdisk=W11-Office")["programs"]["7-Zip"] == "25.01"
        assert lab.post("/remove", {"where": "W11-Office", "program": "Greenshot"})["removed"] == "Greenshot"
        assert "Greenshot" not in lab.get("/contents?vdisk=W11-Office&version=5")["programs"]

        lab.post("/reset")

        contents = lab.get("/contents?vdisk=W11-Office")
        assert contents["version"] == 4
        assert contents["programs"]["7-Zip"] == "24.08"
        assert "Greenshot" in contents["programs"]
    with Windows(tmp_path / "stores" / "PVS01", "W11-Office.4.avhdx") as image:
        assert image.programs()["7-Zip 24.08 (x64)"] == "24.08"
        assert image.exists(r"Program Files\Greenshot")


def test_a_state_of_before_the_images_is_not_gone_on_with(tmp_path: Path) -> None:
    """Its disks have no file system: the lab begins with the first day instead."""
    path = tmp_path / "state.json"
    farm = encode(one_disk_farm())
    for number, is_taken in ((FORMAT, True), (1, False)):
        path.write_text(json.dumps({"format": number, "farm": farm}), encoding="utf-8")
        assert (StateFile(path).load() is not None) is is_taken


def test_the_tools_of_ntfs_3g_find_nothing_amiss(stage: Stage, tmp_path: Path) -> None:
    tools = [shutil.which(name) for name in ("ntfsresize", "ntfsls", "ntfscat", "ntfsinfo")]
    require_extra("the tools of ntfs-3g", all(tools), "apt-get install ntfs-3g")
    check, names, content, facts = (str(tool) for tool in tools)
    maintenance(stage)
    orders = operations(stage)
    orders.write(CAD)
    orders.remove(CAD, "Google Chrome")
    volume = tmp_path / "volume"
    with windows(stage, NEW) as image:
        hive = image.read(r"Windows\System32\config\SOFTWARE")
        _copy_volume(image, volume)

    ran(check, "--info", "--force", "--no-progress-bar", str(volume))
    assert "Program Files" in ran(names, str(volume)).decode()
    assert b"Volume Name: Windows" in ran(facts, "--mft", str(volume))
    assert ran(content, str(volume), "/Windows/System32/config/SOFTWARE") == hive


def _copy_volume(image: Windows, target: Path) -> None:
    """The volume's first 128 MiB, where all of it lies, its bitmap's end and its last sector; the rest is holes."""
    near = 16 << 20
    with target.open("wb") as file:
        file.truncate(image.length)
        for at in range(0, near, Window.PIECE):
            image.window.seek(at)
            piece = image.window.read(Window.PIECE)
            if piece.strip(b"\0"):
                file.seek(at)
                file.write(piece)
        file.seek(image.length - 512)
        file.write(image.disk.read(image.start + image.length - 512, 512))


def ran(*command: str) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return done.stdout


class FatReader:
    """The files of a FAT32 volume by its own tables, long names and all."""

    def __init__(self, volume: Window) -> None:
        self.volume = volume
        boot = self._at(0, 512)
        assert boot[510:] == b"\x55\xaa"
        assert boot[82:87] == b"FAT32"
        number = lambda at, size: int.from_bytes(boot[at : at + size], "little")  # noqa: E731
        self.cluster = number(11, 2) * number(13, 1)
        self.table, size = number(14, 2) * 512, number(36, 4) * 512
        assert (volume.length - self.table - 2 * size) // self.cluster >= 65_525
        self.data = self.table + number(16, 1) * size
        self.files = dict(self._folder(number(44, 4), ""))

    def paths(self) -> list[str]:
        return list(self.files)

    def read(self, path: str) -> bytes:
        first, size = self.files[path]
        return self._chain(first)[:size]

    def _folder(self, first: int, path: str) -> list[tuple[str, tuple[int, int]]]:
        raw, found, long = self._chain(first), [], ""
        for at in range(0, len(raw), 32):
            entry = raw[at : at + 32]
            if not entry[0]:
                break
            if entry[11] == 0x0F:
                piece = (entry[1:11] + entry[14:26] + entry[28:32]).decode("utf-16-le")
                long = piece.split("\0")[0].rstrip("\uffff") + long
                continue
            short = f"{entry[:8].decode().rstrip()}.{entry[8:11].decode().rstrip()}".rstrip(".")
            name, long = long or short, ""
            start = int.from_bytes(entry[26:28] + entry[20:22], "little")
            if entry[:1] == b"." or entry[11] & 8:
                continue
            full = f"{path}\\{name}" if path else name
            if entry[11] & 0x10:
                found += self._folder(start, full)
            else:
                found.append((full, (start, int.from_bytes(entry[28:32], "little"))))
        return found

    def _chain(self, cluster: int) -> bytes:
        content = b""
        while cluster < 0x0FFFFFF8:
            content += self._at(self.data + (cluster - 2) * self.cluster, self.cluster)
            cluster = int.from_bytes(self._at(self.table + cluster * 4, 4), "little")
        return content

    def _at(self, offset: int, length: int) -> bytes:
        self.volume.seek(offset)
        return self.volume.read(length)
