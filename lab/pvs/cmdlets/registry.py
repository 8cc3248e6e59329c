"""Registry of cmdlets, and what each of them is called with."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from lab.powershell.cmdlet import Kind, Signature
from lab.pvs.datacentre import Datacentre

MODULE = "Citrix.PVS.SnapIn"


@dataclass
class Connection:
    """What Set-PvsConnection set for this process."""

    server: str = ""
    port: int = 54321


@dataclass
class Call:
    """One invocation; `server` is the machine whose PowerShell runs it."""

    datacentre: Datacentre
    server: str
    connection: Connection
    arguments: dict[str, object] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        return cast(str | None, self.arguments.get(name))

    def texts(self, name: str) -> list[str]:
        return cast(list[str], self.arguments.get(name, []))

    def number(self, name: str) -> int | None:
        return cast(int | None, self.arguments.get(name))

    def numbers(self, name: str) -> list[int]:
        return cast(list[int], self.arguments.get(name, []))

    def flag(self, name: str) -> bool:
        return bool(self.arguments.get(name, False))

    def date(self, name: str) -> datetime | None:
        return cast(datetime | None, self.arguments.get(name))

    def has(self, name: str) -> bool:
        return name in self.arguments


Body = Callable[[Call], Iterable[object] | None]


@dataclass(frozen=True)
class Cmdlet:
    signature: Signature
    body: Body
    needs_connection: bool = True
    changes: bool = False


REGISTRY: dict[str, Cmdlet] = {}

TEXT, TEXTS, NUMBER, NUMBERS, FLAG, DATE = Kind.TEXT, Kind.TEXTS, Kind.NUMBER, Kind.NUMBERS, Kind.FLAG, Kind.DATE

ONE_DISK = {
    "DiskLocatorId": TEXT,
    "DiskLocatorName": TEXT,
    "Guid": TEXT,
    "Name": TEXT,
    "SiteId": TEXT,
    "SiteName": TEXT,
    "StoreId": TEXT,
    "StoreName": TEXT,
}


def cmdlet(
    name: str,
    *parameters: dict[str, Kind],
    fields: bool = False,
    needs_connection: bool = True,
    changes: bool = False,
) -> Callable[[Body], Body]:
    """Register a function as a cmdlet; with `fields` it also takes `-Fields`."""
    kinds: dict[str, Kind] = {}
    for group in parameters:
        kinds.update(group)
    if fields:
        kinds["Fields"] = TEXTS

    def register(body: Body) -> Body:
        qualified = f"{MODULE}\\{name}"
        REGISTRY[qualified.lower()] = Cmdlet(Signature(qualified, kinds), body, needs_connection, changes)
        return body

    return register
