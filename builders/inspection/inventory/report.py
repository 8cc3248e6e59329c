"""The shape of what is found, as it is stored and printed: docs/image-contents.md says what each word means.

A text that was not found is "", a number None. Moments are ISO 8601 in UTC, days ``2024-03-12``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, TypedDict

from builders.inspection.inventory.plain import plain_throughout

FORMAT = 1
READER_VERSION = 2
"""Raised when the same image would be read differently, so that stored contents are read anew."""


class System(TypedDict):
    name: str
    edition: str
    build: str
    ubr: int | None
    full_build: str
    display_version: str
    installation_type: str
    architecture: str
    installed_at: str
    computer_name: str
    domain: str
    time_zone: str


class ProgramUpdate(TypedDict):
    name: str
    version: str
    source: str


class Part(TypedDict):
    """An entry that was merged into another: its place."""

    name: str
    version: str
    view: str
    location: str
    source: str


class Program(TypedDict):
    name: str
    version: str
    publisher: str
    kind: str
    scope: str
    user: str
    view: str
    source: str
    key: str
    product_code: str
    installed_on: str
    location: str
    install_source: str
    uninstall: str
    quiet_uninstall: str
    size_kb: int | None
    parent: str
    parts: list[str]
    also: list[Part]
    updates: list[ProgramUpdate]


class Patch(TypedDict):
    id: str
    name: str
    version: str
    state: str
    installed_at: str
    source: str


class Service(TypedDict):
    name: str
    display_name: str
    start: str
    type: str
    path: str
    account: str
    source: str


Driver = TypedDict(
    "Driver",
    {"name": str, "file": str, "start": str, "version": str, "company": str, "class": str, "source": str},
)


class Feature(TypedDict):
    name: str
    state: str
    source: str


class Task(TypedDict):
    path: str
    actions: list[str]
    source: str


class StoreApp(TypedDict):
    family: str
    version: str
    architecture: str
    source: str


class Hidden(TypedDict):
    category: str
    name: str
    value: str
    source: str


class Sign(TypedDict):
    sign: str
    words: str
    source: str


class Warned(TypedDict):
    where: str
    words: str


def no_system() -> System:
    """What is said of the system where nothing could be read of it."""
    return {
        "name": "",
        "edition": "",
        "build": "",
        "ubr": None,
        "full_build": "",
        "display_version": "",
        "installation_type": "",
        "architecture": "",
        "installed_at": "",
        "computer_name": "",
        "domain": "",
        "time_zone": "",
    }


@dataclass
class Report:
    """Everything that one reading of an image found. ``as_dict`` is the JSON."""

    image: dict[str, Any] = field(default_factory=dict)
    os: System = field(default_factory=no_system)
    programs: list[Program] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    drivers: list[Driver] = field(default_factory=list)
    features: list[Feature] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    appx: list[StoreApp] = field(default_factory=list)
    office: dict[str, Any] | None = None
    platform: dict[str, Any] = field(default_factory=dict)
    hidden: list[Hidden] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    partial: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {"format": FORMAT, "reader_version": READER_VERSION, **plain_throughout(asdict(self))}
