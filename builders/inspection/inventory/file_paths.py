"""Paths as services, tasks and programs write them, made into paths below the system volume."""

from __future__ import annotations

import re

_ROOTS = (
    (re.compile(r"(?i)^\\\?\?\\"), ""),
    (re.compile(r"(?i)^\\\\\?\\"), ""),
    (re.compile(r"(?i)^(?:%systemroot%|%windir%|\\systemroot)\\"), r"Windows\\"),
    (re.compile(r"(?i)^%programfiles\(x86\)%\\"), r"Program Files (x86)\\"),
    (re.compile(r"(?i)^%(?:programfiles|programw6432)%\\"), r"Program Files\\"),
    (re.compile(r"(?i)^%(?:programdata|allusersprofile)%\\"), r"ProgramData\\"),
    (re.compile(r"(?i)^%systemdrive%\\"), ""),
    (re.compile(r"(?i)^system32\\"), r"Windows\\System32\\"),
    (re.compile(r"(?i)^syswow64\\"), r"Windows\\SysWOW64\\"),
)
_DRIVE = re.compile(r"(?i)^([a-z]):\\+")
_PROGRAM = re.compile(r"(?i)^(.*?\.(?:exe|sys|dll|com|bat|cmd|ps1|vbs|msi))(?=$|[\s,\"])")


def program_in(command: str) -> str:
    """The path of the program that a command line starts, without a drive; "" when it is on another one or unclear."""
    command = command.strip()
    if command.startswith('"'):
        named = command[1:].split('"', 1)[0]
    else:
        match = _PROGRAM.match(command)
        named = match[1] if match else command.split(" ", 1)[0]
    return below_volume(named)


def below_volume(path: str) -> str:
    """A path as the system volume knows it: without drive, with variables and prefixes put in their place."""
    path = path.strip().strip('"').replace("/", "\\")
    for pattern, instead in _ROOTS:
        path = pattern.sub(instead, path)
    drive = _DRIVE.match(path)
    if drive:
        return path[drive.end() :] if drive[1].lower() == "c" else ""
    return "" if path.startswith("\\\\") or "%" in path else path.lstrip("\\")
