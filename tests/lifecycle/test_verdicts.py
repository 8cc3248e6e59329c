"""Does this target run what it should?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lifecycle.facts import ChainFacts
from lifecycle.states import TargetType
from lifecycle.verdicts import TargetFacts, Verdict, VerdictCode, verdict
from tests.lifecycle.chains import (
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

OFFICE, CAD = 1, 2
SINCE = datetime(2026, 11, 20, 9, tzinfo=UTC)
LIVE = chain(version(0), version(1), version(2), in_test(3), maintenance(4))


def judged(
    booted: int | None = 2,
    of: ChainFacts = LIVE,
    *,
    kind: TargetType = TargetType.PRODUCTION,
    vdisk: int | None = OFFICE,
    assigned: tuple[int, ...] = (OFFICE,),
    **values: object,
) -> Verdict:
    facts: dict[str, object] = {"active": True, "booted_vdisk_name": "W11" if vdisk == OFFICE else "CAD"}
    target = TargetFacts(
        type=kind,
        booted_vdisk=vdisk,
        booted_version=booted,
        assigned=assigned,
        **(facts | values),  # type: ignore[arg-type]
    )
    return verdict(target, {OFFICE: of, CAD: chain(version(0), name="CAD")}, {OFFICE: SINCE})


@pytest.mark.parametrize(
    ("kind", "booted"),
    [
        (TargetType.PRODUCTION, 2),
        (TargetType.PERSONAL, 2),
        (TargetType.TEST, 3),
        (TargetType.PERSONAL_TEST, 3),
        (TargetType.MAINTENANCE, 4),
    ],
)
def test_it_is_right_when_it_runs_what_its_type_boots(kind: TargetType, booted: int) -> None:
    found = judged(booted, kind=kind)

    assert (found.code, found.expected, found.since) == (VerdictCode.RIGHT, booted, None)
    assert found.words == f"Right: runs version {booted}."


def test_it_is_old_since_the_promotion() -> None:
    found = judged(1)

    assert (found.code, found.expected, found.since) == (VerdictCode.OLD, 2, SINCE)
    assert "old version 1; version 2 is right since the promotion" in found.words


@pytest.mark.parametrize(("kind", "booted", "expected"), [(TargetType.TEST, 2, 3), (TargetType.MAINTENANCE, 3, 4)])
def test_a_test_or_maintenance_target_is_old_without_a_date(kind: TargetType, booted: int, expected: int) -> None:
    found = judged(booted, kind=kind)

    assert (found.code, found.expected, found.since) == (VerdictCode.OLD, expected, None)
    assert f"version {expected}" in found.words


def test_a_change_that_the_portal_did_not_see_has_no_date() -> None:
    target = TargetFacts(type=0, active=True, booted_vdisk=OFFICE, booted_version=1, assigned=(OFFICE,))

    assert verdict(target, {OFFICE: LIVE}, {}).since is None


def test_an_override_makes_the_newest_the_wrong_one() -> None:
    found = judged(2, chain(version(0), override(1), version(2)))

    assert (found.code, found.expected, found.since) == (VerdictCode.NEWER, 1, SINCE)
    assert "the override to version 1" in found.words


def test_it_is_right_on_the_override() -> None:
    assert judged(1, chain(version(0), override(1), version(2))).code == VerdictCode.RIGHT


def test_a_roll_back_makes_the_former_one_newer() -> None:
    found = judged(2, chain(version(0), version(1), in_test(2)))

    assert (found.code, found.expected) == (VerdictCode.NEWER, 1)
    assert "the roll-back to version 1" in found.words


def test_a_version_that_waits_for_its_date_is_not_expected_yet() -> None:
    assert judged(1, chain(version(0), version(1), pending(2))).code == VerdictCode.RIGHT


def test_a_version_under_construction_is_not_expected_yet() -> None:
    assert judged(1, chain(version(0), version(1), merging(2))).code == VerdictCode.RIGHT


def test_an_obsolete_version_is_old() -> None:
    assert judged(1, chain(obsolete(0), obsolete(1), merged_base(2))).code == VerdictCode.OLD


def test_a_version_that_no_longer_exists_is_old() -> None:
    assert judged(0, chain(merged_base(2))).code == VerdictCode.OLD


@pytest.mark.parametrize("booted", [1, None])
def test_it_is_another_one_when_there_is_nothing_for_its_type(booted: int | None) -> None:
    found = judged(booted, chain(maintenance(1)))

    assert (found.code, found.expected) == (VerdictCode.OTHER, None)


def test_it_runs_the_wrong_vdisk() -> None:
    found = judged(0, vdisk=CAD)

    assert (found.code, found.expected) == (VerdictCode.WRONG_VDISK, None)
    assert found.words == "Wrong vDisk: runs CAD, assigned is W11. Restart it to fix this."


def test_it_runs_a_vdisk_that_the_portal_does_not_know() -> None:
    found = judged(0, vdisk=None, booted_vdisk_name="")

    assert found.code == VerdictCode.WRONG_VDISK
    assert "an unknown vDisk" in found.words


def test_it_runs_a_vdisk_that_is_assigned_and_gone() -> None:
    found = judged(0, vdisk=9, assigned=(9,), booted_vdisk_name="")

    assert found.code == VerdictCode.WRONG_VDISK
    assert "assigned is another one" in found.words


def test_it_is_judged_by_the_one_it_booted_of_several_assigned() -> None:
    assert judged(0, vdisk=CAD, assigned=(OFFICE, CAD)).code == VerdictCode.RIGHT


def test_it_is_off_and_would_boot() -> None:
    found = judged(None, vdisk=None, active=False)

    assert (found.code, found.expected) == (VerdictCode.OFF, 2)
    assert found.words == "Not booted. Would boot W11 version 2."


def test_it_is_off_and_nothing_is_there_to_boot() -> None:
    found = judged(None, chain(maintenance(1)), vdisk=None, active=False)

    assert (found.code, found.expected, found.words) == (VerdictCode.OFF, None, "Not booted.")


def test_it_is_off_and_disabled() -> None:
    assert judged(None, vdisk=None, active=False, enabled=False).code == VerdictCode.DISABLED


def test_it_was_disabled_while_it_runs() -> None:
    assert judged(2, enabled=False).code == VerdictCode.RIGHT


@pytest.mark.parametrize(("active", "word"), [(True, "no vDisk is assigned any more"), (False, "Not booted")])
def test_nothing_is_assigned(active: bool, word: str) -> None:
    found = judged(2, assigned=(), active=active)

    assert found.code == VerdictCode.UNASSIGNED
    assert word in found.words


def test_what_is_off_counts_as_off_even_with_an_old_record_of_a_boot() -> None:
    assert judged(0, active=False).code == VerdictCode.OFF
