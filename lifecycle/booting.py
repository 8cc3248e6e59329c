"""Which version a target boots at its next restart.

From the published rule of field scripts and the Provisioning documentation: production targets take the override, else
the newest released version. Which of several test versions a test target takes by default is not documented; we
assume the newest, and say so in the manual.
"""

from __future__ import annotations

from lifecycle.facts import ChainFacts, VersionFacts
from lifecycle.states import Lane, Situation, TargetType


def next_for_production(chain: ChainFacts) -> VersionFacts | None:
    return chain.override or chain.newest_released


def next_for_test(chain: ChainFacts) -> VersionFacts | None:
    return chain.tests[-1] if chain.tests else next_for_production(chain)


def next_for_maintenance(chain: ChainFacts) -> VersionFacts | None:
    return chain.maintenance or next_for_test(chain)


def next_for(chain: ChainFacts, target_type: int) -> VersionFacts | None:
    """The version a target of this type boots next; None when the vDisk has nothing for it."""
    if target_type in (TargetType.TEST, TargetType.PERSONAL_TEST):
        return next_for_test(chain)
    if target_type == TargetType.MAINTENANCE:
        return next_for_maintenance(chain)
    return next_for_production(chain)


def situation(version: VersionFacts, chain: ChainFacts) -> Situation:  # noqa: PLR0911  a ladder of cases
    """Where ``version`` stands, judged in the order in which one state hides another."""
    if version.is_merging:
        return Situation.MERGING
    if version.delete_when_free:
        return Situation.OBSOLETE
    if version.is_maintenance:
        return Situation.MAINTENANCE
    if version.is_test:
        return Situation.TEST
    if version.is_override:
        return Situation.OVERRIDE
    if version.is_pending:
        return Situation.PENDING
    newest = max(other.number for other in chain.versions if other.is_released and not other.delete_when_free)
    return Situation.PRODUCTION if version.number == newest else Situation.SUPERSEDED


def lane(version: VersionFacts) -> Lane:
    """The lane of the board; a merge stands in the lane where it will end."""
    if version.is_maintenance or version.access == 5:
        return Lane.MAINTENANCE
    if version.is_test or version.access == 6:
        return Lane.TEST
    return Lane.PRODUCTION
