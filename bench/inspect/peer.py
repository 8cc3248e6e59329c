"""The same with dissect, an independent reader. Run by an interpreter that has it: `python peer.py NAME FOLDER`.

It reads a flat copy of the disk, which spares it the chain: it comes to no end on this one, as its reading of partly
present blocks goes wrong.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from dissect.ntfs import NTFS  # type: ignore[import-not-found]
from dissect.regf import RegistryHive  # type: ignore[import-not-found]
from dissect.util.stream import RangeStream  # type: ignore[import-not-found]

START = 1 << 20
CONFIG = "Windows/System32/config"
UNINSTALL = "Microsoft\\Windows\\CurrentVersion\\Uninstall"


def volume(folder: Path) -> Any:
    disk = (folder / "flat.raw").open("rb")
    return NTFS(RangeStream(disk, START, (folder / "flat.raw").stat().st_size - START))


def inventory(folder: Path) -> dict[str, Any]:
    ntfs = volume(folder)
    software = RegistryHive(ntfs.mft.get(f"{CONFIG}/SOFTWARE").open())
    programs = 0
    for path in (UNINSTALL, f"WOW6432Node\\{UNINSTALL}"):
        for key in software.open(path).subkeys():
            values = {value.name: value.value for value in key.values()}
            programs += "DisplayName" in values
    system = RegistryHive(ntfs.mft.get(f"{CONFIG}/SYSTEM").open())
    services = 0
    for key in system.open("ControlSet001\\Services").subkeys():
        values = {value.name: value.value for value in key.values()}
        services += "ImagePath" in values
    if programs != 150:
        raise SystemExit(f"{programs} programs were found")
    return {"programs": programs, "services": services}


def files(folder: Path) -> dict[str, Any]:
    count = 0
    for record in volume(folder).mft.segments():
        try:
            information = record.attributes.STANDARD_INFORMATION
            path, size = record.full_path(), 0 if record.is_dir() else record.size()
        except Exception:
            continue
        if path and information:
            _ = (path, size, information[0].attribute.last_modification_time)
            count += 1
    return {"files": count}


def main() -> None:
    name, folder = sys.argv[1:]
    begun = time.perf_counter()
    found = {"inventory": inventory, "files": files}[name](Path(folder))
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - begun, **found}) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
