"""What a revision shall say, as a form or a document gives it, checked field by field before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lifecycle.errors import Incomplete
from lifecycle.models import PackageRevision
from lifecycle.package_kinds import (
    REBOOT_CODES,
    SUCCESS_CODES,
    Architecture,
    InstallerKind,
    LinkKind,
    Phase,
)
from lifecycle.packages import detection, names

LIMITS = {
    "name": 200,
    "vendor": 200,
    "version": 80,
    "install_command": 4000,
    "uninstall_command": 4000,
    "licence_note": 4000,
    "notes": 8000,
}
MOST_FILES = 50
MOST_LINKS = 200
MOST_CODES = 40
MOST_MINUTES = 24 * 60
_ONE_LINE = ("name", "vendor", "version", "install_command", "uninstall_command")


@dataclass(frozen=True)
class File:
    """A file by name and content; ``size`` in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Terms:
    """All of a revision but its number. ``needs`` and ``conflicts`` are keys of other packages."""

    name: str
    vendor: str = ""
    version: str = ""
    architecture: str = Architecture.X64.value
    phase: str = Phase.APP.value
    installer: str = InstallerKind.OTHER.value
    install_command: str = ""
    uninstall_command: str = ""
    detection_kind: str = ""
    detection: Mapping[str, str] = field(default_factory=dict)
    success_codes: tuple[int, ...] = SUCCESS_CODES
    reboot_codes: tuple[int, ...] = REBOOT_CODES
    minutes: int = 30
    licence_note: str = ""
    notes: str = ""
    files: tuple[File, ...] = ()
    needs: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


def of(revision: PackageRevision) -> Terms:
    """The terms of a revision as it stands."""
    links = [(link.kind, link.other.key) for link in revision.links.select_related("other")]
    return Terms(
        **{name: getattr(revision, name) for name in _COLUMNS},
        detection=dict(revision.detection),
        success_codes=tuple(revision.success_codes),
        reboot_codes=tuple(revision.reboot_codes),
        files=tuple(File(each.name, each.sha256, each.size) for each in revision.files.order_by("position")),
        needs=tuple(sorted(key for kind, key in links if kind == LinkKind.NEEDS)),
        conflicts=tuple(sorted(key for kind, key in links if kind == LinkKind.CONFLICTS)),
    )


_COLUMNS = (
    "name",
    "vendor",
    "version",
    "architecture",
    "phase",
    "installer",
    "install_command",
    "uninstall_command",
    "detection_kind",
    "minutes",
    "licence_note",
    "notes",
)


def columns(terms: Terms) -> dict[str, Any]:
    """The terms as columns of a revision, but for its files and links."""
    return {name: getattr(terms, name) for name in _COLUMNS} | {
        "detection": dict(terms.detection),
        "success_codes": list(terms.success_codes),
        "reboot_codes": list(terms.reboot_codes),
    }


def check(terms: Terms, *, key: str) -> Terms:
    """The terms of the package ``key``, tidied up. Incomplete names the first field that makes no sense."""
    texts: dict[str, Any] = {name: _text(name, getattr(terms, name)) for name in LIMITS}
    tidy = replace(terms, **texts)
    if not tidy.name:
        raise Incomplete("name", "Say what it is called.")
    _known("architecture", tidy.architecture, Architecture.values)
    _known("phase", tidy.phase, Phase.values)
    _known("installer", tidy.installer, InstallerKind.values)
    if not 1 <= tidy.minutes <= MOST_MINUTES:
        raise Incomplete("minutes", f"The time limit is 1 to {MOST_MINUTES} minutes.")
    rule = detection.check(tidy.detection_kind, tidy.detection)
    success, reboot = _codes("success_codes", tidy.success_codes), _codes("reboot_codes", tidy.reboot_codes)
    if not success:
        raise Incomplete("success_codes", "At least one exit code means success.")
    if both := sorted(set(success) & set(reboot)):
        raise Incomplete("reboot_codes", f"{both[0]} cannot mean success and success after a restart; choose one.")
    needs, conflicts = _links("needs", tidy.needs, key), _links("conflicts", tidy.conflicts, key)
    if twice := sorted(set(needs) & set(conflicts)):
        raise Incomplete("conflicts", f"It cannot need {twice[0]} and be in conflict with it.")
    return replace(
        tidy,
        detection=dict(rule.parts) if rule else {},
        success_codes=success,
        reboot_codes=reboot,
        files=_files(tidy.files),
        needs=needs,
        conflicts=conflicts,
    )


def _text(name: str, value: str) -> str:
    if any((ord(each) < 32 and each not in "\n\r\t") or ord(each) == 127 for each in value):
        raise Incomplete(name, "It holds a control character.")
    text = value.replace("\r\n", "\n").strip()
    if name in _ONE_LINE:
        text = " ".join(text.split("\n")).strip()
    if len(text) > LIMITS[name]:
        raise Incomplete(name, f"At most {LIMITS[name]} characters; these are {len(text)}.")
    return text


def _known(name: str, value: str, values: Iterable[str]) -> None:
    if value not in values:
        raise Incomplete(name, f"“{value}” is not known; it takes {', '.join(values)}.")


def _codes(name: str, codes: tuple[int, ...]) -> tuple[int, ...]:
    """Each once, in the order given."""
    found = tuple(dict.fromkeys(codes))
    if len(found) > MOST_CODES:
        raise Incomplete(name, f"At most {MOST_CODES} codes.")
    if wrong := next((code for code in found if not -(2**31) <= code < 2**32), None):
        raise Incomplete(name, f"{wrong} is no exit code of Windows: these have 32 bits.")
    return found


def _links(name: str, keys: tuple[str, ...], own: str) -> tuple[str, ...]:
    found = tuple(sorted(set(keys)))
    if own in found:
        raise Incomplete(name, "A package cannot name itself.")
    if len(found) > MOST_LINKS:
        raise Incomplete(name, f"At most {MOST_LINKS} packages.")
    return found


def _files(files: tuple[File, ...]) -> tuple[File, ...]:
    if len(files) > MOST_FILES:
        raise Incomplete("files", f"At most {MOST_FILES} files; put more of them into one archive.")
    try:
        found = tuple(File(names.plain_file_name(each.name), names.sha256(each.sha256), each.size) for each in files)
    except Incomplete as error:
        raise Incomplete("files", str(error)) from error
    seen: set[str] = set()
    for each in found:
        if each.name.casefold() in seen:
            raise Incomplete("files", f"Two files are called {each.name}; Windows would keep one of them.")
        if not 0 <= each.size < 2**63:
            raise Incomplete("files", f"{each.name}: the size makes no sense.")
        seen.add(each.name.casefold())
    return found


LABELS = {
    "name": "Name",
    "vendor": "Vendor",
    "version": "Version",
    "architecture": "Architecture",
    "phase": "Phase",
    "installer": "Installer",
    "install_command": "Install command",
    "uninstall_command": "Uninstall command",
    "detection": "Detection",
    "success_codes": "Success codes",
    "reboot_codes": "Restart codes",
    "minutes": "Time limit (minutes)",
    "files": "Files",
    "needs": "Needs first",
    "conflicts": "In conflict with",
    "licence_note": "Licence",
    "notes": "Notes",
}
"""Of what people compare."""


def in_words(terms: Terms) -> dict[str, str]:
    """Each field of ``LABELS`` as text; lists one a line."""
    rule = detection.check(terms.detection_kind, terms.detection)
    return {
        **{name: str(getattr(terms, name)) for name in LABELS if name in _COLUMNS},
        "architecture": Architecture(terms.architecture).label,
        "phase": Phase(terms.phase).label,
        "installer": InstallerKind(terms.installer).label,
        "detection": detection.in_words(rule) if rule else "",
        "success_codes": ", ".join(map(str, terms.success_codes)),
        "reboot_codes": ", ".join(map(str, terms.reboot_codes)),
        "files": "\n".join(f"{each.name}, {each.size} bytes, SHA-256 {each.sha256}" for each in terms.files),
        "needs": "\n".join(terms.needs),
        "conflicts": "\n".join(terms.conflicts),
    }


def differences(before: Terms, after: Terms) -> list[tuple[str, str, str]]:
    """Label, before, after of each field that differs."""
    old, new = in_words(before), in_words(after)
    return [(label, old[name], new[name]) for name, label in LABELS.items() if old[name] != new[name]]
