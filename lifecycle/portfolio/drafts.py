"""A package draft for a program that no package covers yet, filled with what the images know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from lifecycle.contents import category_of_program, program_key, rows, text
from lifecycle.errors import NotNow
from lifecycle.models import ContentItem, ImageContent, Package, VersionImage
from lifecycle.package_kinds import Architecture, DetectionKind, InstallerKind
from lifecycle.packages import catalogue, names
from lifecycle.packages.terms import LIMITS, Terms
from lifecycle.portfolio.decisions import decide
from lifecycle.portfolio.matching import KEY_LENGTH
from lifecycle.program_names import normalised

KEYS_TRIED = 50
_BY_VIEW = {"32": Architecture.X86, "64": Architecture.X64}


@dataclass(frozen=True)
class Sighting:
    """A program in one image: its row of the report, and where that image stands in the farm."""

    row: Mapping[str, Any]
    vdisk: str
    number: int
    content: ImageContent


def sighting(key: str) -> Sighting | None:
    """Where the newest version of the program is, in the newest image that holds it; its row of the report holds more
    than the line that is searched by."""
    newest = ContentItem.objects.filter(key=key).order_by("-sort_key").values_list("sort_key", flat=True).first()
    held = ContentItem.objects.filter(key=key, sort_key=newest).values("content")
    image = (
        VersionImage.objects.filter(content__in=held, version__gone_at=None, version__vdisk__gone_at=None)
        .select_related("version__vdisk", "content")
        .order_by("-version__created_at", "-version__number")
        .first()
    )
    if image is None or image.content is None:
        return None
    for row in rows(image.content.report, "programs"):
        parts = [text(row.get(name)) for name in ("name", "publisher", "user")]
        if program_key(*parts)[:KEY_LENGTH] == key and category_of_program(text(row.get("kind"))):
            return Sighting(row, image.version.vdisk.name, image.version.number, image.content)
    return None


def draft(seen: Sighting, key: str, *, by: User) -> Package:
    """The draft, and the decision that it installs the program. NotNow when it is decided already or has no name."""
    wanted = terms_of(seen)
    base = names.suggested_key(normalised(wanted.name)) or names.suggested_key(wanted.name)
    if not base:
        raise NotNow("Its name gives no key for a package; make one by hand and choose it here.")
    with transaction.atomic():
        reason = f"from {seen.vdisk} version {seen.number}"
        package = catalogue.make(_free_key(base), wanted, reason=reason, by=by)
        decide(key=key, name=wanted.name, publisher=wanted.vendor, package=package, by=by)
    return package


def terms_of(seen: Sighting) -> Terms:
    """What the image knows of it. Commands are left to a person: how it was installed silently nobody knows, and how it
    is uninstalled only the image says, where anybody who once could write to it may have put something else."""
    row = seen.row
    name, version = _cut("name", text(row.get("name"))), text(row.get("version"))
    code = text(row.get("product_code"))
    bare = normalised(name)
    begins = name[: len(bare)] if name.casefold().startswith(bare) else name
    return Terms(
        name=begins,
        vendor=_cut("vendor", text(row.get("publisher"))),
        version=_cut("version", version),
        architecture=_BY_VIEW.get(text(row.get("view")), Architecture.ANY).value,
        installer=(InstallerKind.MSI if code else InstallerKind.OTHER).value,
        detection_kind=DetectionKind.UNINSTALL_ENTRY.value,
        detection={"name": f"{begins.replace('*', ' ')}*"[: LIMITS["name"]]},
        notes=_cut("notes", "\n".join(_notes(seen))),
    )


def _notes(seen: Sighting) -> list[str]:
    known = [f"Found in {seen.vdisk} version {seen.number}, at {text(seen.row.get('source'))}."]
    if command := text(seen.row.get("quiet_uninstall")) or text(seen.row.get("uninstall")):
        known.append(f"The image says it is uninstalled by: {' '.join(command.split())}")
    for part, label in (
        ("install_source", "It was installed from"),
        ("location", "It lies in"),
        ("product_code", "Its MSI product code is"),
        ("installed_on", "It was installed on"),
        ("size_kb", "Its size in KB is"),
    ):
        if value := text(seen.row.get(part)):
            known.append(f"{label} {value}")
    return known


def _cut(name: str, value: str) -> str:
    one_line = value if name == "notes" else " ".join(value.split())
    return "".join(letter for letter in one_line if letter.isprintable() or letter == "\n")[: LIMITS[name]]


def _free_key(base: str) -> str:
    room = names.LONGEST_KEY - 4
    tried = [base, *(f"{base[:room]}-{number}" for number in range(2, KEYS_TRIED))]
    taken = set(Package.objects.filter(key__in=tried).values_list("key", flat=True))
    return next(key for key in tried if key not in taken)
