"""What the image stands on: hypervisor tools, target software, delivery agent, .NET, firmware."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from builders.inspection.errors import Unreadable
from builders.inspection.inventory.file_paths import below_volume, program_in
from builders.inspection.inventory.finding import MISSES
from builders.inspection.inventory.hives import open_hive
from builders.inspection.inventory.platform_names import platform_kind
from builders.inspection.inventory.reading import Reading
from builders.inspection.inventory.report import Driver, Program
from builders.inspection.inventory.services import file_version

Part = dict[str, Any]

_ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
_BCD = (r"Boot\BCD", r"EFI\Microsoft\Boot\BCD")
_BOOT_PATH = "12000002"
_TOOLS = r"VMware, Inc.\VMware Tools"
_GUEST = r"Microsoft\Virtual Machine\Auto"
_NET = r"Microsoft\NET Framework Setup\NDP\v4\Full"


def read_platform(reading: Reading, programs: list[Program], drivers: list[Driver]) -> dict[str, Any]:
    return {
        "vmware_tools": _vmware_tools(reading, programs),
        "hyperv_guest": _hyperv_guest(reading),
        "xenserver_tools": _xenserver_tools(reading, programs, drivers),
        "pvs_target": _pvs_target(reading, programs, drivers),
        "vda": _vda(reading, programs),
        "dotnet": _dotnet(reading),
        "firmware": firmware_of(reading),
    }


def program_named(programs: Iterable[Program], kind: str, words: str = "") -> Program | None:
    """The first program of a platform kind whose name holds the words; those that are shown before the hidden ones."""
    found = [p for p in programs if platform_kind(p["name"]) == kind and words.lower() in p["name"].lower()]
    return min(found, key=lambda program: program["kind"] == "hidden", default=None)


def _vmware_tools(reading: Reading, programs: list[Program]) -> Part | None:
    program = program_named(programs, "hypervisor", "VMware Tools")
    folder = next((text for _, key in reading.both_views(_TOOLS) if (text := key.text("InstallPath"))), "")
    folder = below_volume(folder).rstrip("\\") or r"Program Files\VMware\VMware Tools"
    found = file_version(reading, rf"{folder}\vmtoolsd.exe")
    if program is None and found is None:
        return None
    return {
        "version": program["version"] if program and program["version"] else found.version if found else "",
        "file_version": found.version if found else "",
        "source": program["source"] if program else rf"{folder}\vmtoolsd.exe",
    }


def _hyperv_guest(reading: Reading) -> Part | None:
    key = reading.software(_GUEST)
    version = key.text("IntegrationServicesVersion") if key else ""
    return {"version": version, "source": f"SOFTWARE\\{key.path}"} if key and version else None


def _xenserver_tools(reading: Reading, programs: list[Program], drivers: list[Driver]) -> Part | None:
    program = program_named(programs, "hypervisor", "xen") or program_named(programs, "hypervisor", "citrix")
    if program:
        return {"version": program["version"], "source": program["source"]}
    for path in (r"Citrix\XenToolsInstaller", r"Citrix\XenTools", r"XenServer\XenTools"):
        for _, key in reading.both_views(path):
            numbers = [key.number(f"{part}Version") for part in ("Major", "Minor", "Micro", "Build")]
            version = ".".join(str(number) for number in numbers if number is not None)
            return {"version": key.text("ProductVersion") or version, "source": f"SOFTWARE\\{key.path}"}
    bus = next((driver for driver in drivers if driver["name"].lower() == "xenbus" and driver["version"]), None)
    return {"version": bus["version"], "source": bus["source"]} if bus else None


def _pvs_target(reading: Reading, programs: list[Program], drivers: list[Driver]) -> Part | None:
    program = program_named(programs, "pvs")
    stack = next((driver for driver in drivers if driver["name"].lower().startswith("bnistack")), None)
    path = stack["file"] if stack else r"Windows\System32\drivers\bnistack6.sys"
    found = file_version(reading, path)
    if program is None and stack is None and found is None:
        return None
    device = file_version(reading, r"Program Files\Citrix\Provisioning Services\BNDevice.exe")
    return {
        "version": program["version"] if program else found.version if found else device.version if device else "",
        "file_version": found.version if found else "",
        "source": program["source"] if program else stack["source"] if stack else path,
    }


def _vda(reading: Reading, programs: list[Program]) -> Part | None:
    program = program_named(programs, "vda")
    broker = reading.control(r"Services\BrokerAgent")
    found = file_version(reading, program_in(broker.text("ImagePath"))) if broker else None
    if program is None and broker is None:
        return None
    return {
        "version": program["version"] if program else found.version if found else "",
        "file_version": found.version if found else "",
        "source": program["source"] if program else f"SYSTEM\\{broker.path}" if broker else "",
    }


def _dotnet(reading: Reading) -> Part | None:
    key = reading.software(_NET)
    if key is None or not (key.text("Version") or key.number("Release")):
        return None
    return {"version": key.text("Version"), "release": key.number("Release"), "source": f"SOFTWARE\\{key.path}"}


def firmware_of(reading: Reading) -> str:
    """BIOS, UEFI or unknown: by the partitions, else by the loader that the boot data name."""
    volumes = reading.volumes
    kinds = [str(partition.get("kind_id", "")).lower().strip("{}") for partition in volumes.partitions]
    if volumes.style == "GPT":
        return "UEFI" if _ESP in kinds else _by_loader(reading)
    if volumes.style == "MBR":
        return "UEFI" if "0xef" in kinds else "BIOS"
    return _by_loader(reading)


def _by_loader(reading: Reading) -> str:
    for volume in reading.volumes.volumes:
        for path in _BCD:
            try:
                objects = open_hive(volume, path).key("Objects")
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (*MISSES, Unreadable) as error:
                reading.warn(path, f"the boot data cannot be read: {error}", lost=True)
                continue
            for found in objects if objects else ():
                element = found.key(rf"Elements\{_BOOT_PATH}")
                loader = element.text("Element").lower() if element else ""
                if "winload" in loader:
                    return "UEFI" if loader.endswith(".efi") else "BIOS"
    return "unknown"
