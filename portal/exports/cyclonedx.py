"""CycloneDX 1.6: programs, drivers, patches and packages of an image as components of its operating system.

A difference is the inventory of what differs: each component says by a property how, and what was removed is excluded.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.output.json import JsonV1Dot6

from lifecycle.contents import Category, Item, items
from lifecycle.differences import Difference, Update
from portal.exports.subject import Subject
from portal.pictures.contents import system

PREFIX = "vdisk-portal:"
_NAMESPACE = uuid.UUID("6f1c7a52-0d4e-4a39-9a0b-6b9a1d1f5c3e")
_TYPES: dict[Category, ComponentType] = {
    Category.PLATFORM: ComponentType.APPLICATION,
    Category.PROGRAMS: ComponentType.APPLICATION,
    Category.HIDDEN_PROGRAMS: ComponentType.APPLICATION,
    Category.UPDATES: ComponentType.APPLICATION,
    Category.PATCHES: ComponentType.OPERATING_SYSTEM,
    Category.DRIVERS: ComponentType.DEVICE_DRIVER,
    Category.APPX: ComponentType.APPLICATION,
}


def of_contents(subject: Subject) -> str:
    components = [
        _component(item, f"{category}-{index}")
        for category in _TYPES
        for index, item in enumerate(items(subject.content.report, category), 1)
    ]
    return _written(subject, components, uuid.uuid5(_NAMESPACE, _identity(subject)))


def of_difference(before: Subject, after: Subject, found: Difference) -> str:
    components = [
        _component(item, f"{category}-{index}", *told, scope=scope)
        for category in _TYPES
        for index, (item, told, scope) in enumerate(_changes(found, category), 1)
    ]
    serial = uuid.uuid5(_NAMESPACE, f"{_identity(before)} to {_identity(after)}")
    return _written(after, components, serial, Property(name=f"{PREFIX}compared-with", value=before.name))


def _changes(found: Difference, category: Category) -> Iterator[tuple[Item, list[Property], ComponentScope | None]]:
    each = found.of(category)
    for item in each.added:
        yield item, [Property(name=f"{PREFIX}change", value="added")], None
    for update in each.updated:
        yield update.after, list(_of_update(update)), None
    for item in each.removed:
        yield item, [Property(name=f"{PREFIX}change", value="removed")], ComponentScope.EXCLUDED


def _of_update(update: Update) -> Iterator[Property]:
    yield Property(name=f"{PREFIX}change", value=f"updated-{update.direction}")
    for field, before, _ in update.fields:
        yield Property(name=f"{PREFIX}before:{field}", value=before)


def _component(item: Item, ref: str, *told: Property, scope: ComponentScope | None = None) -> Component:
    values = {"category": str(item.category), "source": item.source, "view": item.view, "scope": item.scope}
    values |= dict(item.facts) | {"kind": item.kind}
    properties = [Property(name=f"{PREFIX}{name}", value=value) for name, value in values.items() if value]
    return Component(
        type=_TYPES[item.category],
        name=item.name or item.key,
        version=item.version or None,
        supplier=OrganizationalEntity(name=item.publisher) if item.publisher else None,
        bom_ref=BomRef(ref),
        scope=scope,
        properties=[*properties, *told],
    )


def _written(subject: Subject, components: Iterable[Component], serial: uuid.UUID, *told: Property) -> str:
    facts = {
        "vdisk": subject.vdisk_name,
        "version": str(subject.number),
        "fingerprint": subject.content.fingerprint,
        "partial": "yes" if subject.content.partial else "no",
    }
    image = Component(
        type=ComponentType.OPERATING_SYSTEM,
        name=subject.name,
        version=str(subject.number),
        description=system(subject.content.report) or None,
        bom_ref=BomRef("image"),
        properties=[*(Property(name=f"{PREFIX}{name}", value=value) for name, value in facts.items()), *told],
    )
    metadata = BomMetaData(component=image, timestamp=subject.content.taken_at)
    bom = Bom(components=components, metadata=metadata, serial_number=serial)
    bom.register_dependency(image, [each for each in bom.components if each.scope != ComponentScope.EXCLUDED])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _identity(subject: Subject) -> str:
    return f"{subject.name} {subject.content.fingerprint} {subject.content.reader_version}"
