"""What the pages draw, without a database."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from lifecycle.facts import ChainFacts, ReplicaFacts, VersionFacts
from lifecycle.states import Access, Action, Lane, ReplicaState, VersionType
from portal.pictures import chain, outlook
from portal.pictures.chain import parent_of
from portal.pictures.lanes import boots_next
from portal.pictures.words import Level, counted, replication


def _version(number: int, access: Access = Access.PRODUCTION, **values: Any) -> VersionFacts:
    kind = VersionType.BASE if number == 0 else VersionType.MANUAL
    return VersionFacts(**{"number": number, "access": access, "type": kind} | values)


def _chain(*versions: VersionFacts, replicas: tuple[ReplicaFacts, ...] = ()) -> ChainFacts:
    return ChainFacts(name="W11", versions=versions, replicas=replicas, test_targets=2, maintenance_targets=1)


USUAL = _chain(_version(0), _version(1), _version(2), _version(3, Access.TEST))


class TestOutlook:
    @pytest.mark.parametrize(
        ("action", "number", "words"),
        [
            (
                Action.PROMOTE_PRODUCTION,
                3,
                ["24 production targets: version 3 at the next restart, instead of version 2."],
            ),
            (Action.SET_OVERRIDE, 1, ["24 production targets: version 1 at the next restart, instead of version 2."]),
            (Action.NEW_VERSION, None, ["1 maintenance target: version 4 at the next restart, instead of version 3."]),
            (Action.REVERT_MAINTENANCE, 3, ["2 test targets: version 2 at the next restart, instead of version 3."]),
            (Action.BOOT_TEST, 3, []),
            (Action.MERGE, None, []),
        ],
    )
    def test_says_which_targets_boot_another_version(
        self, action: Action, number: int | None, words: list[str]
    ) -> None:
        later = outlook.after(action, USUAL, number)

        assert [shift.words for shift in outlook.shifts(USUAL, later, production_targets=24)] == words

    def test_a_promotion_under_an_override_moves_no_production_target(self) -> None:
        chain = _chain(_version(0), _version(1, Access.OVERRIDE), _version(2), _version(3, Access.TEST))

        later = outlook.after(Action.PROMOTE_PRODUCTION, chain, 3)

        assert [shift.kind for shift in outlook.shifts(chain, later, production_targets=24)] == ["test", "maintenance"]

    def test_a_second_override_takes_the_place_of_the_first(self) -> None:
        chain = _chain(_version(0), _version(1, Access.OVERRIDE), _version(2))

        later = outlook.after(Action.SET_OVERRIDE, chain, 0)

        assert [version.is_override for version in later.versions] == [True, False, False]

    def test_says_when_nothing_is_left(self) -> None:
        chain = _chain(_version(0, Access.OVERRIDE))

        later = outlook.after(Action.DELETE_VERSION, chain, 0)

        assert (
            outlook.shifts(chain, later, production_targets=1)[0].words == "1 production target: nothing left to boot."
        )


class TestChain:
    def test_a_differencing_disk_leans_on_the_version_below(self) -> None:
        assert parent_of(USUAL.versions[2], USUAL) == USUAL.versions[1]

    def test_a_base_leans_on_nothing(self) -> None:
        chain = _chain(_version(0), _version(1), _version(2, type=VersionType.MERGE_BASE))

        assert parent_of(chain.versions[2], chain) is None

    def test_a_merged_disk_leans_on_the_base_and_not_on_what_it_replaced(self) -> None:
        chain = _chain(_version(0), _version(1), _version(2), _version(3, type=VersionType.MERGE), _version(4))

        assert parent_of(chain.versions[3], chain) == chain.versions[0]
        assert parent_of(chain.versions[4], chain) == chain.versions[3]


class TestDrawing:
    def test_lanes_without_a_version_are_thin(self) -> None:
        bands = chain.stack_bands({Lane.PRODUCTION})

        assert [band.height for band in bands] == [chain.EMPTY_HEIGHT, chain.EMPTY_HEIGHT, chain.LANE_HEIGHT]
        assert all(upper.y + upper.height < lower.y for upper, lower in pairwise(bands))


class TestBootsNext:
    def test_names_who_boots_what(self) -> None:
        assert boots_next(USUAL) == {2: ("production",), 3: ("test", "maintenance")}

    def test_an_override_takes_the_flag(self) -> None:
        chain = _chain(_version(0), _version(1, Access.OVERRIDE), _version(2))

        assert boots_next(chain)[1][0] == "production"


class TestReplication:
    def _replicas(self, *states: ReplicaState) -> tuple[ReplicaFacts, ...]:
        return tuple(ReplicaFacts(number=1, server=f"PVS0{i}", state=state) for i, state in enumerate(states, start=1))

    @pytest.mark.parametrize(
        ("access", "states", "level", "words"),
        [
            (Access.PRODUCTION, (), Level.UNKNOWN, "files not seen yet"),
            (Access.PRODUCTION, (ReplicaState.GOOD,), Level.GOOD, "on PVS01"),
            (Access.PRODUCTION, (ReplicaState.GOOD,) * 2, Level.GOOD, "on both servers"),
            (Access.TEST, (ReplicaState.GOOD,) * 3, Level.GOOD, "on all 3 servers"),
            (
                Access.TEST,
                (ReplicaState.GOOD, ReplicaState.FILE_OUTDATED),
                Level.BEHIND,
                "PVS02: version file out of date",
            ),
            (
                Access.MAINTENANCE,
                (ReplicaState.GOOD, ReplicaState.FILE_MISSING),
                Level.LOCAL,
                "on PVS01 only, as usual in maintenance",
            ),
            (Access.MAINTENANCE, (ReplicaState.UNREACHABLE,), Level.UNKNOWN, "PVS01 unreachable"),
            (
                Access.PRODUCTION,
                (ReplicaState.UNREACHABLE, ReplicaState.GOOD),
                Level.UNKNOWN,
                "on PVS02; PVS01 unreachable",
            ),
            (
                Access.PRODUCTION,
                (ReplicaState.UNREACHABLE, ReplicaState.FILE_MISSING),
                Level.BEHIND,
                "PVS02: version file missing; PVS01 unreachable",
            ),
        ],
    )
    def test_says_where_the_files_are(
        self, access: Access, states: tuple[ReplicaState, ...], level: Level, words: str
    ) -> None:
        chain = _chain(_version(1, access), replicas=self._replicas(*states))

        found = replication(chain.versions[0], chain)

        assert (found.level, found.words) == (level, words)


def test_counts_as_one_says_it() -> None:
    assert [counted(number, "target") for number in (0, 1, 2)] == ["0 targets", "1 target", "2 targets"]
