"""The files of an image: every path of the Windows volume with its bytes and times."""

from collections.abc import Iterator

from lab.guests.catalogue import MICROSOFT, Program, program
from lab.guests.executables import Executable
from lab.guests.machine import DIARY_FILE, STATE_FILE, Installed, Machine
from lab.guests.papers import papers
from lab.guests.software_hive import software
from lab.guests.stories import BUILDS
from lab.guests.system_hive import system
from lab.guests.tasks import tasks
from lab.guests.user_hives import default_user, keeper
from lab.guests.windows import DRIVERS, FOLDERS, FONTS, SERVICED
from lab.stores.hives.tree import Key
from lab.stores.hives.writer import render
from lab.stores.ntfs.records import Times
from lab.stores.ntfs.volume import File

EMPTY_DIARY = b"\r\n" * 2048  # one cluster, so that a line more is one write
_CONFIG = r"Windows\System32\config"


def folders(machine: Machine) -> dict[str, Times]:
    return {path: Times(machine.made_at, machine.made_at) for path in FOLDERS}


def files(machine: Machine, *, windows_device: bytes) -> dict[str, File]:
    """By path with backslashes, without a drive letter."""
    found = dict(_hives(machine, windows_device))
    found |= _system_files(machine)
    for one in machine.programs:
        found |= _program_files(program(one.program), one)
    for task in tasks(machine):
        found[rf"Windows\System32\Tasks{task.path}"] = _at(task.definition(), machine.made_at)
    for path, (content, at) in papers(machine).items():
        found[path] = _at(content, at)
    found[DIARY_FILE] = _at(EMPTY_DIARY, machine.made_at)
    found[STATE_FILE] = File(machine.pack(), Times(machine.made_at, machine.changed_at))
    return found


def _hives(machine: Machine, windows_device: bytes) -> Iterator[tuple[str, File]]:
    made, changed = machine.made_at, machine.changed_at
    hives: tuple[tuple[str, Key, float], ...] = (
        (rf"{_CONFIG}\SOFTWARE", software(machine), changed),
        (rf"{_CONFIG}\SYSTEM", system(machine, windows_device=windows_device), changed),
        (r"Users\Default\NTUSER.DAT", default_user(machine), made),
        (r"Users\labadmin\NTUSER.DAT", keeper(machine), changed),
    )
    for path, root, at in hives:
        content = render(root, file_name=path, at=at, sequence=machine.changes if at == changed else 1)
        yield path, File(content, Times(made, at))
        for log in ("LOG1", "LOG2"):
            yield f"{path}.{log}", File(b"", Times(made, at))


def _system_files(machine: Machine) -> Iterator[tuple[str, File]]:
    build = BUILDS[machine.system]
    serviced = max((patch.at for patch in machine.patches), default=machine.made_at)
    newest, oldest = f"10.0.{build}.{machine.revision}", f"10.0.{build}.1"
    for path in SERVICED:
        yield path, _windows_file(path, newest, serviced)
    for _, file, _, _ in DRIVERS:
        path = rf"Windows\System32\drivers\{file}"
        yield path, _windows_file(path, oldest, machine.made_at)
    for _, file in (*FONTS, ("", "labsans.ttf")):
        yield rf"Windows\Fonts\{file}", _at(b"\0\1\0\0" + file.encode() * 40, machine.made_at)


def _windows_file(path: str, version: str, at: float) -> File:
    name = path.rpartition("\\")[2]
    return _at(Executable(name, version, "Microsoft Windows Operating System", MICROSOFT, 1024).pack(at), at)


def _program_files(entry: Program, one: Installed) -> Iterator[tuple[str, File]]:
    for file in entry.files:
        yield rf"{entry.folder}\{file}", _executable(entry, file, one.version, one.at)
    for driver in entry.drivers:
        version = entry.text(driver.version or "{version}", one.version)
        yield rf"Windows\System32\drivers\{driver.file}", _executable(entry, driver.file, version, one.at)
        if driver.inf:
            yield rf"Windows\INF\oem_{driver.inf}", _at(_setup_information(entry, version), one.at)
    if entry.shortcut:
        path = rf"ProgramData\Microsoft\Windows\Start Menu\Programs\{entry.name}.lnk"
        yield path, _at(b"L\0\0\0\1\x14\2\0" + f"C:\\{entry.folder}\\{entry.files[0]}".encode(), one.at)


def _executable(entry: Program, file: str, version: str, at: float) -> File:
    name = file.rpartition("\\")[2]
    return _at(Executable(name, version, entry.displayed(version), entry.publisher).pack(at), at)


def _setup_information(entry: Program, version: str) -> bytes:
    text = (
        f'[Version]\r\nSignature="$Windows NT$"\r\nProvider="{entry.publisher}"\r\nDriverVer=01/15/2025,{version}\r\n'
    )
    return text.encode()


def _at(content: bytes, at: float) -> File:
    return File(content, Times(at, at))
