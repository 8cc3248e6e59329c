"""Makes the rows of one table equal to what was read: creates, changes and marks as gone, in a few statements."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db import models

AnyModel = TypeVar("AnyModel", bound=models.Model)

BATCH = 1000


def equalise(
    present: models.QuerySet[AnyModel],
    wanted: Mapping[Hashable, Mapping[str, Any]],
    *,
    key: tuple[str, ...],
    now: datetime,
    fixed: Mapping[str, Any] | None = None,
) -> tuple[dict[Hashable, AnyModel], int]:
    """Rows of ``present`` by key, as wanted, and how many were written.

    ``wanted`` maps a key (the tuple of ``key`` fields, or the bare value when there is one) to the other fields;
    ``fixed`` holds what a new row needs besides. A row that is no longer wanted gets ``gone_at``; it comes back if
    it is wanted again.
    """
    model = present.model
    rows = {_key(row, key): row for row in present}
    new: list[AnyModel] = []
    changed: list[AnyModel] = []
    fields: set[str] = set()
    for wanted_key, values in wanted.items():
        row = rows.get(wanted_key)
        if row is None:
            row = model(**_named(key, wanted_key), **values, **(fixed or {}))
            rows[wanted_key] = row
            new.append(row)
        elif differing := _set(row, {**values, "gone_at": None}):
            changed.append(row)
            fields |= differing
    gone = [row for found, row in rows.items() if found not in wanted and _set(row, {"gone_at": now}, once=True)]
    model._default_manager.bulk_create(new, batch_size=BATCH)
    if changed or gone:
        fields |= {"gone_at"} if gone else set()
        model._default_manager.bulk_update([*changed, *gone], sorted(fields), batch_size=BATCH)
    living = {found: row for found, row in rows.items() if found in wanted}
    return living, len(new) + len(changed) + len(gone)


def _key(row: models.Model, key: tuple[str, ...]) -> Hashable:
    values = tuple(getattr(row, name) for name in key)
    return values[0] if len(values) == 1 else values


def _named(key: tuple[str, ...], value: Hashable) -> dict[str, Any]:
    return dict(zip(key, value if isinstance(value, tuple) else (value,), strict=True))


def _set(row: models.Model, values: Mapping[str, Any], *, once: bool = False) -> set[str]:
    """The names of the fields that were different. ``once``: leave a field that has a value already."""
    differing = {
        name
        for name, value in values.items()
        if getattr(row, name) != value and not (once and getattr(row, name) is not None)
    }
    for name in differing:
        setattr(row, name, values[name])
    return differing
