"""Names that may be opened: of one file, in the folder itself, on Windows and here alike."""

from __future__ import annotations

import re

from builders.inspection.errors import OutOfPlace

LONGEST = 255
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)")
_NOT_IN_A_NAME = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


def plain(name: str) -> str:
    """The name itself. OutOfPlace for a path, a device, a stream (``file:stream``), or what Windows would trim."""
    shown = repr(name[:80])
    if not name or name in {".", ".."} or _NOT_IN_A_NAME.search(name):
        raise OutOfPlace(f"{shown} is no plain file name: only files of the store's own folder are opened.")
    if _RESERVED.match(name) or name != name.rstrip(". ") or len(name) > LONGEST:
        raise OutOfPlace(f"{shown} cannot be the name of a file on Windows.")
    return name


def path_inside(path: str) -> str:
    """A folder below a share with backslashes, without any at its ends. OutOfPlace when it climbs."""
    parts = [part for part in path.replace("/", "\\").split("\\") if part]
    for part in parts:
        plain(part)
    return "\\".join(parts)
