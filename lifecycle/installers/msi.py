"""Facts of a Windows Installer package, from its Property table and its summary."""

from __future__ import annotations

import re
from typing import Any, BinaryIO

import olefile

from lifecycle.installers import tables
from lifecycle.installers.facts import Facts, Unreadable, plain

MOST_BYTES = 32 * 1024 * 1024
"""Of one stream that is read."""

_CODE = re.compile(r"\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}")
_PLATFORMS = {"": "x86", "intel": "x86", "x64": "x64", "amd64": "x64", "arm64": "arm64"}
_SUMMARY = "\x05SummaryInformation"
_TEMPLATE = 7


def read(file: BinaryIO) -> Facts:
    """Unreadable when it is a compound file of another kind, or damaged."""
    try:
        with olefile.OleFileIO(file) as found:
            return _facts(found)
    except (OSError, ValueError, TypeError, IndexError, KeyError, RecursionError, AttributeError) as error:
        raise Unreadable("It looks like a Windows Installer package, but it cannot be read.") from error


def _facts(of: olefile.OleFileIO[Any]) -> Facts:
    pool = tables.strings(_stream(of, "_StringPool"), _stream(of, "_StringData"))
    found = tables.pairs(_stream(of, "Property"), pool)
    architecture, warnings = _architecture(of)
    product_code, upgrade_code = _code(found, "ProductCode"), _code(found, "UpgradeCode")
    if not product_code:
        warnings = (*warnings, "It names no valid product code.")
    return Facts(
        kind="msi",
        name=plain(found.get("ProductName", "")),
        version=plain(found.get("ProductVersion", "")),
        vendor=plain(found.get("Manufacturer", "")),
        architecture=architecture,
        product_code=product_code,
        upgrade_code=upgrade_code,
        warnings=warnings,
    )


def _stream(of: olefile.OleFileIO[Any], table: str) -> bytes:
    name = tables.stream_name(table)
    if not of.exists(name):
        raise Unreadable(f"It is a compound file, but no Windows Installer package: it has no table {table}.")
    if of.get_size(name) > MOST_BYTES:
        raise Unreadable(f"Its table {table} is larger than {MOST_BYTES // 1024 // 1024} MiB.")
    with of.openstream(name) as stream:
        return bytes(stream.read(MOST_BYTES))


def _code(found: dict[str, str], name: str) -> str:
    code = found.get(name, "").strip().upper()
    return code if _CODE.fullmatch(code) else ""


def _architecture(of: olefile.OleFileIO[Any]) -> tuple[str, tuple[str, ...]]:
    """By the summary's Template, such as ``x64;1033``: platform, then languages."""
    if not of.exists(_SUMMARY) or of.get_size(_SUMMARY) > MOST_BYTES:
        return "", ("It has no summary, which would name its architecture.",)
    template = of.getproperties(_SUMMARY).get(_TEMPLATE, b"")
    text = template.decode("ascii", "replace") if isinstance(template, bytes) else str(template)
    platform = plain(text.partition(";")[0]).casefold()
    if platform not in _PLATFORMS:
        return "", (f"Its summary names the platform “{platform}”, which the catalogue does not know.",)
    return _PLATFORMS[platform], ()
