"""The sentences that the pages use for states of versions and files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.template.defaultfilters import date as date_filter
from django.utils import timezone

from lifecycle.facts import ChainFacts, ReplicaFacts, VersionFacts
from lifecycle.states import ReplicaState, Situation, VersionType

SITUATION_LABEL: dict[Situation, str] = {
    Situation.MAINTENANCE: "maintenance",
    Situation.TEST: "test",
    Situation.PENDING: "scheduled",
    Situation.PRODUCTION: "production",
    Situation.SUPERSEDED: "older release",
    Situation.OVERRIDE: "override",
    Situation.MERGING: "merging",
    Situation.OBSOLETE: "obsolete",
}

PURPOSE: dict[Situation, str] = {
    Situation.MAINTENANCE: "Open for writing: one maintenance target boots it and installs what is new.",
    Situation.TEST: "Read-only, being tried: test targets boot it.",
    Situation.PENDING: "Promoted, but production targets do not see it before its date.",
    Situation.PRODUCTION: "The newest release.",
    Situation.SUPERSEDED: "An earlier release. Kept, so that there is a way back.",
    Situation.OVERRIDE: "Forced: production targets boot it, whatever is newer.",
    Situation.MERGING: "Being merged; leave it alone until that has ended.",
    Situation.OBSOLETE: "Replaced by a merge. PVS can delete it once no target runs it.",
}

KIND_LABEL: dict[int, str] = {
    VersionType.BASE: "base",
    VersionType.MANUAL: "differencing",
    VersionType.AUTOMATIC: "automatic",
    VersionType.MERGE: "merged",
    VersionType.MERGE_BASE: "merged base",
}


class Level(StrEnum):
    """How good a state of files is; the style sheet gives each a sign and a colour."""

    GOOD = "good"
    LOCAL = "local"
    BEHIND = "behind"
    UNKNOWN = "unknown"


_LEVELS: dict[int, Level] = {ReplicaState.GOOD: Level.GOOD, ReplicaState.UNREACHABLE: Level.UNKNOWN}


@dataclass(frozen=True)
class Files:
    """A version's files on one server."""

    server: str
    words: str
    level: Level
    file_time: str

    @property
    def is_good(self) -> bool:
        return self.level == Level.GOOD


@dataclass(frozen=True)
class Replication:
    level: Level
    words: str
    servers: tuple[Files, ...]


def purpose(version: VersionFacts, chain: ChainFacts, situation: Situation) -> str:
    if situation == Situation.PRODUCTION and chain.override:
        return f"The newest release, held back by the override on version {chain.override.number}."
    return PURPOSE[situation]


def replication(version: VersionFacts, chain: ChainFacts) -> Replication:
    """Where the files of ``version`` are, in a few words and per server."""
    replicas = sorted(chain.replicas_of(version.number), key=lambda replica: replica.server)
    servers = tuple(_files(replica) for replica in replicas)
    good = [files.server for files in servers if files.is_good]
    behind = [f"{files.server}: {files.words}" for files in servers if files.level == Level.BEHIND]
    unseen = [f"{files.server} unreachable" for files in servers if files.level == Level.UNKNOWN]
    if not servers:
        return Replication(Level.UNKNOWN, "files not seen yet", servers)
    if len(good) == len(servers):
        return Replication(Level.GOOD, _everywhere(servers), servers)
    if behind and not (version.is_maintenance and good):
        return Replication(Level.BEHIND, "; ".join(behind + unseen), servers)
    if unseen:  # what a server that is down holds cannot be said, so it is not called a lack
        return Replication(Level.UNKNOWN, "; ".join(([f"on {_and(good)}"] if good else []) + unseen), servers)
    return Replication(Level.LOCAL, f"on {_and(good)} only, as usual in maintenance", servers)


def _files(replica: ReplicaFacts) -> Files:
    words = ReplicaState(replica.state).label if replica.state in ReplicaState.values else f"state {replica.state}"
    level = _LEVELS.get(replica.state, Level.BEHIND)
    return Files(replica.server, words, level, replica.file_time)


def _everywhere(servers: tuple[Files, ...]) -> str:
    if len(servers) == 1:
        return f"on {servers[0].server}"
    return "on both servers" if len(servers) == 2 else f"on all {len(servers)} servers"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def exact(moment: datetime) -> str:
    """``2026-03-04 15:06`` in the portal's time zone."""
    return date_filter(timezone.localtime(moment), "Y-m-d H:i")


def counted(count: int, one: str, many: str = "") -> str:
    """``1 target``, ``3 targets``."""
    return f"{count} {one if count == 1 else many or one + 's'}"
