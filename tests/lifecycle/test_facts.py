from __future__ import annotations

import pytest

from lifecycle.facts import ChainFacts
from lifecycle.states import Access
from tests.lifecycle.chains import (
    chain,
    copy,
    in_test,
    maintenance,
    merged,
    merged_base,
    merging,
    obsolete,
    override,
    pending,
    version,
)


def numbers(of: ChainFacts, number: int) -> list[int]:
    return [link.number for link in of.links_of(number)]


def test_versions_are_ordered_whatever_order_they_came_in() -> None:
    mixed = chain(version(3), version(0), in_test(4), version(1))

    assert [found.number for found in mixed.versions] == [0, 1, 3, 4]
    assert mixed.highest
    assert mixed.highest.number == 4
    assert mixed == chain(version(0), version(1), version(3), in_test(4))


def test_an_empty_chain_answers_nothing() -> None:
    empty = chain()

    assert empty.highest is None
    assert empty.maintenance is empty.merging is empty.override is empty.newest_released is None
    assert empty.tests == ()
    assert empty.links_of(3) == ()
    assert empty.get(0) is None


def test_each_role_of_a_chain_is_found() -> None:
    full = chain(version(0), override(1), version(2), in_test(3), in_test(4), maintenance(5), merging(6))

    assert full.override == full.get(1)
    assert full.newest_released == full.get(2)
    assert [found.number for found in full.tests] == [3, 4]
    assert full.maintenance == full.get(5)
    assert full.merging == full.get(6)


@pytest.mark.parametrize("access", [Access.MAINTENANCE, Access.MAINTENANCE_HIGHEST])
def test_both_kinds_of_maintenance_count(access: Access) -> None:
    assert chain(version(0), version(1, access)).maintenance


def test_what_waits_or_is_obsolete_is_not_released() -> None:
    assert chain(version(0), version(1), pending(2), obsolete(3)).newest_released == version(1)


def test_links_go_down_to_the_base() -> None:
    assert numbers(chain(version(0), version(1), version(2), in_test(3)), 2) == [0, 1, 2]


def test_links_stop_at_the_newest_base_below() -> None:
    twice = chain(obsolete(0), obsolete(1), merged_base(2), version(3), merged_base(4), version(5))

    assert numbers(twice, 5) == [4, 5]
    assert numbers(twice, 4) == [4]
    assert numbers(twice, 3) == [2, 3]
    assert numbers(twice, 1) == [0, 1]


def test_links_skip_what_a_merge_has_joined() -> None:
    consolidated = chain(version(0), obsolete(1), obsolete(2), merged(3), version(4))

    assert numbers(consolidated, 4) == [0, 3, 4]
    assert numbers(consolidated, 3) == [0, 3]
    assert numbers(consolidated, 2) == [0, 1, 2]


def test_links_of_a_second_merge_skip_the_first() -> None:
    assert numbers(chain(version(0), obsolete(1), obsolete(2, type=3), obsolete(3), merged(4)), 4) == [0, 4]


def test_links_without_a_base_are_all_that_is_there() -> None:
    assert numbers(chain(version(2), version(3)), 3) == [2, 3]


def test_copies_are_found_by_version() -> None:
    found = chain(version(0), version(1), replicas=(copy(0), copy(1), copy(1, "PVS02")))

    assert [replica.server for replica in found.replicas_of(1)] == ["PVS01", "PVS02"]
