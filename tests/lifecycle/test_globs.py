"""Names with stars. A pattern that tries every place for every star would not end here within a day."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.globs import Glob


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("7-Zip *", "7-ZIP 23.01", True),
        ("7-Zip *", "7-Zip", False),
        ("7-Zip", "7-zip", True),
        ("7-Zip", "7-Zip 23", False),
        ("*Reader*64*", "Adobe Reader (64-bit)", True),
        ("a*a", "a", False),
        ("ab*bc", "abc", False),
        ("a**b", "a\nb", True),
        ("a*b*c", "acb", False),
        ("*", "", True),
        ("a.c", "abc", False),
    ],
)
def test_a_star_is_any_text(pattern: str, text: str, fits: bool) -> None:
    assert Glob.of(pattern).fits(text) is fits


def test_many_stars_end_at_once() -> None:
    assert not Glob.of("*a*" * 12 + "*b").fits("a" * 200)
    assert Glob.of("*a*" * 12 + "*b").fits("a" * 200 + "b")


@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
def test_says_what_a_regular_expression_says(pattern: str, text: str) -> None:
    expression = ".*".join(re.escape(part) for part in re.split(r"\*+", pattern))

    assert Glob.of(pattern).fits(text) == bool(re.fullmatch(expression, text))
