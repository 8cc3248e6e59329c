"""The programs of an image: of the machine in both views, of each user, and those only the installer remembers."""

from __future__ import annotations

from builders.inspection.inventory.entries import machine_entries, user_entries
from builders.inspection.inventory.noise import programs_of
from builders.inspection.inventory.products import Product, enrich, products_of
from builders.inspection.inventory.reading import Reading
from builders.inspection.inventory.report import Program
from builders.inspection.inventory.users import Profile


def read_programs(reading: Reading, profiles: list[Profile]) -> list[Program]:
    entries = list(machine_entries(reading))
    for profile in profiles:
        entries.extend(user_entries(reading, profile))
    programs = programs_of(entries)
    none: list[Product] = []
    products = reading.part("the installer's products", lambda: list(products_of(reading)), none)
    enrich(programs, products)
    return programs
