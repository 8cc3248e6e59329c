"""The same programs and services by another reader, in hives of our writer and in those that others changed."""

import shutil
import subprocess

import pytest
from regipy.registry import RegistryHive

from builders.inspection.inventory import Volumes, take
from tests.conftest import require_extra
from tests.inspection.inventory.made import CONFIG, SERVICES, UNINSTALL, Windows


def installed():
    windows = Windows()
    for number in range(40):
        values = {"DisplayName": f"Program {number}", "DisplayVersion": f"{number}.1", "Publisher": f"Vendor {number}"}
        windows.program(f"{{{number:08X}}}", view="32" if number % 3 else "64", **values)
        windows.system.put(rf"{SERVICES}\Service{number}", Type=0x10, Start=number % 5, ImagePath=rf"C:\s{number}.exe")
        windows.system.put(rf"{SERVICES}\Driver{number}", Type=1, Start=3)
    return windows


def by_regipy(hive, path):
    """Key name to its values, of all keys below a path."""
    below = hive.get_key(path)
    return {key.name: {value.name: value.value for value in key.iter_values()} for key in below.iter_subkeys()}


def agree(folder, volume):
    for name in ("SOFTWARE", "SYSTEM"):
        (folder / name).write_bytes(volume.read(rf"{CONFIG}\{name}", 1 << 30))
    software, system = RegistryHive(str(folder / "SOFTWARE")), RegistryHive(str(folder / "SYSTEM"))
    theirs = {
        (values["DisplayName"], values.get("DisplayVersion", ""), values.get("Publisher", ""))
        for before in ("", "\\WOW6432Node")
        for values in by_regipy(software, rf"{before}\{UNINSTALL}").values()
    }
    report = take(Volumes([volume]))
    assert theirs == {(program["name"], program["version"], program["publisher"]) for program in report.programs}
    kinds = {"0x10": "service", "0x1": "driver"}
    of_system = by_regipy(system, rf"\{SERVICES}")
    services = {name for name, values in of_system.items() if kinds.get(hex(values["Type"])) == "service"}
    assert services == {service["name"] for service in report.services}
    assert set(of_system) - services == {driver["name"] for driver in report.drivers}
    return report


def test_another_reader_finds_the_same_programs_and_services(tmp_path):
    report = agree(tmp_path, installed().volume())
    assert (len(report.programs), len(report.services), len(report.drivers)) == (40, 40, 40)


@pytest.mark.parametrize("tool", ["hivexsh", "reged"])
def test_it_finds_the_same_in_hives_that_another_writer_changed(tmp_path, tool):
    package = {"hivexsh": "libhivex-bin", "reged": "chntpw"}[tool]
    require_extra(tool, shutil.which(tool) is not None, f"apt-get install {package}")
    volume = installed().volume()
    path = tmp_path / "changed"
    path.write_bytes(volume.read(rf"{CONFIG}\SOFTWARE", 1 << 30))
    {"hivexsh": with_hivexsh, "reged": with_reged}[tool](path)
    volume.put(rf"{CONFIG}\SOFTWARE", path.read_bytes())
    report = agree(tmp_path, volume)
    assert len(report.programs) == 41
    assert any(program["name"] == "Added later" for program in report.programs)


def with_hivexsh(path):
    steps = "".join(f"cd {name}\n" for name in UNINSTALL.split("\\"))
    steps += "add Later\ncd Later\nsetval 1\nDisplayName\nstring:Added later\ncommit\n"
    subprocess.run(["hivexsh", "-w", str(path)], input=steps, text=True, check=True, capture_output=True)


def with_reged(path):
    steps = f"cd {UNINSTALL}\nnk Later\ncd Later\nnv 1 DisplayName\ned DisplayName\nAdded later\nq\ny\n"
    done = subprocess.run(["reged", "-e", str(path)], input=steps, text=True, capture_output=True, check=False)
    assert done.returncode in (0, 2), done.stdout + done.stderr
