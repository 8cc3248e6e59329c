"""What the rules look at: a vDisk's chain as plain values, the same whether read from the mirror or fresh from PVS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from lifecycle.states import BASE_TYPES, MAINTENANCE_ACCESS, MERGING_ACCESS, Access, VersionType


@dataclass(frozen=True, kw_only=True)
class VersionFacts:
    """One row of ``Get-PvsDiskVersion``; the ``can_*`` flags are the server's own judgement."""

    number: int
    access: int
    type: int
    file_name: str = ""
    description: str = ""
    created: str = ""
    is_pending: bool = False
    scheduled_at: datetime | None = None
    delete_when_free: bool = False
    device_count: int = 0
    good_inventory: bool = True
    task_id: int | None = None
    can_delete: bool = False
    can_promote: bool = False
    can_revert_test: bool = False
    can_revert_maintenance: bool = False
    can_override: bool = False
    can_set_scheduled_date: bool = False
    can_merge: bool = False
    can_merge_base: bool = False

    @property
    def is_maintenance(self) -> bool:
        return self.access in MAINTENANCE_ACCESS

    @property
    def is_merging(self) -> bool:
        return self.access in MERGING_ACCESS

    @property
    def is_test(self) -> bool:
        return self.access == Access.TEST

    @property
    def is_override(self) -> bool:
        return self.access == Access.OVERRIDE

    @property
    def is_released(self) -> bool:
        """Production targets could boot it: promoted, and its date has come."""
        return self.access in (Access.PRODUCTION, Access.OVERRIDE) and not self.is_pending

    @property
    def is_base(self) -> bool:
        return self.type in BASE_TYPES


@dataclass(frozen=True, kw_only=True)
class ReplicaFacts:
    """One row of ``Get-PvsDiskInventory``: a version's files on one server."""

    number: int
    server: str
    state: int
    file_time: str = ""
    properties_time: str = ""


@dataclass(frozen=True, kw_only=True)
class ChainFacts:
    """A vDisk with all its versions, lowest first (PVS promises no order)."""

    name: str
    private: bool = False
    versions: tuple[VersionFacts, ...] = ()
    replicas: tuple[ReplicaFacts, ...] = ()
    test_targets: int = 0
    maintenance_targets: int = 0
    _by_number: dict[int, VersionFacts] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.versions, key=lambda version: version.number))
        object.__setattr__(self, "versions", ordered)
        self._by_number.update({version.number: version for version in ordered})

    def get(self, number: int) -> VersionFacts | None:
        return self._by_number.get(number)

    @property
    def highest(self) -> VersionFacts | None:
        return self.versions[-1] if self.versions else None

    @property
    def maintenance(self) -> VersionFacts | None:
        return _last(version for version in self.versions if version.is_maintenance)

    @property
    def merging(self) -> VersionFacts | None:
        return _last(version for version in self.versions if version.is_merging)

    @property
    def override(self) -> VersionFacts | None:
        return _last(version for version in self.versions if version.is_override)

    @property
    def newest_released(self) -> VersionFacts | None:
        return _last(version for version in self.versions if version.is_released and not version.delete_when_free)

    @property
    def tests(self) -> tuple[VersionFacts, ...]:
        return tuple(version for version in self.versions if version.is_test)

    def links_of(self, number: int) -> tuple[VersionFacts, ...]:
        """The files a target needs for version ``number``: from its base upwards.

        A merge joins all updates since the base, so what it joined is no link of what stands on it.
        """
        links: list[VersionFacts] = []
        joined = False
        for version in reversed([version for version in self.versions if version.number <= number]):
            if not joined or version.is_base:
                links.insert(0, version)
            if version.is_base:
                break
            joined = joined or version.type == VersionType.MERGE
        return tuple(links)

    def replicas_of(self, number: int) -> tuple[ReplicaFacts, ...]:
        return tuple(replica for replica in self.replicas if replica.number == number)


def _last(versions: Iterable[VersionFacts]) -> VersionFacts | None:
    found = list(versions)
    return found[-1] if found else None
