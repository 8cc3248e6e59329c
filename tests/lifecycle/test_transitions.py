"""Every action in every situation, every condition with its code and words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lifecycle.booting import situation
from lifecycle.facts import ChainFacts
from lifecycle.states import Access, Action, Situation
from lifecycle.transitions import TRANSITIONS, judge, possibilities, vdisk_possibilities
from tests.lifecycle.chains import (
    STAGES,
    chain,
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

# Written down a second time, by hand, so that a slip in the table does not go unseen.
ALLOWED: dict[Situation, set[Action]] = {
    Situation.MAINTENANCE: {Action.BOOT_MAINTENANCE, Action.PROMOTE_TEST, Action.DELETE_VERSION},
    Situation.TEST: {
        Action.BOOT_TEST,
        Action.PROMOTE_PRODUCTION,
        Action.REVERT_MAINTENANCE,
        Action.DELETE_VERSION,
        Action.NEW_VERSION,
        Action.MERGE,
        Action.MERGE_BASE,
    },
    Situation.PENDING: {Action.REVERT_TEST, Action.REVERT_MAINTENANCE, Action.RESCHEDULE, Action.DELETE_VERSION},
    Situation.PRODUCTION: {
        Action.REVERT_TEST,
        Action.REVERT_MAINTENANCE,
        Action.SET_OVERRIDE,
        Action.DELETE_VERSION,
        Action.NEW_VERSION,
        Action.MERGE,
        Action.MERGE_BASE,
    },
    Situation.SUPERSEDED: {Action.SET_OVERRIDE, Action.NEW_VERSION, Action.MERGE, Action.MERGE_BASE},
    Situation.OVERRIDE: {Action.CLEAR_OVERRIDE, Action.NEW_VERSION, Action.MERGE, Action.MERGE_BASE},
    Situation.MERGING: set(),
    Situation.OBSOLETE: {Action.DELETE_VERSION, Action.NEW_VERSION},
}
STARTS_FROM: dict[Action, set[Situation]] = {
    Action.BOOT_MAINTENANCE: {Situation.MAINTENANCE},
    Action.PROMOTE_TEST: {Situation.MAINTENANCE},
    Action.BOOT_TEST: {Situation.TEST},
    Action.PROMOTE_PRODUCTION: {Situation.TEST},
    Action.REVERT_TEST: {Situation.PRODUCTION, Situation.PENDING},
    Action.REVERT_MAINTENANCE: {Situation.PRODUCTION, Situation.PENDING, Situation.TEST},
    Action.SET_OVERRIDE: {Situation.PRODUCTION, Situation.SUPERSEDED},
    Action.CLEAR_OVERRIDE: {Situation.OVERRIDE},
    Action.RESCHEDULE: {Situation.PENDING},
    Action.DELETE_VERSION: set(Situation) - {Situation.MERGING},
    Action.NEW_VERSION: set(),
    Action.MERGE: set(),
    Action.MERGE_BASE: set(),
}
EVERY_PAIR = [
    pytest.param(action, where, id=f"{action.value}, {where.value}") for action in Action for where in Situation
]


def asked(action: Action, where: Situation) -> tuple[ChainFacts, int | None]:
    staged, number = STAGES[where]
    return staged, number if TRANSITIONS[action].starts_from else None


def codes(action: Action, of: ChainFacts, number: int | None = None) -> list[int | None]:
    return [refusal.code for refusal in judge(action, of, number).refusals]


def test_the_stages_are_what_they_are_called() -> None:
    assert set(STAGES) == set(Situation)
    for where, (staged, number) in STAGES.items():
        found = staged.get(number)
        assert found is not None
        assert situation(found, staged) == where


def test_the_table_has_one_row_for_each_action_and_starts_where_it_should() -> None:
    assert {action: set(row.starts_from) for action, row in TRANSITIONS.items()} == STARTS_FROM
    assert all(row.action == action and row.does for action, row in TRANSITIONS.items())


@pytest.mark.parametrize(("action", "where"), EVERY_PAIR)
def test_an_action_is_possible_exactly_where_the_table_says(action: Action, where: Situation) -> None:
    possibility = judge(action, *asked(action, where))

    assert possibility.allowed == (action in ALLOWED[where]), possibility.why_not
    assert bool(possibility.why_not) != possibility.allowed


@pytest.mark.parametrize(("action", "where"), EVERY_PAIR)
def test_a_version_elsewhere_is_refused_in_whole_sentences_first(action: Action, where: Situation) -> None:
    row = TRANSITIONS[action]
    if not row.starts_from or where in row.starts_from:
        return  # covered by the test above
    possibility = judge(action, *asked(action, where))

    assert possibility.refusals[0] == row.elsewhere_by.get(where, row.elsewhere)
    assert "that state" not in possibility.why_not, "the sentence must name the state it speaks of"


@pytest.mark.parametrize("action", [action for action, row in TRANSITIONS.items() if row.flag])
def test_a_false_flag_of_pvs_refuses_when_the_portal_knows_no_reason(action: Action) -> None:
    row = TRANSITIONS[action]
    assert row.flag
    where = next(where for where in Situation if action in ALLOWED[where])
    staged, number = asked(action, where)
    without = replace(staged, versions=tuple(replace(found, **{row.flag: False}) for found in staged.versions))

    possibility = judge(action, without, number)

    assert not possibility.allowed
    assert possibility.refusals[0].code is None
    assert row.flag in possibility.why_not


def test_a_false_flag_is_not_named_when_the_portal_knows_better() -> None:
    chain_ = chain(version(0), in_test(1, can_promote=False), merging(2))

    assert codes(Action.PROMOTE_PRODUCTION, chain_, 1) == [160]


@pytest.mark.parametrize("action", [action for action, row in TRANSITIONS.items() if row.starts_from])
@pytest.mark.parametrize("number", [9, None])
def test_an_unknown_version_is_refused(action: Action, number: int | None) -> None:
    assert codes(action, chain(version(0), version(1)), number) == [175]


@pytest.mark.parametrize(
    ("action", "of", "number", "code", "word"),
    [
        (Action.NEW_VERSION, chain(version(0), private=True), None, 159, "private"),
        (Action.NEW_VERSION, chain(version(0), maintenance(1)), None, 160, "Version 1 is in maintenance"),
        (Action.NEW_VERSION, chain(version(0), version(1, Access.MAINTENANCE_HIGHEST)), None, 160, "maintenance"),
        (Action.NEW_VERSION, chain(version(0), merging(1)), None, 160, "merged"),
        (Action.NEW_VERSION, chain(version(0), pending(1)), None, 193, "its date"),
        (Action.BOOT_MAINTENANCE, chain(version(0), maintenance(1), maintenance_targets=0), 1, None, "No target"),
        (Action.BOOT_TEST, chain(version(0), in_test(1), test_targets=0), 1, None, "No target"),
        (Action.PROMOTE_TEST, chain(version(0), maintenance(1), merging(2)), 1, 160, "merged"),
        (Action.PROMOTE_TEST, chain(version(0), in_test(1)), 1, 163, "maintenance version"),
        (Action.PROMOTE_PRODUCTION, chain(version(0), maintenance(1)), 1, 163, "test version"),
        (Action.REVERT_TEST, chain(version(0), version(1), version(2)), 1, 161, "newer version"),
        (Action.REVERT_TEST, chain(version(0), version(1), pending(2)), 1, 161, "newer version"),
        (Action.REVERT_TEST, chain(version(0), version(1), override(2)), 1, 161, "newer version"),
        (Action.REVERT_TEST, chain(version(0)), 0, 164, "base"),
        (Action.REVERT_MAINTENANCE, chain(version(0)), 0, 164, "base"),
        (Action.REVERT_MAINTENANCE, chain(version(0), version(1), in_test(2)), 1, 161, "highest version (2)"),
        (Action.REVERT_MAINTENANCE, chain(version(0), version(1), maintenance(2)), 1, 160, "maintenance"),
        (Action.SET_OVERRIDE, chain(version(0), pending(1)), 1, 193, "its date"),
        (Action.SET_OVERRIDE, chain(version(0), override(1)), 1, 23, "already"),
        (Action.SET_OVERRIDE, chain(version(0), in_test(1)), 1, 175, "released"),
        (Action.REVERT_TEST, chain(version(0), version(1), merging(2)), 1, 160, "merged"),
        (Action.CLEAR_OVERRIDE, chain(version(0), version(1)), 1, 23, "not the override"),
        (Action.RESCHEDULE, chain(version(0), version(1)), 1, 175, "date"),
        (Action.MERGE, chain(version(0), version(1)), None, 194, "one update"),
        (Action.MERGE, chain(version(0), version(1), maintenance(2)), None, 160, "maintenance"),
        (Action.MERGE, chain(version(0), version(1), version(2), pending(3)), None, 193, "its date"),
        (Action.MERGE, chain(version(0), version(1), version(2, good_inventory=False)), None, 195, "all servers"),
        (Action.MERGE, chain(version(0), version(1), version(2), private=True), None, 159, "private"),
        (Action.MERGE_BASE, chain(version(0), version(1), private=True), None, 159, "private"),
        (Action.MERGE_BASE, chain(version(0)), None, 194, "no update"),
        (Action.MERGE_BASE, chain(version(0, good_inventory=False), version(1)), None, 195, "Version 0"),
        (Action.DELETE_VERSION, chain(version(0), version(1, device_count=3)), 1, 100, "3 targets run"),
        (Action.DELETE_VERSION, chain(version(0), version(1, device_count=1)), 1, 100, "1 target runs"),
        (Action.DELETE_VERSION, chain(version(0), version(1), version(2)), 1, 175, "highest"),
        (Action.DELETE_VERSION, chain(version(0)), 0, 164, "base"),
        (Action.DELETE_VERSION, chain(version(0), version(1), merging(2)), 2, 160, "merged"),
    ],
)
def test_a_condition_refuses_with_its_code_and_words(
    action: Action, of: ChainFacts, number: int | None, code: int | None, word: str
) -> None:
    refusals = judge(action, of, number).refusals

    assert any(refusal.code == code and word in refusal.words for refusal in refusals), refusals


def test_several_reasons_are_all_told() -> None:
    crowded = chain(version(0), maintenance(1), merging(2), private=True)

    assert codes(Action.NEW_VERSION, crowded) == [159, 160, 160]
    assert judge(Action.NEW_VERSION, crowded).why_not.count(".") >= 3


def test_one_update_on_a_merged_base_is_too_few_for_a_merge_and_enough_for_a_base() -> None:
    since_base = chain(obsolete(0), obsolete(1), merged_base(2), version(3))

    assert codes(Action.MERGE, since_base) == [194]
    assert judge(Action.MERGE_BASE, since_base).allowed


def test_what_a_base_merge_left_behind_need_not_be_on_all_servers() -> None:
    since_base = chain(obsolete(0, good_inventory=False), merged_base(1), version(2), version(3))

    assert judge(Action.MERGE, since_base).allowed


def test_updates_that_a_merge_has_joined_already_do_not_count_again() -> None:
    joined = chain(version(0), obsolete(1), obsolete(2), merged(3))

    assert codes(Action.MERGE, joined) == [194]


@pytest.mark.parametrize("flag", ["can_merge", "can_merge_base"])
def test_the_flag_of_a_merge_is_looked_for_on_the_highest_version(flag: str) -> None:
    action = Action.MERGE if flag == "can_merge" else Action.MERGE_BASE

    assert judge(action, chain(version(0), version(1, **{flag: False}), version(2))).allowed
    assert not judge(action, chain(version(0), version(1), version(2, **{flag: False}))).allowed


@pytest.mark.parametrize("number", [0, 1, 2])
def test_every_leftover_of_a_base_merge_can_be_deleted_the_old_base_too(number: int) -> None:
    leftovers = chain(obsolete(0), obsolete(1), obsolete(2), merged_base(3), version(4))

    assert judge(Action.DELETE_VERSION, leftovers, number).allowed


def test_a_leftover_that_a_target_runs_stays() -> None:
    leftovers = chain(obsolete(0, device_count=1), merged_base(1))

    assert codes(Action.DELETE_VERSION, leftovers, 0) == [100]


def test_a_leftover_below_one_that_a_target_runs_stays() -> None:
    leftovers = chain(obsolete(0), obsolete(1), obsolete(2, device_count=1), merged_base(3, device_count=9))

    possibility = judge(Action.DELETE_VERSION, leftovers, 0)

    assert [refusal.code for refusal in possibility.refusals] == [100]
    assert "1 target runs version 2" in possibility.why_not


def test_the_base_that_everything_stands_on_stays() -> None:
    assert 164 in codes(Action.DELETE_VERSION, chain(merged_base(3), version(4)), 3)


def test_possibilities_of_a_version_are_all_that_concern_one() -> None:
    staged, number = STAGES[Situation.TEST]

    found = possibilities(staged, number)

    assert [one.action for one in found] == [
        action for action in TRANSITIONS if STARTS_FROM[action] and action != Action.RESCHEDULE
    ]
    assert {one.action for one in found if one.allowed} == {
        action for action in ALLOWED[Situation.TEST] if STARTS_FROM[action]
    }
    assert all(one.version == number and one.does == TRANSITIONS[one.action].does for one in found)


def test_another_date_is_not_offered_because_the_date_was_approved() -> None:
    staged, number = STAGES[Situation.PENDING]

    assert judge(Action.RESCHEDULE, staged, number).allowed
    assert Action.RESCHEDULE not in {one.action for one in possibilities(staged, number)}


def test_possibilities_of_the_vdisk_are_the_others() -> None:
    staged, _ = STAGES[Situation.MAINTENANCE]

    found = vdisk_possibilities(staged)

    assert {one.action for one in found} == {Action.NEW_VERSION, Action.MERGE, Action.MERGE_BASE}
    assert all(one.version is None and not one.allowed for one in found)


def test_possibilities_of_a_version_that_is_gone_refuse_all() -> None:
    assert all(not one.allowed for one in possibilities(chain(version(0)), 5))
