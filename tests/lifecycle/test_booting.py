from __future__ import annotations

import pytest

from lifecycle.booting import lane, next_for, next_for_maintenance, next_for_production, next_for_test, situation
from lifecycle.facts import ChainFacts, VersionFacts
from lifecycle.states import Access, Lane, Situation, TargetType
from tests.lifecycle.chains import (
    STAGES,
    chain,
    in_test,
    maintenance,
    merged_base,
    merging,
    obsolete,
    override,
    pending,
    version,
)


def number(found: VersionFacts | None) -> int | None:
    return found.number if found else None


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (chain(version(0), version(1), version(2)), 2),
        (chain(version(0), version(1), in_test(2), maintenance(3)), 1),
        (chain(version(0), override(1), version(2)), 1),
        (chain(version(0), version(1), pending(2)), 1),
        (chain(version(0), version(1), merging(2, Access.MERGE)), 1),
        (chain(obsolete(0), obsolete(1), merged_base(2)), 2),
        (chain(in_test(1)), None),
        (chain(), None),
    ],
)
def test_production_targets_boot_the_override_or_the_newest_released(of: ChainFacts, expected: int | None) -> None:
    assert number(next_for_production(of)) == expected


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (chain(version(0), in_test(1), in_test(2)), 2),
        (chain(version(0), version(1)), 1),
        (chain(version(0), override(1), version(2)), 1),
        (chain(version(0), override(1), in_test(2)), 2),
        (chain(maintenance(1)), None),
    ],
)
def test_test_targets_boot_the_newest_test_version_or_what_production_boots(
    of: ChainFacts, expected: int | None
) -> None:
    assert number(next_for_test(of)) == expected


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (chain(version(0), in_test(1), maintenance(2)), 2),
        (chain(version(0), in_test(1)), 1),
        (chain(version(0)), 0),
        (chain(), None),
    ],
)
def test_maintenance_targets_boot_the_maintenance_version_first(of: ChainFacts, expected: int | None) -> None:
    assert number(next_for_maintenance(of)) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (TargetType.PRODUCTION, 0),
        (TargetType.PERSONAL, 0),
        (TargetType.TEST, 1),
        (TargetType.PERSONAL_TEST, 1),
        (TargetType.MAINTENANCE, 2),
    ],
)
def test_each_type_of_target_has_its_own_rule(kind: TargetType, expected: int) -> None:
    assert number(next_for(chain(version(0), in_test(1), maintenance(2)), kind)) == expected


def test_every_type_of_target_is_known() -> None:
    of = chain(version(0), in_test(1), maintenance(2))

    assert all(next_for(of, kind) for kind in TargetType)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (merging(2), Situation.MERGING),
        (merging(2, delete_when_free=True), Situation.MERGING),
        (in_test(2, delete_when_free=True), Situation.OBSOLETE),
        (obsolete(2, is_pending=True), Situation.OBSOLETE),
        (version(2, Access.MAINTENANCE_HIGHEST), Situation.MAINTENANCE),
        (override(2), Situation.OVERRIDE),
        (pending(2), Situation.PENDING),
        (version(2), Situation.PRODUCTION),
    ],
)
def test_one_state_hides_another(found: VersionFacts, expected: Situation) -> None:
    assert situation(found, chain(version(0), version(1), found)) == expected


def test_a_version_below_the_override_is_superseded() -> None:
    of = chain(version(0), version(1), override(2))

    assert situation(version(1), of) == Situation.SUPERSEDED


def test_a_version_below_one_that_waits_is_still_the_newest() -> None:
    assert situation(version(1), chain(version(0), version(1), pending(2))) == Situation.PRODUCTION


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (maintenance(1), Lane.MAINTENANCE),
        (version(1, Access.MAINTENANCE_HIGHEST), Lane.MAINTENANCE),
        (merging(1, Access.MERGE_MAINTENANCE), Lane.MAINTENANCE),
        (in_test(1), Lane.TEST),
        (merging(1, Access.MERGE_TEST), Lane.TEST),
        (version(1), Lane.PRODUCTION),
        (override(1), Lane.PRODUCTION),
        (pending(1), Lane.PRODUCTION),
        (merging(1, Access.MERGE), Lane.PRODUCTION),
    ],
)
def test_a_version_stands_in_the_lane_where_it_is_or_will_be(found: VersionFacts, expected: Lane) -> None:
    assert lane(found) == expected


def test_every_situation_has_a_stage() -> None:
    assert set(STAGES) == set(Situation)
