"""CSV that a spreadsheet opens as text: no cell can become a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from lifecycle.contents import LABELS, Category, Item, items
from lifecycle.differences import Difference
from portal.exports.subject import Subject

_FORMULA = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001  the wide forms count as well
_BYTE_ORDER_MARK = "\ufeff"  # a spreadsheet takes the file for UTF-8
_CONTENT_COLUMNS = ("kind", "name", "version", "publisher", "class", "scope", "view", "detail", "found in")
_DIFFERENCE_COLUMNS = (
    "kind",
    "change",
    "name",
    "version before",
    "version after",
    "publisher",
    "what differs",
    "found in",
)


def guarded(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula begins with an apostrophe, which it takes for text."""
    start = cell.lstrip(" \u00a0")[:1]
    return f"'{cell}" if cell[:1] in tuple(_FORMULA) or start in tuple(_FORMULA) else cell


def of_contents(subject: Subject) -> str:
    report = subject.content.report
    found = [item for category in Category for item in items(report, category)]
    return _written(_CONTENT_COLUMNS, (_content_row(item) for item in found))


def _content_row(item: Item) -> tuple[str, ...]:
    told = ("kind", "view")
    detail = "; ".join(f"{label}: {value}" for label, value in item.facts if value and label not in told)
    return (
        LABELS[item.category],
        item.name,
        item.version,
        item.publisher,
        item.kind,
        f"{item.scope} {item.user}".strip(),
        item.view,
        detail,
        item.source,
    )


def of_difference(found: Difference) -> str:
    return _written(_DIFFERENCE_COLUMNS, _difference_rows(found))


def _difference_rows(found: Difference) -> Iterable[tuple[str, ...]]:
    for each in found.categories:
        for item in each.added:
            yield each.label, "added", item.name, "", item.version, item.publisher, "", item.source
        for item in each.removed:
            yield each.label, "removed", item.name, item.version, "", item.publisher, "", item.source
        for update in each.updated:
            differs = "; ".join(f"{what}: {old} -> {new}" for what, old, new in update.fields if what != "version")
            after = update.after
            versions = update.before.version, after.version
            yield (
                each.label,
                f"updated ({update.direction})",
                after.name,
                *versions,
                after.publisher,
                differs,
                after.source,
            )


def _written(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return _BYTE_ORDER_MARK + text.getvalue()
