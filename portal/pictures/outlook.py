"""What an action would change: the chain as it would be afterwards, and which targets would then boot what.

Pages show it before anything is done. It is a forecast by the portal's own rules; PVS has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from lifecycle.booting import next_for
from lifecycle.facts import ChainFacts, VersionFacts
from lifecycle.states import Access, Action, TargetType
from portal.pictures.words import counted, exact

_BECOMES: dict[Action, dict[str, object]] = {
    Action.PROMOTE_TEST: {"access": Access.TEST},
    Action.PROMOTE_PRODUCTION: {"access": Access.PRODUCTION},
    Action.REVERT_TEST: {"access": Access.TEST, "is_pending": False, "scheduled_at": None},
    Action.REVERT_MAINTENANCE: {"access": Access.MAINTENANCE, "is_pending": False, "scheduled_at": None},
    Action.SET_OVERRIDE: {"access": Access.OVERRIDE},
    Action.CLEAR_OVERRIDE: {"access": Access.PRODUCTION},
    Action.RESCHEDULE: {"is_pending": False, "scheduled_at": None},
}


@dataclass(frozen=True)
class Shift:
    """Targets of one type that boot another version at their next restart. None: nothing to boot.

    ``description`` is that of the version they then boot; ``live_at`` is set when they do not see it before a date.
    """

    kind: str
    targets: int
    before: int | None
    after: int | None
    description: str = ""
    live_at: datetime | None = None

    @property
    def words(self) -> str:
        many = counted(self.targets, f"{self.kind} target")
        if self.after is None:
            return f"{many}: nothing left to boot."
        before = "nothing" if self.before is None else f"version {self.before}"
        when = f"first restart after {exact(self.live_at)}" if self.live_at else "next restart"
        return f"{many}: version {self.after} at the {when}, instead of {before}."


def after(action: Action, chain: ChainFacts, number: int | None) -> ChainFacts:
    """The chain once ``action`` is done."""
    if action == Action.NEW_VERSION and chain.highest:
        fresh = VersionFacts(number=chain.highest.number + 1, access=Access.MAINTENANCE, type=1)
        return replace(chain, versions=(*chain.versions, fresh))
    if action == Action.DELETE_VERSION:
        return replace(chain, versions=tuple(version for version in chain.versions if version.number != number))
    becomes = _BECOMES.get(action)
    if becomes is None:
        return chain
    return replace(chain, versions=tuple(_changed(version, action, number, becomes) for version in chain.versions))


def shifts(
    chain: ChainFacts, later: ChainFacts, *, production_targets: int, live_at: datetime | None = None
) -> list[Shift]:
    """Per type of target, the version it boots next, where that changes; ``live_at`` concerns production alone."""
    counts = {
        TargetType.PRODUCTION: production_targets,
        TargetType.TEST: chain.test_targets,
        TargetType.MAINTENANCE: chain.maintenance_targets,
    }
    found = []
    for kind, count in counts.items():
        before, then = next_for(chain, kind), next_for(later, kind)
        numbers = (before.number if before else None, then.number if then else None)
        if numbers[0] != numbers[1]:
            date = live_at if kind == TargetType.PRODUCTION else None
            found.append(Shift(kind.label, count, *numbers, then.description if then else "", date))
    return found


def _changed(version: VersionFacts, action: Action, number: int | None, becomes: dict[str, object]) -> VersionFacts:
    if version.number == number:
        return replace(version, **becomes)  # type: ignore[arg-type]
    if action == Action.SET_OVERRIDE and version.is_override:
        return replace(version, access=Access.PRODUCTION)
    return version
