"""Which switch keeps which installer silent. A command is warned about, never refused: wrappers know their own ways."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lifecycle.package_kinds import InstallerKind

_START = r'(?:^|[\s"\'=])'
_END = r'(?=$|[\s"\'=:,])'


@dataclass(frozen=True)
class Habit:
    """``silent`` finds the switch in a command; ``install`` and ``uninstall`` propose commands for a file name."""

    silent: re.Pattern[str]
    switch: str
    install: str
    uninstall: str = ""


def _switch(pattern: str, *, exact_case: bool = False) -> re.Pattern[str]:
    return re.compile(f"{_START}(?:{pattern}){_END}", 0 if exact_case else re.IGNORECASE)


HABITS: dict[InstallerKind, Habit] = {
    InstallerKind.MSI: Habit(
        _switch(r"[/-](?:q|qn|qb[-+!]*|quiet|passive)"),
        "/qn",
        'msiexec /i "{file}" /qn /norestart',
        "msiexec /x {code} /qn /norestart",
    ),
    InstallerKind.BURN: Habit(
        _switch(r"[/-](?:quiet|silent|q|s|passive)"),
        "/quiet",
        '"{file}" /quiet /norestart',
        '"{file}" /uninstall /quiet /norestart',
    ),
    InstallerKind.INNO: Habit(
        _switch(r"/(?:very)?silent"), "/VERYSILENT", '"{file}" /VERYSILENT /SUPPRESSMSGBOXES /NORESTART'
    ),
    InstallerKind.NSIS: Habit(_switch("/S", exact_case=True), "/S (a capital letter)", '"{file}" /S'),
    InstallerKind.INSTALLSHIELD: Habit(
        _switch(r"[/-]s"), '/s, with /v"/qn" where it wraps an MSI', '"{file}" /s /v"/qn REBOOT=ReallySuppress"'
    ),
    InstallerKind.MSU: Habit(_switch(r"/quiet|/add-package"), "/quiet", 'wusa "{file}" /quiet /norestart'),
    InstallerKind.MSIX: Habit(
        _switch(r"add-appx\w*|/add-provisionedappxpackage"),
        "Add-AppxProvisionedPackage",
        'dism /Online /Add-ProvisionedAppxPackage /PackagePath:"{file}" /SkipLicense',
    ),
    InstallerKind.OTHER: Habit(
        _switch(r"[/-]{1,2}(?:q|qn|quiet|s|silent|verysilent|passive|unattended)|--mode\s+unattended"),
        "such as /quiet, /S or /VERYSILENT",
        "",
    ),
}
_BY_PROGRAM = (
    (re.compile(r"\bmsiexec(\.exe)?\b", re.IGNORECASE), InstallerKind.MSI),
    (re.compile(r"\bwusa(\.exe)?\b", re.IGNORECASE), InstallerKind.MSU),
)
_INTERPRETER = re.compile(
    r"^\"?(?:[^\"]*\\)?(?:powershell|pwsh|cmd|cscript|wscript)(?:\.exe)?\b|\.(?:ps1|cmd|bat|vbs)\b", re.I
)


def kind_of(command: str, installer: str) -> InstallerKind:
    """What decides about the switch: the program that the command runs, where that is known, else the installer."""
    found = next((kind for pattern, kind in _BY_PROGRAM if pattern.search(command)), None)
    if found is None and _INTERPRETER.search(command.strip()):
        return InstallerKind.SCRIPT
    return found or InstallerKind(installer)


def lacks(command: str, installer: str) -> str:
    """Which switch the command seems to lack; empty when it has one, or nobody can tell, as with scripts."""
    if not command.strip():
        return ""
    habit = HABITS.get(kind_of(command, installer))
    return "" if habit is None or habit.silent.search(command) else habit.switch


def warning(command: str, installer: str) -> str:
    """A sentence where the command seems to lack its switch, else nothing."""
    switch = lacks(command, installer)
    if not switch:
        return ""
    kind = kind_of(command, installer)
    maker = "Installers keep" if kind == InstallerKind.OTHER else f"{kind.label} keeps"
    return f"It has no switch against questions. {maker} silent with {switch}."


def proposal(installer: str, file: str, product_code: str = "") -> tuple[str, str]:
    """Commands to install and to uninstall; empty where nothing can be said."""
    habit = HABITS.get(InstallerKind(installer))
    if habit is None:
        return "", ""
    remove = habit.uninstall if product_code or "{code}" not in habit.uninstall else ""
    return habit.install.replace("{file}", file), remove.replace("{file}", file).replace("{code}", product_code)
