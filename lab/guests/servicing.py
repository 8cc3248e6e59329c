"""What component based servicing remembers: features, monthly updates, and a reboot that is due."""

from lab.guests.machine import Machine, Patch
from lab.guests.stories import PENDING_REBOOT
from lab.guests.windows import EDITIONS, FEATURES
from lab.stores.hives.tree import Key
from lab.stores.hives.writer import filetime

_PLACE = r"Microsoft\Windows\CurrentVersion\Component Based Servicing"
_PUBLIC_KEY = "31bf3856ad364e35"
_INSTALLED, _SUPERSEDED, _INSTALL_PENDING = 0x70, 0x50, 0x60


def add_servicing(root: Key, machine: Machine) -> None:
    build = EDITIONS[machine.system].build
    for feature in FEATURES[machine.system]:
        name = f"{feature}~{_PUBLIC_KEY}~amd64~~10.0.{build}.1"
        _package(root, name, _INSTALLED, machine.made_at)
    _package(root, f"Package_for_KB5042178~{_PUBLIC_KEY}~amd64~~{build}.1.1.1", _INSTALLED, machine.made_at)
    newest = max((patch.revision for patch in machine.patches), default=0)
    for patch in machine.patches:
        _add_patch(root, patch, build, is_newest=patch.revision == newest)
    if PENDING_REBOOT in machine.marks:
        root.key(rf"{_PLACE}\RebootPending", machine.changed_at)
        name = f"Package_for_KB5068966~{_PUBLIC_KEY}~amd64~~10.0.9320.2"
        _package(root, name, _INSTALL_PENDING, machine.changed_at)


def _add_patch(root: Key, patch: Patch, build: int, *, is_newest: bool) -> None:
    """The rollup, which does not name its KB, with the servicing stack and the update of .NET that came beside it."""
    state = _INSTALLED if is_newest else _SUPERSEDED
    number = int(patch.kb.removeprefix("KB"))
    rollup = f"Package_for_RollupFix~{_PUBLIC_KEY}~amd64~~{build}.{patch.revision}.1.10"
    key = _package(root, rollup, state, patch.at)
    key.set("InstallLocation", rf"\\?\C:\Windows\SoftwareDistribution\Download\Windows-{patch.kb}-x64.cab")
    stack = f"Package_for_ServicingStack_{patch.revision}~{_PUBLIC_KEY}~amd64~~{build}.{patch.revision}.1.2"
    _package(root, stack, state, patch.at)
    # The rollup's own number is nowhere in the package names, an update of .NET has its own.
    framework = f"Package_for_KB{number + 7}~{_PUBLIC_KEY}~amd64~~10.0.9{patch.revision % 1000:03d}.1"
    _package(root, framework, state, patch.at)


def _package(root: Key, name: str, state: int, at: float) -> Key:
    key = root.key(rf"{_PLACE}\Packages\{name}", at)
    moment = filetime(at)
    key.set_all(
        CurrentState=state,
        Visibility=1,
        InstallClient="UpdateAgentLCU",
        InstallName=f"{name}.mum",
        InstallTimeHigh=moment >> 32,
        InstallTimeLow=moment & 0xFFFFFFFF,
        InstallUser="S-1-5-18",
    )
    root.key(rf"{_PLACE}\Packages\{name}\Owners", at)
    return key
