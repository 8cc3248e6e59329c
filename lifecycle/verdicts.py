"""Does this target run what it should? The helpdesk's question, answered from the mirrored rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import models

from lifecycle.booting import next_for
from lifecycle.facts import ChainFacts
from lifecycle.states import ProductionCause, TargetType


class VerdictCode(models.TextChoices):
    RIGHT = "right", "right version"
    OLD = "old", "runs an old version"
    NEWER = "newer", "runs a newer version"
    OTHER = "other", "runs another version"
    WRONG_VDISK = "wrong-vdisk", "wrong vDisk"
    OFF = "off", "not booted"
    DISABLED = "disabled", "disabled"
    UNASSIGNED = "unassigned", "no vDisk assigned"


SINCE: dict[str, str] = {
    ProductionCause.PROMOTION: "the promotion",
    ProductionCause.ROLL_BACK: "the roll-back",
    ProductionCause.OVERRIDE_SET: "the override",
    ProductionCause.OVERRIDE_CLEARED: "the override was cleared",
}
NO_CAUSES: Mapping[int, str] = {}


@dataclass(frozen=True)
class Verdict:
    """``since``: from when on another version would have been right, when the portal saw it happen."""

    code: VerdictCode
    words: str
    expected: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class TargetFacts:
    """One target with what it booted; ``assigned`` and ``booted_vdisk`` are keys of the vDisks."""

    type: int
    enabled: bool = True
    active: bool = False
    booted_vdisk: int | None = None
    booted_vdisk_name: str = ""
    booted_version: int | None = None
    assigned: tuple[int, ...] = ()


def verdict(
    target: TargetFacts,
    chains: Mapping[int, ChainFacts],
    changed_at: Mapping[int, datetime],
    causes: Mapping[int, str] = NO_CAUSES,
) -> Verdict:
    """Judge one target. ``changed_at`` and ``causes``: per vDisk, when and why production last changed its version."""
    if not target.assigned:
        return Verdict(VerdictCode.UNASSIGNED, _unassigned(target))
    if not target.active:
        return _not_running(target, chains)
    if target.booted_vdisk not in target.assigned or target.booted_vdisk not in chains:
        names = ", ".join(chains[key].name for key in target.assigned if key in chains) or "another one"
        booted = target.booted_vdisk_name or "an unknown vDisk"
        return Verdict(
            VerdictCode.WRONG_VDISK, f"Wrong vDisk: runs {booted}, assigned is {names}. Restart it to fix this."
        )
    key = target.booted_vdisk
    return _compare(target, chains[key], changed_at.get(key), causes.get(key, ""))


def _unassigned(target: TargetFacts) -> str:
    if target.active:
        return f"Runs {target.booted_vdisk_name or 'an unknown vDisk'}, but no vDisk is assigned any more."
    return "Not booted; no vDisk is assigned."


def _not_running(target: TargetFacts, chains: Mapping[int, ChainFacts]) -> Verdict:
    if not target.enabled:
        return Verdict(VerdictCode.DISABLED, "Not booted; disabled in PVS, so it cannot boot.")
    chain = next((chains[key] for key in target.assigned if key in chains), None)
    expected = next_for(chain, target.type) if chain else None
    if chain and expected:
        return Verdict(
            VerdictCode.OFF, f"Not booted. Would boot {chain.name} version {expected.number}.", expected.number
        )
    return Verdict(VerdictCode.OFF, "Not booted.")


def _compare(target: TargetFacts, chain: ChainFacts, changed_at: datetime | None, cause: str) -> Verdict:
    expected = next_for(chain, target.type)
    number = target.booted_version
    if expected is None or number is None:
        return Verdict(
            VerdictCode.OTHER, f"Runs version {number}; {chain.name} has no version for this type of target."
        )
    if number == expected.number:
        return Verdict(VerdictCode.RIGHT, f"Right: runs version {number}.", number)
    production = target.type not in (TargetType.TEST, TargetType.PERSONAL_TEST, TargetType.MAINTENANCE)
    since = changed_at if production else None
    if number < expected.number:
        event = SINCE.get(cause, "the override" if expected.is_override else "the promotion")
        right = f"version {expected.number} is {f'right since {event}' if production else 'newer'}"
        words = f"Runs the old version {number}; {right}. Restart it to fix this."
        return Verdict(VerdictCode.OLD, words, expected.number, since)
    cause = "the override" if expected.is_override else "the roll-back"
    words = f"Runs version {number}; {cause} to version {expected.number} takes effect at its next restart."
    return Verdict(VerdictCode.NEWER, words, expected.number, since)
