"""The SOFTWARE hive of an image."""

import re
import uuid
from datetime import UTC, datetime

from lab.guests.catalogue import Program, View, program
from lab.guests.machine import Installed, Machine
from lab.guests.servicing import add_servicing
from lab.guests.stories import PENDING_REBOOT, SERVER_2022
from lab.guests.tasks import tasks
from lab.guests.windows import APPX, EDITIONS, FONTS, ROLES
from lab.stores.hives.tree import Key, Kind
from lab.stores.hives.writer import filetime

_CURRENT = r"Microsoft\Windows\CurrentVersion"
_NAMES = uuid.UUID("76c1e4f0-53f1-4a5a-9a0e-6f0f2cb1b9a7")
USER_ID = "S-1-5-21-1004336348-1177238915-682003330-1001"


def software(machine: Machine) -> Key:
    root = Key("ROOT", machine.changed_at)
    _add_identity(root, machine)
    add_servicing(root, machine)
    for one in machine.programs:
        entry = program(one.program)
        if entry.view is not View.USER:
            add_program(root, entry, one)
    _add_fonts(root, machine)
    _add_profiles(root, machine)
    _add_tasks(root, machine)
    _add_store_apps(root, machine)
    if machine.system == SERVER_2022:
        _add_roles(root, machine)
    if PENDING_REBOOT in machine.marks:
        root.key(rf"{_CURRENT}\WindowsUpdate\Auto Update\RebootRequired", machine.changed_at)
    return root


def add_program(root: Key, entry: Program, one: Installed, *, prefix: str = "") -> None:
    """The uninstall entries of a program with its hidden parts, and what else it leaves below `root`."""
    view = r"WOW6432Node" if entry.view is View.NARROW else ""
    place = "\\".join(part for part in (prefix, view, _CURRENT, "Uninstall") if part)
    key = root.key(rf"{place}\{entry.key_name(one.version)}", one.at)
    _fill(key, entry, one, entry.displayed(one.version))
    if entry.is_msi:
        _add_product(root, entry, one)
    for part in entry.parts:
        name = entry.text(part, one.version)
        hidden = root.key(rf"{_CURRENT}\Uninstall\{entry.product_code(one.version, part)}", one.at)
        hidden.set_all(DisplayName=name, DisplayVersion=one.version, Publisher=entry.publisher)
        hidden.set_all(InstallDate=_day(one.at), WindowsInstaller=1, SystemComponent=1, EstimatedSize=2048)
    for path, name, value in entry.keys:
        text = entry.text(value, one.version) if isinstance(value, str) else value
        root.key(path, one.at).set(name, text)
    if entry.autostart:
        run = root.key(rf"{_CURRENT}\Run", one.at)
        run.set(entry.name, f'"C:\\{entry.folder}\\{entry.autostart}"')


def _fill(key: Key, entry: Program, one: Installed, displayed: str) -> None:
    code, folder = entry.key_name(one.version), f"C:\\{entry.folder}\\"
    key.set_all(
        DisplayName=displayed,
        DisplayVersion=one.version,
        Publisher=entry.publisher,
        InstallLocation=folder,
        DisplayIcon=f"{folder}{entry.files[0]}",
        EstimatedSize=entry.size_kb,
    )
    if entry.has_date:
        key.set("InstallDate", _day(one.at))
    if entry.is_msi:
        key.set("UninstallString", f"MsiExec.exe /X{code}", Kind.EXPANDED_TEXT)
        key.set_all(InstallSource=f"C:\\Windows\\Temp\\{entry.files[0][:6]}\\", WindowsInstaller=1)
        key.set("Version", _msi_version(one.version))
    else:
        key.set_all(UninstallString=f'"{folder}uninstall.exe"', QuietUninstallString=f'"{folder}uninstall.exe" /S')
    if entry.key.startswith("{") and entry.parts:
        key.set("BundleCachePath", f"{folder}{entry.files[0]}")


def _add_product(root: Key, entry: Program, one: Installed) -> None:
    """What the Windows Installer itself remembers."""
    packed = packed_code(entry.product_code(one.version))
    place = rf"{_CURRENT}\Installer\UserData\S-1-5-18\Products\{packed}\InstallProperties"
    properties = root.key(place, one.at)
    properties.set_all(DisplayName=entry.displayed(one.version), DisplayVersion=one.version, Publisher=entry.publisher)
    properties.set_all(InstallDate=_day(one.at), WindowsInstaller=1, EstimatedSize=entry.size_kb)
    properties.set("LocalPackage", f"C:\\Windows\\Installer\\{packed[:7].lower()}.msi")


def packed_code(code: str) -> str:
    """`{90160000-008C-...}` as the Windows Installer writes it into key names."""
    first, second, third, *rest = code.strip("{}").split("-")
    pairs = re.findall("..", "".join(rest))
    return "".join(part[::-1] for part in (first, second, third, *pairs))


def _add_identity(root: Key, machine: Machine) -> None:
    edition = EDITIONS[machine.system]
    newest = max((patch.at for patch in machine.patches), default=machine.made_at)
    key = root.key(r"Microsoft\Windows NT\CurrentVersion", newest)
    key.set_all(
        ProductName=edition.product,
        EditionID=edition.edition,
        InstallationType=edition.installation_type,
        DisplayVersion=edition.display_version,
        ReleaseId="2009",
        CurrentVersion="6.3",
        CurrentBuild=str(edition.build),
        CurrentBuildNumber=str(edition.build),
        CurrentMajorVersionNumber=10,
        CurrentMinorVersionNumber=0,
        UBR=machine.revision,
        BuildLabEx=f"{edition.build}.1.amd64fre.{edition.lab_branch}",
        SystemRoot="C:\\Windows",
        RegisteredOwner="Lab",
        InstallDate=int(machine.made_at),
    )
    key.set("InstallTime", filetime(machine.made_at), Kind.LONG_NUMBER)
    root.key(_CURRENT, machine.made_at).set_all(
        ProgramFilesDir="C:\\Program Files", CommonFilesDir="C:\\Program Files\\Common Files"
    )
    full = root.key(r"Microsoft\NET Framework Setup\NDP\v4\Full", machine.made_at)
    full.set_all(Install=1, Release=533320 if edition.build >= 26100 else 528449, Version="4.8.09037")
    winlogon = root.key(r"Microsoft\Windows NT\CurrentVersion\Winlogon", machine.made_at)
    winlogon.set_all(Shell="explorer.exe", Userinit="C:\\Windows\\system32\\userinit.exe,", AutoAdminLogon="0")


def _add_fonts(root: Key, machine: Machine) -> None:
    key = root.key(r"Microsoft\Windows NT\CurrentVersion\Fonts", machine.made_at)
    for name, file in FONTS:
        key.set(name, file)
    key.set("Lab Corporate Sans (TrueType)", "labsans.ttf")


def _add_profiles(root: Key, machine: Machine) -> None:
    place = r"Microsoft\Windows NT\CurrentVersion\ProfileList"
    profiles = root.key(place, machine.made_at)
    profiles.set("Default", "%SystemDrive%\\Users\\Default", Kind.EXPANDED_TEXT)
    for sid, path in (("S-1-5-18", "%systemroot%\\system32\\config\\systemprofile"), (USER_ID, "C:\\Users\\labadmin")):
        root.key(rf"{place}\{sid}", machine.made_at).set("ProfileImagePath", path, Kind.EXPANDED_TEXT)


def _add_tasks(root: Key, machine: Machine) -> None:
    cache = r"Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache"
    for task in tasks(machine):
        number = f"{{{uuid.uuid5(_NAMES, task.path)}}}".upper()
        root.key(rf"{cache}\Tree{task.path}", machine.made_at).set("Id", number)
        root.key(rf"{cache}\Tasks\{number}", machine.made_at).set("Path", task.path)


def _add_store_apps(root: Key, machine: Machine) -> None:
    for name in APPX[machine.system]:
        place = rf"{_CURRENT}\Appx\AppxAllUserStore\Applications\{name}"
        root.key(place, machine.made_at).set("Path", f"C:\\Program Files\\WindowsApps\\{name}\\AppxManifest.xml")


def _add_roles(root: Key, machine: Machine) -> None:
    for role in ROLES:
        place = rf"Microsoft\ServerManager\ServicingStorage\ServerComponentCache\{role}"
        root.key(place, machine.made_at).set_all(InstallState=1, DisplayName=role.replace("-", " "))


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%d")


def _msi_version(version: str) -> int:
    numbers = [int(part) if part.isdigit() else 0 for part in version.split(".")]
    major, minor, build = [*numbers, 0, 0][:3]
    return (major & 0xFF) << 24 | (minor & 0xFF) << 16 | build & 0xFFFF
