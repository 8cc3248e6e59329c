"""What is installed after what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lifecycle.package_kinds import Phase
from lifecycle.packages import ordering
from lifecycle.packages.ordering import Node


def nodes(*rows: tuple[str, Phase, str]) -> dict[str, Node]:
    return {key: Node(key, phase, frozenset(needs.split())) for key, phase, needs in rows}


def test_goes_by_phase_and_pvs_comes_last() -> None:
    found = nodes(*((f"{phase}-one", phase, "") for phase in reversed(Phase)))

    assert ordering.order(found, found).keys == (
        "driver-one",
        "runtime-one",
        "agent-one",
        "app-one",
        "vda-one",
        "patch-one",
        "pvs-one",
    )


def test_takes_along_what_is_needed_and_puts_it_first() -> None:
    found = nodes(("a", Phase.APP, "z"), ("b", Phase.APP, ""), ("z", Phase.APP, "rt"), ("rt", Phase.RUNTIME, ""))

    assert ordering.order(["a"], found).keys == ("rt", "z", "a")


def test_a_need_outweighs_the_phase() -> None:
    found = nodes(("early", Phase.DRIVER, "late"), ("late", Phase.VDA, ""), ("app", Phase.APP, ""))

    assert ordering.order(found, found).keys == ("app", "late", "early")
    assert ordering.too_early(found["early"], found) == ["late"]
    assert ordering.too_early(found["late"], found) == []


def test_names_what_the_catalogue_does_not_have() -> None:
    found = nodes(("a", Phase.APP, "gone"))

    assert ordering.order(["a", "never"], found).missing == (("", "never"), ("a", "gone"))


def test_names_those_that_cannot_stand_beside_each_other() -> None:
    found = nodes(("a", Phase.APP, "b"), ("b", Phase.APP, "")) | {
        "c": Node("c", Phase.APP, conflicts=frozenset({"b"})),
    }

    assert ordering.order(["a", "c"], found).clashes == (("b", "c"),)
    assert ordering.order(["a"], found).clashes == ()


@pytest.mark.parametrize(
    ("needs", "cycles"),
    [
        ({"a": "b", "b": "a"}, [("a", "b")]),
        ({"a": "b", "b": "c", "c": "b", "d": "a"}, [("b", "c")]),
        ({"a": "b", "b": "a", "x": "y", "y": "z", "z": "x"}, [("a", "b"), ("x", "y", "z")]),
        ({"a": "b c", "b": "d", "c": "d", "d": ""}, []),
    ],
)
def test_finds_circles(needs: dict[str, str], cycles: list[tuple[str, ...]]) -> None:
    found = nodes(*((key, Phase.APP, text) for key, text in needs.items()))

    order = ordering.order(found, found)

    assert list(order.cycles) == cycles
    assert not {key for cycle in cycles for key in cycle} & set(order.keys)


def test_says_a_circle_in_words() -> None:
    assert ordering.in_words(("a", "b", "c")) == "a needs b, b needs c, c needs a"


def test_a_chain_of_thousands_is_no_hindrance() -> None:
    found = nodes(*((f"p{n:05}", Phase.APP, f"p{n + 1:05}") for n in range(5000)), ("p05000", Phase.APP, ""))

    order = ordering.order(["p00000"], found)

    assert (len(order.keys), order.keys[0], order.cycles) == (5001, "p05000", ())


@given(
    some.dictionaries(
        some.sampled_from("abcdefgh"),
        some.tuples(some.sampled_from(list(Phase)), some.sets(some.sampled_from("abcdefgh"), max_size=3)),
    )
)
def test_whatever_the_catalogue_nothing_comes_before_what_it_needs(rows: dict[str, tuple[Phase, set[str]]]) -> None:
    found = {key: Node(key, phase, frozenset(needs - {key})) for key, (phase, needs) in rows.items()}

    order = ordering.order(found, found)

    for at, key in enumerate(order.keys):
        assert found[key].needs & found.keys() <= set(order.keys[:at])
    held_up = set(found) - set(order.keys)
    assert bool(held_up) == bool(order.cycles)
    assert all(found[key].needs & held_up for key in held_up)
