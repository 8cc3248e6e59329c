"""How the pages of the portfolio write things."""

from __future__ import annotations

from collections.abc import Sequence

from django import template

register = template.Library()


@register.filter
def has_words(heads: Sequence[str]) -> bool:
    return any(heads)


@register.filter
def minutes(seconds: float) -> str:
    """``25 min``, ``1 h 40 min``: nobody plans by the second."""
    whole = max(1, round(seconds / 60))
    hours, rest = divmod(whole, 60)
    return f"{hours} h {rest:02d} min" if hours else f"{rest} min"
