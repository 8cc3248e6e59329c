"""An image named on the command line, read under the settings' limits. No database is touched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings

from builders.adapters.errors import AdapterError
from builders.adapters.store.given import GivenFiles, NamedTwice
from builders.adapters.store.locks import lock_words
from builders.inspection.errors import Unreadable, WrongParent
from builders.inspection.sandbox import Image, Limits, Result, run

UNREADABLE, WRONG_USE = 1, 2
FORMAT = 1
LARGEST_REPORT = 64 << 20
BLANKS = b" \t\r\n\xef\xbb\xbf"


class NoReport(Exception):
    """A sentence for the person, and the exit code that goes with it."""

    def __init__(self, words: str, code: int = UNREADABLE) -> None:
        super().__init__(words)
        self.code = code


def inspect(path: str, parents: Sequence[str] = ()) -> Result:
    """The inventory of one image. NoReport when nothing can be read."""
    top = _existing(path)
    others = [_existing(parent) for parent in parents]
    try:
        folder = GivenFiles(top, others)
    except NamedTwice as error:
        raise NoReport(str(error), WRONG_USE) from error
    image = Image(folder, top.name, tuple(other.name for other in others) or None)
    try:
        found = run(
            "inventory",
            [image],
            {"raw": True},
            limits=Limits(**settings.PORTAL_INSPECT_LIMITS),
            require_guards=settings.PORTAL_INSPECT_REQUIRE_GUARDS,
        )
        return replace(found, value=_with_lock(found.value, folder, top.name))
    except (Unreadable, AdapterError, OSError) as error:
        remedy = _searched(folder) if isinstance(error, WrongParent) else getattr(error, "remedy", "")
        raise NoReport(" ".join(_sentences(f"{path}: {error}", remedy))) from error


def _searched(folder: GivenFiles) -> str:
    """Where a parent was looked for in vain; empty when it was found and is another one."""
    if not folder.not_found:
        return ""
    places = ", ".join(map(str, folder.searched))
    return f"Searched: {places}. Name the file with --parent if it lies elsewhere or has another name"


def _with_lock(report: dict[str, Any], folder: GivenFiles, top: str) -> dict[str, Any]:
    if not (words := lock_words(folder.names(), top)):
        return report
    return report | {"warnings": [*report["warnings"], {"where": top, "words": words}]}


def report_of(path: str) -> dict[str, Any]:
    """The report of an image, or one that was saved before. NoReport."""
    saved = _existing(path)
    try:
        with saved.open("rb") as file:
            begins = file.read(4096).lstrip(BLANKS)[:1]
            if begins != b"{":
                return inspect(path).value
            file.seek(0)
            return _checked(path, file.read(LARGEST_REPORT + 1))
    except OSError as error:
        raise NoReport(f"{path} cannot be read: {error.strerror or error}.") from error


def _existing(path: str) -> Path:
    """Links that lead to the file itself are followed: whoever typed the name meant what it leads to."""
    found = Path(path).resolve()
    if not found.exists():
        raise NoReport(f"There is no file {path}.")
    if not found.is_file():
        raise NoReport(f"{path} is a folder, a device or a pipe; give a file of a chain.")
    return found


def _checked(path: str, content: bytes) -> dict[str, Any]:
    if len(content) > LARGEST_REPORT:
        raise NoReport(f"{path} is larger than any report ({LARGEST_REPORT >> 20} MiB).")
    try:
        report = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NoReport(f"{path} begins like a saved report, but is not JSON: {error}.") from error
    if not isinstance(report, dict) or report.get("format") != FORMAT or not isinstance(report.get("programs"), list):
        raise NoReport(f"{path} is JSON, but no report of format {FORMAT} as inspect_image --json writes it.")
    return report


def _sentences(*texts: str) -> list[str]:
    return [text if text.endswith((".", "!", "?")) else f"{text}." for text in texts if text]
