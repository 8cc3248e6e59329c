"""Facts of a setup program: its version resource, and the marks of what made it."""

from __future__ import annotations

from typing import BinaryIO

import pefile

from lifecycle.installers.facts import Facts, Unreadable, plain

MOST_BYTES = 64 * 1024 * 1024
"""So much of its beginning is looked at: the program, and where its payload begins."""
_PAYLOAD_HEAD = 64 * 1024
_MOST_TEXTS = 200

_MACHINES = {0x8664: "x64", 0xAA64: "arm64"}
"""A 32-bit setup program installs 64-bit software as often as not, so x86 says nothing."""


def read(file: BinaryIO) -> Facts:
    """Unreadable when it is no program for Windows, or damaged."""
    data = file.read(MOST_BYTES)
    try:
        program = pefile.PE(data=data, fast_load=True)
        program.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_RESOURCE"]])
        texts = _texts(program)
        kind = _kind(program, data, texts)
        machine = int(program.FILE_HEADER.Machine)
    except (pefile.PEFormatError, ValueError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise Unreadable("It looks like a program, but it cannot be read.") from error
    return Facts(
        kind=kind,
        name=plain(texts.get("ProductName") or texts.get("FileDescription") or ""),
        version=_version(texts.get("ProductVersion") or texts.get("FileVersion") or ""),
        vendor=plain(texts.get("CompanyName", "")),
        architecture=_MACHINES.get(machine, ""),
    )


def _texts(program: pefile.PE) -> dict[str, str]:
    """The texts of the version resource; those of the first language win."""
    found: dict[str, str] = {}
    for info in (part for group in getattr(program, "FileInfo", ()) for part in group):
        for table in getattr(info, "StringTable", ()):
            for key, value in list(table.entries.items())[:_MOST_TEXTS]:
                found.setdefault(key.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
    return found


def _kind(program: pefile.PE, data: bytes, texts: dict[str, str]) -> str:
    end = max((part.PointerToRawData + part.SizeOfRawData for part in program.sections), default=0)
    image, payload = data[:end], data[end : end + _PAYLOAD_HEAD]
    said = " ".join(texts.values()).casefold()
    if any(bytes(part.Name).startswith(b".wixburn") for part in program.sections):
        return "burn"
    if b"Nullsoft.NSIS" in image or b"\xef\xbe\xad\xdeNullsoftInst" in payload:
        return "nsis"
    if b"JR.Inno.Setup" in image or b"Inno Setup Setup Data" in payload or "inno setup" in said:
        return "inno"
    if payload.startswith(b"ISSetupStream") or "installshield" in said or any(key.startswith("IS") for key in texts):
        return "installshield"
    return "other"


def _version(text: str) -> str:
    """``1, 2, 0, 3`` as older compilers write it, in dots."""
    return plain(".".join(part.strip() for part in text.split(",")) if "," in text else text)
