"""What the lab knows to install, and what installing it leaves in an image."""

import re
import uuid
from dataclasses import dataclass
from enum import StrEnum

from lab.guests.machine import NotPossible

MICROSOFT = "Microsoft Corporation"

_NAMES = uuid.UUID("2c1c1bde-67d0-4b42-a8a0-1d5e2d6d1a5f")
_LONGEST_NAME, _LONGEST_VERSION = 64, 40


class View(StrEnum):
    """Where a program is registered."""

    WIDE = "64"
    NARROW = "32"  # WOW6432Node
    USER = "user"


@dataclass(frozen=True)
class Service:
    """`file` lies in the program's folder; `start` 2 is automatic, 3 by demand, 4 disabled."""

    name: str
    display: str
    file: str
    start: int = 2
    is_delayed: bool = False


@dataclass(frozen=True)
class Driver:
    """`file` lies in System32\\drivers; `start` 0 is at boot, 1 with the system, 3 by demand. Own version if given."""

    name: str
    file: str
    display: str
    start: int = 3
    version: str = ""
    inf: str = ""
    group: str = ""


@dataclass(frozen=True)
class Program:
    """One program of the catalogue.

    In its texts `{version}` becomes the version, `{first}` its first part, `{short}` its first two parts and `{tail}`
    its last four digits.
    """

    name: str
    publisher: str
    folder: str
    files: tuple[str, ...]
    display: str = ""
    key: str = ""  # of the uninstall entry; the displayed name where it is empty
    is_msi: bool = False
    view: View = View.WIDE
    size_kb: int = 40_000
    services: tuple[Service, ...] = ()
    drivers: tuple[Driver, ...] = ()
    parts: tuple[str, ...] = ()  # hidden entries of a bundle
    updates: tuple[str, ...] = ()  # entries that have this one as parent
    keys: tuple[tuple[str, str, str | int], ...] = ()  # further values in SOFTWARE: key, name, value
    autostart: str = ""  # file that starts with every session
    has_date: bool = True
    shortcut: bool = True

    def text(self, template: str, version: str) -> str:
        parts = version.split(".")
        places = {"version": version, "short": ".".join(parts[:2]), "first": parts[0], "tail": "".join(parts)[-4:]}
        for name, value in places.items():
            template = template.replace(f"{{{name}}}", value)
        return template

    def displayed(self, version: str) -> str:
        return self.text(self.display or self.name, version)

    def product_code(self, version: str, part: str = "") -> str:
        return f"{{{uuid.uuid5(_NAMES, f'{self.name}/{version}/{part}')}}}".upper()

    def key_name(self, version: str) -> str:
        if self.is_msi:
            return self.product_code(version)
        return self.text(self.key or self.display or self.name, version)


def program(name: str) -> Program:
    """The catalogue's entry, or a plain program of that name, as a team's own package would be."""
    from lab.guests.programs import PROGRAMS  # noqa: PLC0415  the entries are made of the classes above

    known = {one.name.lower(): one for one in PROGRAMS}.get(name.lower())
    if known:
        return known
    file = re.sub(r"[^A-Za-z0-9]", "", name)[:20] or "program"
    return Program(name, "Lab Software", f"Program Files\\{name}", (f"{file}.exe", f"{file}.dll"))


def checked(name: str, version: str) -> tuple[str, str]:
    """Name and version of an order, the name as the catalogue spells it."""
    if not re.fullmatch(r"[\w][\w .,()+#&'-]*", name) or len(name) > _LONGEST_NAME or name.rstrip(" .") != name:
        raise NotPossible(f"A program's name has letters, digits and spaces, at most {_LONGEST_NAME}.")
    if not re.fullmatch(r"[0-9][\w.+-]*", version) or len(version) > _LONGEST_VERSION:
        raise NotPossible(f"A version begins with a digit, such as 24.08; at most {_LONGEST_VERSION} characters.")
    return program(name).name, version
