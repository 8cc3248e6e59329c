from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.program_versions import LONGEST_KEY, common_parts, compare, is_version, shortened, sort_key

LATER_FIRST = [
    ("1.2.10", "1.2.9"),
    ("1.2.1", "1.2"),
    ("10", "9.9.9.9"),
    ("12.4.0.23259341", "12.3.5.22544099"),
    ("1.0.2k", "1.0.2"),
    ("1.0.2l", "1.0.2k"),
    ("1.0.3", "1.0.2k"),
    ("2019 R2", "2019"),
    ("2.0", "2.0 beta 3"),
    ("2.0 beta 3", "2.0 beta 2"),
    ("2.0 beta", "2.0 alpha 9"),
    ("2.0-rc1", "2.0.0-beta"),
    ("2.0", "2.0.0-rc1"),
    ("2.0-rc1", "1.9.9"),
    ("8u391", "8u51"),
    ("20240301", "2024-02-29"),
    ("2024.03.01", "20231231"),
    ("v1.3", "1.2"),
    ("v1.3", "V1.2"),
    ("1", ""),
    ("0.0.1", ""),
    ("9" * 200, "9" * 60),
]
EQUAL = [
    ("1.2", "1.2.0.0"),
    ("1.02", "1.2"),
    ("1, 2, 3, 4", "1.2.3.4"),
    ("v1.2", "1.2"),
    ("Version 1.2", "1.2"),
    ("12.4.0 build-22787165", "12.4.0.22787165"),
    ("1.2.3 (x64)", "1.2.3"),
    ("1.2.3 64-bit", "1.2.3"),
    ("20240301", "2024-03-01"),
    ("v20240301", "2024.3.1"),
    ("2.0.0-rc1", "2.0 RC 1"),
    ("", "final version"),
]


@pytest.mark.parametrize(("later", "earlier"), LATER_FIRST)
def test_tells_which_is_later(later: str, earlier: str) -> None:
    assert (compare(later, earlier), compare(earlier, later)) == (1, -1)


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_tells_that_two_are_the_same(one: str, other: str) -> None:
    assert compare(one, other) == 0


def test_eight_digits_that_are_no_date_are_a_number() -> None:
    assert compare("20241399", "20241231") == compare("20241399", "2024.12.31") == 1


four_parts = st.lists(st.integers(0, 70_000), min_size=1, max_size=4)
anything = st.text(max_size=40) | st.from_regex(r"v?[0-9]{1,5}([.,-][0-9a-z]{1,6}){0,4}", fullmatch=True)


@given(four_parts, four_parts)
def test_numbers_compare_as_numbers_part_by_part(one: list[int], other: list[int]) -> None:
    padded = [[*parts, *[0] * (4 - len(parts))] for parts in (one, other)]
    expected = (padded[0] > padded[1]) - (padded[0] < padded[1])

    if not any(19_000_000 < part < 21_000_000 for part in (one[0], other[0])):
        assert compare(".".join(map(str, one)), ".".join(map(str, other))) == expected


@given(st.lists(anything, min_size=3, max_size=3))
def test_is_an_order_whatever_was_written(texts: list[str]) -> None:
    for one, other in itertools.product(texts, repeat=2):
        assert compare(one, other) == -compare(other, one)
    low, middle, high = sorted(texts, key=sort_key)
    assert compare(low, middle) <= 0
    assert compare(middle, high) <= 0
    assert compare(low, high) <= 0


@given(anything)
def test_a_missing_part_is_zero(text: str) -> None:
    if is_version(text) and text[-1].isdigit() and len(text) < 100 and "rc" not in text:
        assert compare(text, f"{text}.0") == 0


@given(anything)
def test_a_key_fits_its_column(text: str) -> None:
    assert len(sort_key(text * 20)) <= LONGEST_KEY


@given(st.lists(anything, min_size=2, max_size=6))
def test_keys_sort_by_bytes_as_by_characters(texts: list[str]) -> None:
    keys = [sort_key(text.encode("utf-8", "replace").decode()) for text in texts]

    assert sorted(keys) == sorted(keys, key=lambda key: key.encode())


def test_a_prefix_of_a_key_finds_all_that_begin_with_the_version() -> None:
    prefix = sort_key("12.4")[:-1]

    assert [sort_key(text).startswith(prefix) for text in ("12.4", "12.4.0", "12.4.7", "12.40", "12.5", "1.12.4")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("12.3.5.22544099", "12.4.0.23259341", ("12.3", "12.4")),
        ("22631.3447", "22631.3593", ("22631.3447", "22631.3593")),
        ("1.2.3.4", "1.2.3.5", ("1.2.3.4", "1.2.3.5")),
        ("1.2.3.4", "1.2.4.5", ("1.2.3", "1.2.4")),
        ("1", "2", ("1", "2")),
        ("", "2.0.1", ("", "2.0")),
    ],
)
def test_shows_as_few_parts_as_tell_two_apart(before: str, after: str, shown: tuple[str, str]) -> None:
    assert shortened(before, after) == shown


def test_counts_what_two_have_in_common() -> None:
    assert [common_parts(*pair) for pair in (("8.0.1", "8.0.3"), ("6.0", "8.0"), ("8.0", "8.0"))] == [2, 0, 2]
