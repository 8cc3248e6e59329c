"""Which Windows it is: name, edition, full build, and who it believes it is."""

from __future__ import annotations

from builders.inspection.inventory.reading import Reading
from builders.inspection.inventory.report import System, no_system
from builders.inspection.registry import Key
from builders.inspection.registry.values import filetime_in, moment_of, moment_of_unix

CURRENT_VERSION = r"Microsoft\Windows NT\CurrentVersion"
FIRST_WINDOWS_11 = 22000
_ARCHITECTURES = {"amd64": "x64", "x64": "x64", "x86": "x86", "arm64": "arm64", "i386": "x86"}


def system_of(reading: Reading) -> System:
    found = no_system()
    if key := reading.software(CURRENT_VERSION):
        _from_software(found, key)
    _from_control_set(found, reading)
    return found


def _from_software(found: System, key: Key) -> None:
    found["build"] = key.text("CurrentBuild") or key.text("CurrentBuildNumber")
    found["ubr"] = key.number("UBR")
    found["edition"] = key.text("EditionID")
    found["installation_type"] = key.text("InstallationType")
    found["name"] = product_name(key.text("ProductName"), found["build"], found["installation_type"])
    found["display_version"] = key.text("DisplayVersion") or key.text("ReleaseId")
    found["full_build"] = _full_build(key, found)
    found["installed_at"] = moment_of(filetime_in(key.raw("InstallTime"))) or moment_of_unix(
        key.number("InstallDate") or 0
    )
    parts = key.text("BuildLabEx").split(".")
    found["architecture"] = next((_ARCHITECTURES[a] for a in _ARCHITECTURES if any(p.startswith(a) for p in parts)), "")


def product_name(name: str, build: str, installation_type: str) -> str:
    """Windows 11 still calls itself Windows 10 in the registry; its build number gives it away."""
    is_client = installation_type.lower() in ("client", "")
    if is_client and build.isdecimal() and int(build) >= FIRST_WINDOWS_11 and name.startswith("Windows 10"):
        return "Windows 11" + name.removeprefix("Windows 10")
    return name


def _full_build(key: Key, found: System) -> str:
    if not found["build"]:
        return ""
    major, minor = key.number("CurrentMajorVersionNumber"), key.number("CurrentMinorVersionNumber")
    before = f"{major}.{minor or 0}" if major is not None else key.text("CurrentVersion")
    parts = [before, found["build"], "" if found["ubr"] is None else str(found["ubr"])]
    return ".".join(part for part in parts if part)


def _from_control_set(found: System, reading: Reading) -> None:
    if key := reading.control(r"Control\ComputerName\ComputerName"):
        found["computer_name"] = key.text("ComputerName")
    if key := reading.control(r"Services\Tcpip\Parameters"):
        found["computer_name"] = found["computer_name"] or key.text("Hostname") or key.text("NV Hostname")
        found["domain"] = key.text("Domain") or key.text("NV Domain")
    if key := reading.control(r"Control\TimeZoneInformation"):
        found["time_zone"] = key.text("TimeZoneKeyName") or key.text("StandardName")
    if key := reading.control(r"Control\Session Manager\Environment"):
        named = _ARCHITECTURES.get(key.text("PROCESSOR_ARCHITECTURE").lower())
        found["architecture"] = named or found["architecture"]
