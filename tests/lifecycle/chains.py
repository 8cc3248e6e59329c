"""Chains as plain facts, told in one line each. Every flag of PVS is true unless a test says otherwise."""

from __future__ import annotations

from typing import Any

from lifecycle.facts import ChainFacts, ReplicaFacts, VersionFacts
from lifecycle.states import Access, ReplicaState, Situation, VersionType

FLAGS = (
    "can_delete",
    "can_promote",
    "can_revert_test",
    "can_revert_maintenance",
    "can_override",
    "can_set_scheduled_date",
    "can_merge",
    "can_merge_base",
)
WRITTEN = "2026-11-20 09:00:00"


def version(number: int, access: Access = Access.PRODUCTION, **values: Any) -> VersionFacts:
    kind = VersionType.BASE if number == 0 else VersionType.MANUAL
    ending = "vhdx" if number == 0 else f"{number}.avhdx"
    defaults: dict[str, Any] = {
        "type": kind,
        "file_name": f"W11.{ending}",
        "created": f"2026-11-{number + 1:02} 08:00:00",
        **dict.fromkeys(FLAGS, True),
    }
    return VersionFacts(number=number, access=access, **(defaults | values))


def maintenance(number: int, **values: Any) -> VersionFacts:
    return version(number, Access.MAINTENANCE, **values)


def in_test(number: int, **values: Any) -> VersionFacts:
    return version(number, Access.TEST, **values)


def override(number: int, **values: Any) -> VersionFacts:
    return version(number, Access.OVERRIDE, **values)


def pending(number: int, **values: Any) -> VersionFacts:
    return version(number, is_pending=True, **values)


def obsolete(number: int, **values: Any) -> VersionFacts:
    return version(number, delete_when_free=True, **values)


def merging(number: int, access: Access = Access.MERGE_TEST, **values: Any) -> VersionFacts:
    return version(number, access, **({"type": VersionType.MERGE, "task_id": 7} | values))


def merged(number: int, access: Access = Access.PRODUCTION, **values: Any) -> VersionFacts:
    return version(number, access, type=VersionType.MERGE, **values)


def merged_base(number: int, **values: Any) -> VersionFacts:
    return version(number, type=VersionType.MERGE_BASE, file_name=f"W11.{number}.vhdx", **values)


def chain(*versions: VersionFacts, **values: Any) -> ChainFacts:
    defaults: dict[str, Any] = {"name": "W11", "test_targets": 2, "maintenance_targets": 1}
    return ChainFacts(versions=versions, **(defaults | values))


def copy(number: int, server: str = "PVS01", state: ReplicaState = ReplicaState.GOOD, **values: Any) -> ReplicaFacts:
    return ReplicaFacts(number=number, server=server, state=state, **({"file_time": WRITTEN} | values))


# one chain for each situation, and the number of the version that stands in it
STAGES: dict[Situation, tuple[ChainFacts, int]] = {
    Situation.MAINTENANCE: (chain(version(0), version(1), maintenance(2)), 2),
    Situation.TEST: (chain(version(0), version(1), in_test(2)), 2),
    Situation.PENDING: (chain(version(0), version(1), pending(2)), 2),
    Situation.PRODUCTION: (chain(version(0), version(1), version(2)), 2),
    Situation.SUPERSEDED: (chain(version(0), version(1), version(2)), 1),
    Situation.OVERRIDE: (chain(version(0), override(1), version(2)), 1),
    Situation.MERGING: (chain(version(0), version(1), version(2), merging(3)), 3),
    Situation.OBSOLETE: (chain(obsolete(0), obsolete(1), merged_base(2)), 1),
}
