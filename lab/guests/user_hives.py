"""The hives of users: that of every new one, and that of the one who keeps the image."""

from lab.guests.catalogue import View, program
from lab.guests.machine import Machine
from lab.guests.software_hive import add_program
from lab.stores.hives.tree import Key, Kind


def default_user(machine: Machine) -> Key:
    root = Key("ROOT", machine.made_at)
    _add_desktop(root, machine)
    return root


def keeper(machine: Machine) -> Key:
    """With what was installed for this user alone."""
    root = Key("ROOT", machine.changed_at)
    _add_desktop(root, machine)
    for one in machine.programs:
        entry = program(one.program)
        if entry.view is View.USER:
            add_program(root, entry, one, prefix="Software")
    return root


def _add_desktop(root: Key, machine: Machine) -> None:
    at = machine.made_at
    root.key(r"Control Panel\Desktop", at).set_all(ScreenSaveActive="1", ScreenSaveTimeOut="600")
    root.key("Environment", at).set("TEMP", r"%USERPROFILE%\AppData\Local\Temp", Kind.EXPANDED_TEXT)
    explorer = root.key(r"Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced", at)
    explorer.set_all(HideFileExt=0, TaskbarAl=0)
    root.key(r"Software\Microsoft\Windows\CurrentVersion\Run", at)
