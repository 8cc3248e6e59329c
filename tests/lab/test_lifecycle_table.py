"""The lab's table of a version's life: every action in every state, with the code or the effect."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from lab.pvs.codes import FarmError
from lab.pvs.lifecycle import TABLE, Action, flags, perform
from lab.pvs.model import Access, Power, Stream, VDisk, Version, VersionType
from lab.pvs.situation import Situation
from tests.lab.conftest import NOON, Stage

A = Action
LATER = NOON + timedelta(hours=4)


def do(stage: Stage, action: Action, version: int | None = None, **asked: object) -> Version | None:
    disk = stage.datacentre.farm.vdisks[0]
    case = Situation(stage.datacentre, disk, stage.clock.now(), asked_version=version, server="PVS01", **asked)  # type: ignore[arg-type]
    with stage.datacentre.locked():
        return perform(action, case)


def disk_of(stage: Stage) -> VDisk:
    return stage.datacentre.farm.vdisks[0]


def version_of(stage: Stage, number: int) -> Version:
    found = disk_of(stage).version(number)
    assert found is not None
    return found


# The states start from base 0 and production 1 of a small vDisk; version 2 is the one that travels.


def production(stage: Stage) -> None:
    pass


def maintenance(stage: Stage) -> None:
    do(stage, A.NEW_MAINTENANCE)


def test_state(stage: Stage) -> None:
    maintenance(stage)
    do(stage, A.PROMOTE_TO_TEST)


def two_in_production(stage: Stage) -> None:
    test_state(stage)
    do(stage, A.PROMOTE_TEST_VERSION, 2)
    stage.pass_time(10)


def pending(stage: Stage) -> None:
    test_state(stage)
    do(stage, A.PROMOTE_TEST_VERSION, 2, date=LATER)
    stage.pass_time(10)


def override_below(stage: Stage) -> None:
    two_in_production(stage)
    do(stage, A.SET_OVERRIDE, 1)


def override_on_top(stage: Stage) -> None:
    two_in_production(stage)
    do(stage, A.SET_OVERRIDE, 2)


def merging(stage: Stage) -> None:
    two_in_production(stage)
    do(stage, A.MERGE)


def private(stage: Stage) -> None:
    disk_of(stage).write_cache_type = 0


test_state.__test__ = False  # type: ignore[attr-defined]  # an arrangement, in spite of its name

ACTIONS: dict[str, tuple[Action, dict[str, object]]] = {
    "new maintenance": (A.NEW_MAINTENANCE, {}),
    "promote to test": (A.PROMOTE_TO_TEST, {}),
    "promote to production": (A.PROMOTE_TO_PRODUCTION, {}),
    "promote to production, past date": (A.PROMOTE_TO_PRODUCTION, {"date": NOON}),
    "promote test version 2": (A.PROMOTE_TEST_VERSION, {"version": 2}),
    "promote test version 9": (A.PROMOTE_TEST_VERSION, {"version": 9}),
    "revert": (A.REVERT_TO_MAINTENANCE, {}),
    "revert to test": (A.REVERT_TO_TEST, {}),
    "revert version 1 to test": (A.REVERT_VERSION_TO_TEST, {"version": 1}),
    "revert version 0 to test": (A.REVERT_VERSION_TO_TEST, {"version": 0}),
    "override 1": (A.SET_OVERRIDE, {"version": 1}),
    "override 2": (A.SET_OVERRIDE, {"version": 2}),
    "clear override": (A.CLEAR_OVERRIDE, {}),
    "remove highest": (A.REMOVE, {}),
    "remove 0": (A.REMOVE, {"version": 0}),
    "merge": (A.MERGE, {}),
    "merge to base": (A.MERGE_TO_BASE, {}),
    "set date of highest": (A.SET_DATE, {"date": LATER, "of_highest": True}),
    "set past date of highest": (A.SET_DATE, {"date": NOON, "of_highest": True}),
}

# Refusal code by state, in the order of ACTIONS; 0 means that it is done. Targets run version 1 in every state.
EXPECTED: dict[Callable[[Stage], None], str] = {
    production:        "  0 163 163 163 175 175   0   0   0 161   0 175  23 100 100 194   0 175 175",
    maintenance:       "160   0   0 178 163 175 160 161   0 161   0 175  23   0 100 160 160 175 175",
    test_state:        "  0 163 163 163   0 175   0 161   0 161   0 175  23   0 100 195 195 175 175",
    two_in_production: "  0 163 163 163 163 175   0   0 161 161   0   0  23   0 100   0   0 175 175",
    pending:           "193 163 163 163 163 175   0   0 161 161   0 193  23   0 100 193 193   0 178",
    override_below:    "  0 163 163 163 163 175   0   0 161 161  23   0   0   0 100   0   0 175 175",
    override_on_top:   "  0 163 163 163 163 175 161 161 161 161   0  23   0   0 100   0   0 175 175",
    merging:           "160 160 160 160 160 175 160 160 160 160   0   0  23 160 100 160 160 175 175",
    private:           "159 159 159 159 159 159 159 159 159 159 159 159 159 159 159 159 159 175 175",
}  # fmt: skip

CASES = [
    pytest.param(arrange, name, int(code), id=f"{name}, {arrange.__name__}: {code}")
    for arrange, codes in EXPECTED.items()
    for name, code in zip(ACTIONS, codes.split(), strict=True)
]


@pytest.mark.parametrize(("arrange", "name", "code"), CASES)
def test_each_action_in_each_state(stage: Stage, arrange: Callable[[Stage], None], name: str, code: int) -> None:
    arrange(stage)
    action, asked = ACTIONS[name]
    asked = dict(asked)
    if asked.pop("of_highest", False):
        asked["version"] = disk_of(stage).highest.number
    before = [(version.number, version.access) for version in disk_of(stage).versions]

    try:
        do(stage, action, **asked)  # type: ignore[arg-type]
        found = 0
    except FarmError as refused:
        found = refused.code
        assert [(version.number, version.access) for version in disk_of(stage).versions] == before

    assert found == code


def test_every_action_of_the_table_is_tried() -> None:
    assert {action for action, _ in ACTIONS.values()} | {A.DESCRIBE} == set(TABLE)


def test_no_server_up_refuses_a_new_version(stage: Stage) -> None:
    for server in stage.datacentre.farm.servers:
        server.up = False

    with pytest.raises(FarmError) as refused:
        do(stage, A.NEW_MAINTENANCE)

    assert refused.value.code == 162


def test_several_test_versions_may_exist(stage: Stage) -> None:
    for _ in range(2):
        do(stage, A.NEW_MAINTENANCE)
        do(stage, A.PROMOTE_TO_TEST)

    do(stage, A.PROMOTE_TEST_VERSION, 2)

    assert [version.access for version in disk_of(stage).versions] == [0, 0, 0, Access.TEST]


def test_a_reopened_version_is_the_highest_maintenance_version(stage: Stage) -> None:
    do(stage, A.REVERT_TO_MAINTENANCE)

    assert version_of(stage, 1).access is Access.MAINTENANCE_HIGHEST


def test_a_new_version_has_its_files_on_one_server(stage: Stage) -> None:
    made = do(stage, A.NEW_MAINTENANCE)

    assert made is not None
    folders = stage.datacentre.folders
    assert folders.time_of("PVS01", made.file_name)
    assert folders.time_of("PVS01", "W11-CAD.2.pvp")
    assert folders.time_of("PVS02", made.file_name) is None


def test_the_base_cannot_be_taken_back_or_removed(stage: Stage) -> None:
    for device in stage.datacentre.farm.devices:
        device.power, device.stream = Power.OFF, None
    do(stage, A.REMOVE)

    for action in (A.REVERT_TO_MAINTENANCE, A.REVERT_TO_TEST, A.REMOVE):
        with pytest.raises(FarmError) as refused:
            do(stage, action)
        assert refused.value.code == 164


def test_a_scheduled_version_is_released_by_the_clock(stage: Stage) -> None:
    pending(stage)
    assert version_of(stage, 2).is_pending(stage.clock.now())

    stage.clock.moment = LATER

    assert version_of(stage, 2).is_released(stage.clock.now())


def test_a_date_can_be_taken_back(stage: Stage) -> None:
    pending(stage)

    do(stage, A.SET_DATE, 2, date=None)

    assert version_of(stage, 2).is_released(stage.clock.now())


def test_a_version_below_a_booted_one_cannot_be_removed(stage: Stage) -> None:
    two_in_production(stage)
    version_of(stage, 1).delete_when_free = True
    for device in stage.datacentre.farm.devices:
        device.stream = Stream(disk_of(stage).id, 2, "PVS01")

    with pytest.raises(FarmError) as refused:
        do(stage, A.REMOVE, 1)

    assert refused.value.code == 100


def test_a_merge_ends_in_production_and_makes_the_old_versions_obsolete(stage: Stage) -> None:
    two_in_production(stage)
    stage.datacentre.farm.merge_mode = stage.datacentre.farm.merge_mode.PRODUCTION
    merged = do(stage, A.MERGE)
    assert merged is not None
    assert (merged.access, merged.type) == (Access.MERGE, VersionType.MERGE)
    assert merged.task_id

    stage.pass_time(9)

    assert merged.access is Access.PRODUCTION
    assert merged.task_id is None
    assert [version.delete_when_free for version in disk_of(stage).versions] == [False, True, True, False]


def test_while_the_merged_version_is_in_maintenance_the_old_ones_are_still_needed(stage: Stage) -> None:
    two_in_production(stage)
    do(stage, A.MERGE_TO_BASE)

    stage.pass_time(9)

    assert version_of(stage, 3).access is Access.MAINTENANCE
    assert not any(version.delete_when_free for version in disk_of(stage).versions)


def test_an_automatic_merge_follows_a_promotion_past_the_limit(stage: Stage) -> None:
    stage.datacentre.farm.automatic_merge = True
    stage.datacentre.farm.max_versions = 2

    two_in_production(stage)

    assert version_of(stage, 3).type is VersionType.MERGE


FLAG_ACTIONS: dict[str, Callable[[int], tuple[Action, dict[str, object]]]] = {
    "CanDelete": lambda n: (A.REMOVE, {"version": n}),
    "CanOverride": lambda n: (A.SET_OVERRIDE, {"version": n}),
    "CanSetScheduledDate": lambda n: (A.SET_DATE, {"version": n, "date": LATER + timedelta(days=1)}),
}


@pytest.mark.parametrize("arrange", [one for one in EXPECTED if one is not private], ids=lambda one: one.__name__)
@pytest.mark.parametrize("flag", FLAG_ACTIONS)
def test_a_flag_says_what_the_server_does(stage: Stage, arrange: Callable[[Stage], None], flag: str) -> None:
    arrange(stage)
    highest = disk_of(stage).highest
    says = flags(stage.datacentre, disk_of(stage), highest)[flag]

    action, asked = FLAG_ACTIONS[flag](highest.number)
    try:
        do(stage, action, **asked)  # type: ignore[arg-type]
        was_done = True
    except FarmError:
        was_done = False

    assert says == was_done


def test_only_the_highest_version_offers_a_merge(stage: Stage) -> None:
    two_in_production(stage)

    offers = [flags(stage.datacentre, disk_of(stage), version)["CanMerge"] for version in disk_of(stage).versions]

    assert offers == [False, False, True]
