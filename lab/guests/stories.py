"""What happens to each vDisk's image: how it was built, and the planned updates that follow one another."""

from collections.abc import Iterator
from dataclasses import dataclass

from lab.guests.applications import OFFICE
from lab.guests.machine import Machine
from lab.guests.platform_software import TARGET_DEVICE, VDA, VMWARE_TOOLS

WINDOWS_11, SERVER_2022 = "Windows 11", "Windows Server 2022"
BUILDS = {WINDOWS_11: 26100, SERVER_2022: 20348}
PENDING_REBOOT, PLAIN_UNATTEND = "pending reboot", "plain-text unattend"
_DAY = 86_400.0
_FIRST_ENDLESS_KB = 5_075_900

Change = tuple[str, str]  # program, version


@dataclass(frozen=True)
class Round:
    """One maintenance: `patch` is the KB and the new revision of the build."""

    installs: tuple[Change, ...] = ()
    removes: tuple[str, ...] = ()
    patch: tuple[str, int] | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Story:
    """`past` has one round for every version of the initial datacentre, the base's first; `planned` follow."""

    system: str
    computer: str
    firmware: str
    past: tuple[Round, ...]
    planned: tuple[Round, ...]


_RUNTIMES: tuple[Change, ...] = (
    ("Visual C++ 2013 x64", "12.0.40664.0"),
    ("Visual C++ 2015-2022 x64", "14.38.33135.0"),
    ("Visual C++ 2015-2022 x86", "14.38.33135.0"),
    ("Microsoft Edge", "124.0.2478.51"),
    ("Microsoft Edge WebView2 Runtime", "124.0.2478.51"),
    ("Microsoft .NET Runtime 8", "8.0.4"),
    ("Microsoft ODBC Driver 17 for SQL Server", "17.10.5.1"),
)
_CITRIX: tuple[Change, ...] = ((TARGET_DEVICE, "2402.0.0.18"), (VDA, "2402.0.0.4800"))
_TOOLS: Change = (VMWARE_TOOLS, "12.3.5.22544099")

_OFFICE = Story(
    WINDOWS_11,
    "MUC-GOLD-OFF",
    "UEFI",
    past=(
        Round(
            (
                *_RUNTIMES,
                _TOOLS,
                *_CITRIX,
                ("Microsoft FSLogix Apps", "2.9.8884.27471"),
                ("Zabbix Agent 2", "6.4.14"),
                (OFFICE, "16.0.18526.20438"),
                ("PDF24 Creator", "11.15.2"),
                ("Google Chrome", "137.0.7151.69"),
                ("Mozilla Firefox ESR", "128.11.0"),
                ("7-Zip", "23.01"),
                ("Notepad++", "8.6.9"),
                ("KeePass", "2.57"),
                ("Greenshot", "1.2.10.6"),
                ("SAP GUI", "10"),
                ("Greenline ERP Client", "4.2.1"),
                ("Eclipse Temurin JRE", "17.0.11.9"),
                ("VLC media player", "3.0.20"),
                ("Lexmark Universal Driver", "2.15.1.0"),
                ("Microsoft Update Health Tools", "3.74.0.0"),
                ("Cisco Webex", "44.6.0.29928"),
            ),
            patch=("KB5060842", 4349),
        ),
        Round((("Google Chrome", "140.0.7339.81"), ("Mozilla Firefox ESR", "128.14.0")), patch=("KB5065426", 6584)),
        Round(
            (("Adobe Acrobat Reader", "25.001.20756"), ("Google Chrome", "141.0.7390.55")),
            removes=("PDF24 Creator",),
            patch=("KB5066835", 6899),
        ),
        Round((("Google Chrome", "142.0.7444.60"), ("7-Zip", "24.08")), patch=("KB5068861", 7171)),
        Round(((OFFICE, "16.0.19029.20184"), ("Lexmark Universal Driver", "3.0.7.0"))),
    ),
    planned=(
        Round((("Google Chrome", "143.0.7499.41"), (VMWARE_TOOLS, "12.4.5.23787635")), patch=("KB5072033", 7462)),
        Round((("Notepad++", "8.8.8"), ("Eclipse Temurin JRE", "17.0.17.10"), ("KeePass", "2.60"))),
    ),
)

_CVAD = Story(
    SERVER_2022,
    "MUC-GOLD-CTX",
    "BIOS",
    past=(
        Round(
            (
                *_RUNTIMES,
                _TOOLS,
                *_CITRIX,
                ("Microsoft FSLogix Apps", "2.9.8784.63912"),
                ("Zabbix Agent 2", "6.4.14"),
                (OFFICE, "16.0.17928.20336"),
                ("Adobe Acrobat Reader", "24.002.20759"),
                ("Mozilla Firefox ESR", "115.12.0"),
                ("7-Zip", "23.01"),
                ("SAP GUI", "7"),
                ("Greenline ERP Client", "4.1.0"),
                ("Eclipse Temurin JRE", "17.0.11.9"),
                ("Lexmark Universal Driver", "2.15.1.0"),
            ),
            patch=("KB5049983", 3091),
        ),
        Round(((VDA, "2402.0.200.5300"), ("Zabbix Agent 2", "7.0.12"))),
        Round((("Mozilla Firefox ESR", "128.13.0"),), patch=("KB5062572", 3932)),
        Round(),
        Round((("Google Chrome", "141.0.7390.55"), ("SAP GUI", "10")), patch=("KB5066782", 4294)),
        Round(
            (("Lexmark Universal Driver", "3.0.7.0"),),
            patch=("KB5068787", 4405),
            marks=(PENDING_REBOOT, PLAIN_UNATTEND),
        ),
    ),
    planned=(Round(((OFFICE, "16.0.19029.20184"), (VMWARE_TOOLS, "12.4.5.23787635")), patch=("KB5071547", 4529)),),
)

_CAD = Story(
    WINDOWS_11,
    "MUC-GOLD-CAD",
    "UEFI",
    past=(
        Round(
            (
                *_RUNTIMES,
                _TOOLS,
                *_CITRIX,
                ("AutoCAD 2025", "25.0.58.0"),
                ("DWG TrueView 2025", "25.0.58.0"),
                ("Autodesk Genuine Service", "6.1.0.15"),
                ("NVIDIA Graphics Driver", "553.62"),
                ("3Dconnexion 3DxWare 10", "10.9.1.652"),
                ("Google Chrome", "138.0.7204.97"),
                ("7-Zip", "23.01"),
            ),
            patch=("KB5062553", 4652),
        ),
        Round(
            (
                ("NVIDIA Graphics Driver", "572.83"),
                (VMWARE_TOOLS, "12.4.0.23259341"),
                ("AutoCAD 2025", "25.0.154.0"),
                ("Google Chrome", "141.0.7390.55"),
                ("7-Zip", "24.08"),
            ),
            patch=("KB5066835", 6899),
        ),
    ),
    planned=(
        Round(
            (
                (VMWARE_TOOLS, "12.5.3.24819442"),
                ("Google Chrome", "142.0.7444.60"),
                ("Notepad++", "8.8.7"),
            ),
            patch=("KB5068861", 7171),
        ),
        Round((("AutoCAD 2025", "25.1.110.0"),), removes=("DWG TrueView 2025",), patch=("KB5072033", 7462)),
        Round(((TARGET_DEVICE, "2402.2.0.31"), (VDA, "2402.0.300.5800"))),
    ),
)

_SMALL = Story(
    WINDOWS_11,
    "MUC-GOLD-TRY",
    "UEFI",
    past=(Round((_TOOLS, ("7-Zip", "23.01")), patch=("KB5062553", 4652)), Round((("7-Zip", "24.08"),))),
    planned=(),
)

STORIES = {"W11-Office": _OFFICE, "W2022-CVAD": _CVAD, "W11-CAD": _CAD, "Small": _SMALL}


def story_of(vdisk: str) -> str:
    """The name of a vDisk's story; those made for trying things share a small one."""
    return vdisk if vdisk in STORIES else "Small"


def built(name: str, *, moments: list[float]) -> Machine:
    """The image after as many rounds as there are moments (Unix times): the base and its versions."""
    story = STORIES[name]
    machine = Machine(name, story.system, story.computer, story.firmware, moments[0] - _DAY)
    for moment in moments:
        update(machine, moment)
    return machine


def update(machine: Machine, at: float) -> None:
    """Apply the next planned round; after the last one comes a patch each time, and a browser where there is one."""
    story = STORIES[machine.story]
    rounds = story.past + story.planned
    chosen = rounds[machine.rounds] if machine.rounds < len(rounds) else _endless(machine, machine.rounds - len(rounds))
    for program in chosen.removes:
        if machine.find(program):
            machine.remove(program)
    for program, version in _wanted(machine, chosen):
        machine.install(program, version, at)
    if chosen.patch and chosen.patch[1] > machine.revision:
        machine.patch(*chosen.patch, at)
    machine.mark(chosen.marks)
    machine.rounds += 1
    changed(machine, at)


def changed(machine: Machine, at: float) -> None:
    machine.changes += 1
    machine.changed_at = at


def _wanted(machine: Machine, chosen: Round) -> Iterator[Change]:
    """Without what somebody has installed before by an order of their own."""
    for program, version in chosen.installs:
        found = machine.find(program)
        if found is None or found.version != version:
            yield program, version


def _endless(machine: Machine, number: int) -> Round:
    chrome = machine.find("Google Chrome")
    browser = (("Google Chrome", f"{144 + number}.0.7559.{60 + number}"),) if chrome else ()
    return Round(browser, patch=(f"KB{_FIRST_ENDLESS_KB + 2113 * number}", machine.revision + 240 + number % 7 * 11))
