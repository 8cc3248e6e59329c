"""Which way is advised for which change, as a table; and what can never be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.estimates import Expected
from lifecycle.portfolio.advice import Verdict, advise
from lifecycle.portfolio.situation import Hypervisor, Method, Situation, Wanted

PLACE, REBUILD, REVERSE = Method.IN_PLACE, Method.REBUILD, Method.REVERSE
READY: dict[str, Any] = {"readiness": 100, "open_programs": 0}
NOT_READY: dict[str, Any] = {"readiness": 40, "open_programs": 7}
V, H, X = Hypervisor.VSPHERE, Hypervisor.HYPERV, Hypervisor.XENSERVER


@pytest.mark.parametrize(
    ("wanted", "facts", "advised"),
    [
        (Wanted.PATCH, NOT_READY, PLACE),
        (Wanted.PATCH, {**NOT_READY, "hypervisor": V}, PLACE),
        (Wanted.APPLICATION, NOT_READY, PLACE),
        (Wanted.VDA, NOT_READY, PLACE),
        (Wanted.PATCH, {**NOT_READY, "has_booted": False}, REVERSE),
        (Wanted.PATCH, {**READY, "has_booted": False}, REBUILD),
        (Wanted.TOOLS, {**NOT_READY, "hypervisor": V}, REVERSE),
        (Wanted.TOOLS, {**NOT_READY, "hypervisor": X}, REVERSE),
        (Wanted.TOOLS, {**NOT_READY, "hypervisor": H}, PLACE),
        (Wanted.TOOLS, {**READY, "hypervisor": V}, REBUILD),
        (Wanted.TARGET_SOFTWARE, {**NOT_READY, "target_version": (7, 24)}, PLACE),
        (Wanted.TARGET_SOFTWARE, {**NOT_READY, "target_version": (7, 6, 0)}, REVERSE),
        (Wanted.TARGET_SOFTWARE, {**READY, "target_version": (7, 6, 0)}, REBUILD),
        (Wanted.HARDWARE, NOT_READY, REVERSE),
        (Wanted.HARDWARE, READY, REBUILD),
        (Wanted.FIRMWARE, {**READY, "firmware": "BIOS"}, REBUILD),
        (Wanted.FIRMWARE, {**READY, "firmware": "UEFI"}, None),
        (Wanted.WINDOWS, READY, REBUILD),
        (Wanted.WINDOWS, NOT_READY, None),
        (Wanted.HYPERVISOR, READY, REBUILD),
        (Wanted.HYPERVISOR, NOT_READY, REVERSE),
        (Wanted.CLEAN_UP, READY, REBUILD),
        (Wanted.CLEAN_UP, NOT_READY, REVERSE),
        (Wanted.TOOLS, {"has_contents": False, "hypervisor": V}, REVERSE),
        (Wanted.TOOLS, {**READY, "hypervisor": V, "age_days": 2000, "reverse_failures": 3}, REBUILD),
        (Wanted.PATCH, {**NOT_READY, "maintenance_taken": True}, REVERSE),
    ],
)
def test_the_table(wanted: Wanted, facts: dict[str, Any], advised: Method | None) -> None:
    found = advise(wanted, Situation(**facts))

    assert (found.advised.method if found.advised else None) == advised, found
    if advised is None:
        assert all(option.why_not for option in found.options)


def test_what_is_excluded_says_why_and_stands_last() -> None:
    found = advise(Wanted.TOOLS, Situation(**NOT_READY, hypervisor=V))

    assert [option.method for option in found.options][-2:] == [PLACE, REBUILD]
    assert "7 programs of the image would not come back" in found.options[-1].why_not
    assert "network card" in found.options[-2].why_not


def test_each_factor_says_its_value_and_its_weight() -> None:
    found = advise(
        Wanted.TOOLS, Situation(**READY, hypervisor=V, age_days=1500, reverse_failures=2, reverse_successes=1)
    )

    told = {factor.name: (factor.measured, factor.weight.words) for factor in found.factors}
    assert told["Readiness"] == ("100 % explained by packages", "strongly")
    assert told["Age of the image"] == ("4 years", "clearly")
    assert told["Reverse imaging here"] == ("1 of 3 succeeded", "clearly")


def test_what_is_to_be_done_for_a_rebuild() -> None:
    found = advise(Wanted.TOOLS, Situation(readiness=60, open_programs=1, unexplained_folders=2, hypervisor=V))

    assert len(found.for_rebuild) == 3
    assert "Package 1 program" in found.for_rebuild[0]


def test_what_is_not_known_is_said() -> None:
    found = advise(Wanted.TOOLS, Situation(has_contents=False))

    assert any("hypervisor" in words for words in found.unknown)
    assert any("no job" in words for words in found.unknown)
    assert found.for_rebuild == ("Have the contents of the image read.",)


def test_the_expected_duration_goes_with_the_way() -> None:
    took = Expected(1500.0, 2100.0, 12)

    found = advise(Wanted.PATCH, Situation(**READY, durations={REBUILD: took}))

    assert {option.method: option.expected for option in found.options}[REBUILD] == took


@given(
    wanted=st.sampled_from(Wanted),
    hypervisor=st.sampled_from(Hypervisor),
    readiness=st.none() | st.integers(0, 100),
    open_programs=st.none() | st.integers(0, 300),
    age=st.none() | st.integers(0, 9000),
    versions=st.integers(1, 30),
    booted=st.sampled_from([None, True, False]),
    days=st.none() | st.integers(0, 60),
    failures=st.integers(0, 5),
)
def test_whatever_is_known_the_advice_is_possible_and_explained(
    wanted: Wanted,
    hypervisor: Hypervisor,
    readiness: int | None,
    open_programs: int | None,
    age: int | None,
    versions: int,
    booted: bool | None,
    days: int | None,
    failures: int,
) -> None:
    situation = Situation(
        hypervisor=hypervisor,
        readiness=readiness,
        open_programs=open_programs,
        age_days=age,
        versions=versions,
        has_booted=booted,
        days_left=days,
        reverse_failures=failures,
    )

    found = advise(wanted, situation)

    assert {option.method for option in found.options} == set(Method)
    assert [option.verdict for option in found.options].count(Verdict.ADVISED) <= 1
    assert (found.advised is None) == all(option.why_not for option in found.options)
    if open_programs:
        assert found.advised is None or found.advised.method != REBUILD
    if found.advised:
        assert found.advised.score == max(option.score for option in found.options if not option.why_not)
    for option in found.options:
        assert bool(option.why_not) == (option.verdict == Verdict.EXCLUDED)
        assert all(factor.measured and factor.words for factor in option.factors)
