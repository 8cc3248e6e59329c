"""Services and drivers of the control set that boots."""

from __future__ import annotations

from builders.inspection.errors import Unreadable
from builders.inspection.inventory import pe
from builders.inspection.inventory.file_paths import program_in
from builders.inspection.inventory.finding import MISSES
from builders.inspection.inventory.plain import cut
from builders.inspection.inventory.reading import Reading, first_of
from builders.inspection.inventory.report import Driver, Service
from builders.inspection.inventory.secrets import concealed
from builders.inspection.registry import Key

STARTS = {0: "boot", 1: "system", 2: "auto", 3: "manual", 4: "disabled"}
MOST_VERSIONS = 150
"""Files of drivers whose version is read; the ones that matter come first."""

_DRIVER_TYPES = {1: "kernel", 2: "file system", 4: "adapter", 8: "recogniser"}
_SERVICE_TYPES = ((0x10, "own process"), (0x20, "shared process"))
_PER_USER = 0x40
_INTERACTIVE = 0x100
_PLATFORM_DRIVERS = frozenset(
    {
        *("vmxnet3ndis6", "vmxnet3", "pvscsi", "vmmemctl", "vm3dmp", "vmci", "vsock", "vmhgfs", "vmrawdsk"),
        *("bnistack", "bnistack6", "cfsdep2", "cvhdmp", "cvhdbusp6", "cnicteam", "bnns"),
        *("xenbus", "xenvif", "xenvbd", "xennet", "xeniface", "xenfilt", "xendisk"),
        *("netvsc", "storvsc", "vmbus", "storflt", "hvservice"),
        *("storahci", "stornvme", "lsi_sas", "lsi_sas2i", "lsi_sas3i"),
    }
)
"""Read first, whoever made them: a version that boots or streams hangs on these."""


def read_services(reading: Reading) -> tuple[list[Service], list[Driver]]:
    """Both sorted by name; the versions of drivers from their files."""
    services: list[Service] = []
    drivers: list[tuple[bool, Driver]] = []
    below = reading.control("Services")
    for key in below.keys() if below else ():
        kind = key.number("Type")
        if kind is None:
            continue
        if kind & 0x30:
            services.append(_service(key, kind))
        elif kind & 0xF:
            drivers.append((_is_foreign(key), _driver(key, kind)))
    _read_versions(reading, drivers)
    services.sort(key=lambda service: service["name"].lower())
    return services, sorted((driver for _, driver in drivers), key=lambda driver: driver["name"].lower())


def start_of(key: Key) -> str:
    """When it starts, in a word; "delayed" for what starts by itself some minutes after the rest."""
    number = key.number("Start")
    if number == 2 and key.number("DelayedAutostart") == 1:
        return "delayed"
    return "" if number is None else STARTS.get(number, f"unknown ({number})")


def _service(key: Key, kind: int) -> Service:
    words = [word for bit, word in _SERVICE_TYPES if kind & bit]
    words += ["per user"] if kind & _PER_USER else []
    words += ["interactive"] if kind & _INTERACTIVE else []
    library = _library(key)
    path = concealed(key.text("ImagePath"))
    return {
        "name": key.name,
        "display_name": _shown(key.text("DisplayName")) or key.name,
        "start": start_of(key),
        "type": ", ".join(words),
        "path": f"{path} ({library})" if library else path,
        "account": cut(key.text("ObjectName"), 200),
        "source": f"SYSTEM\\{key.path}",
    }


def _library(key: Key) -> str:
    """The library that a shared process runs for this service."""
    parameters = key.key("Parameters")
    return concealed((parameters.text("ServiceDll") if parameters else "") or key.text("ServiceDll"))


def _driver(key: Key, kind: int) -> Driver:
    path = program_in(key.text("ImagePath")) or rf"Windows\System32\drivers\{key.name}.sys"
    return {
        "name": key.name,
        "file": cut(path, 500),
        "start": start_of(key),
        "version": "",
        "company": "",
        "class": cut(key.text("Group"), 100) or _DRIVER_TYPES.get(kind & 0xF, "driver"),
        "source": f"SYSTEM\\{key.path}",
    }


def _shown(name: str) -> str:
    """The words behind ``@file,-123;Words``; a name kept only as a number in a file says nothing here."""
    if name.startswith("@"):
        return cut(name.split(";", 1)[1], 300) if ";" in name else ""
    return cut(name, 300)


def _is_foreign(key: Key) -> bool:
    """Whether a driver came by an installation rather than with Windows."""
    owners = " ".join([key.text("DisplayName"), *key.texts("Owners")]).lower()
    path = program_in(key.text("ImagePath")).lower()
    outside = bool(path) and not path.startswith((r"windows\system32\drivers", r"windows\system32\driverstore"))
    return outside or "oem" in owners


def _read_versions(reading: Reading, drivers: list[tuple[bool, Driver]]) -> None:
    wanted = [driver for _, driver in drivers if driver["name"].lower() in _PLATFORM_DRIVERS]
    wanted += [driver for foreign, driver in drivers if foreign and driver not in wanted]
    for driver in first_of(wanted, MOST_VERSIONS, reading, "drivers", "files of drivers with a version"):
        found = file_version(reading, driver["file"])
        if found:
            driver["version"], driver["company"] = found.version, found.company


def file_version(reading: Reading, path: str) -> pe.FileVersion | None:
    """Version of a file on the system volume; None, with a warning if it is there, when it cannot be told."""
    if reading.volume is None or not path:
        return None
    try:
        return pe.version_of(reading.volume, path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (Unreadable, *MISSES) as error:
        reading.warn(path, f"its version cannot be read: {error}", lost=True)
        return None
