"""How contents of images are written on the pages."""

from __future__ import annotations

from typing import Any

from django import template

from lifecycle.contents import LABELS, Category, Item
from lifecycle.headlines import plural
from portal.pictures.contents import columns

register = template.Library()

_KNOWN = {str(category): category for category in Category}
_DIRECTIONS = {"newer": "newer", "older": "older than before", "other": "changed"}


@register.filter
def fact(item: Item, name: str) -> str:
    return item.fact(name)


@register.filter
def category_label(code: str) -> str:
    return LABELS[_KNOWN[code]] if code in _KNOWN else code


@register.filter
def extra_columns(category: Category) -> tuple[str, ...]:
    """The facts that have a column of their own in the lists of this category."""
    return columns(category)


@register.filter
def has_version(category: Category) -> bool:
    return category not in (Category.SERVICES, Category.FEATURES, Category.TASKS, Category.HIDDEN, Category.SIGNS)


@register.filter
def value_label(category: Category) -> str:
    return "Value" if category in (Category.SYSTEM, Category.OFFICE) else "Version"


@register.filter
def direction_words(direction: str) -> str:
    return _DIRECTIONS.get(str(direction), str(direction))


@register.filter
def many(count: int, noun: str) -> str:
    """``3|many:"patch"`` is ``3 patches``."""
    return plural(count, noun)


@register.filter
def text_of(value: Any, name: str) -> Any:
    """One value of a dictionary whose key is no word a template could write."""
    return value.get(name) if isinstance(value, dict) else ""
