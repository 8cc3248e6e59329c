"""What the Windows installer itself knows of its products: where they came from, and their patches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from builders.inspection.inventory.entries import Entry, entry_of
from builders.inspection.inventory.names import unpacked
from builders.inspection.inventory.noise import HIDDEN, add_update
from builders.inspection.inventory.plain import cut
from builders.inspection.inventory.reading import Reading
from builders.inspection.inventory.report import Program, ProgramUpdate
from builders.inspection.registry import Key

USER_DATA = r"Microsoft\Windows\CurrentVersion\Installer\UserData"
MACHINE = "S-1-5-18"
_APPLIED = 1


@dataclass(frozen=True)
class Product:
    code: str
    sid: str
    entry: Entry | None
    """As its InstallProperties tell; None when they have no name."""
    patches: tuple[ProgramUpdate, ...]


def products_of(reading: Reading) -> Iterator[Product]:
    owners = reading.software(USER_DATA)
    for owner in owners.keys() if owners else ():
        products = owner.key("Products")
        for key in products.keys() if products else ():
            if code := unpacked(key.name):
                yield Product(code, owner.name, _entry(key, code, owner.name), tuple(_patches(key)))


def enrich(programs: list[Program], products: list[Product]) -> None:
    """Add to the programs what only the installer knows, and the products that no list of programs shows any more."""
    by_code = {program["product_code"]: program for program in programs if program["product_code"]}
    for product in products:
        program = by_code.get(product.code)
        if program is None and product.entry:
            program = product.entry.program
            by_code[product.code] = program
            programs.append(program)
        elif program is not None and product.entry:
            _fill(program, product.entry.program)
        for patch in product.patches:
            if program is not None:
                _add_patch(program, patch)
    programs.sort(key=lambda program: (program["name"].lower(), program["version"], program["source"]))


def _entry(key: Key, code: str, sid: str) -> Entry | None:
    properties = key.key("InstallProperties")
    user = "" if sid == MACHINE else sid
    entry = entry_of(properties, view="user" if user else "64", user=user, hive="SOFTWARE") if properties else None
    if entry:
        if entry.problem:
            entry.program["name"] = code
        entry.program["kind"], entry.program["key"], entry.program["product_code"] = HIDDEN, code, code
    return entry


def _patches(key: Key) -> Iterator[ProgramUpdate]:
    patches = key.key("Patches")
    for patch in patches.keys() if patches else ():
        name = cut(patch.text("DisplayName"), 300)
        if name and patch.number("State") in (_APPLIED, None):
            yield {"name": name, "version": "", "source": f"SOFTWARE\\{patch.path}"}


def _fill(program: Program, known: Program) -> None:
    for key in ("version", "publisher", "location", "install_source"):
        if not program[key]:
            program[key] = known[key]


def _add_patch(program: Program, patch: ProgramUpdate) -> None:
    if all(held["name"].lower() != patch["name"].lower() for held in program["updates"]):
        add_update(program, patch)
