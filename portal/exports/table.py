"""CSV that a spreadsheet opens as text: no cell can become a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from lifecycle.contents import LABELS, Category, Item, items
from lifecycle.differences import Difference
from portal.exports.subject import Subject

_FORMULA = "=+\\-@＝＋－＠"  # noqa: RUF001  the wide forms count as well
_BLANKS = ' "\u00a0'
_SEPARATORS = ";\t\r\n"
"""Where a spreadsheet may see the end of a cell: one that separates by semicolon takes no heed of ours."""
_START = re.compile(f"^(?=[{_BLANKS}]*[{_FORMULA}\t\r\n])|(?<=[{_SEPARATORS}])(?=[{_BLANKS}]*[{_FORMULA}])")
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
    """What a spreadsheet would take for a formula gets an apostrophe before it, which it takes for text: at the start
    of the cell, and after each sign inside of it that may end a cell."""
    return _START.sub("'", cell)


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
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return _BYTE_ORDER_MARK + text.getvalue()
