"""The table of transitions: what can be done with a version, from where, and why not now.

Each row names the situations it starts from, the server's own ``Can*`` flag where there is one, and the further
conditions in the order in which they are looked at. A refusal carries the return code with which Provisioning answers
the same request. Citrix publishes the codes, not which request earns which; that pairing is our inference (see the
manual's page on what was never tried on a real farm).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lifecycle.booting import situation
from lifecycle.facts import ChainFacts, VersionFacts
from lifecycle.states import Action, Situation


@dataclass(frozen=True)
class Refusal:
    """Why not, in words; ``code`` is PVS's return code for it, None for a rule of the portal."""

    code: int | None
    words: str


Condition = Callable[[ChainFacts, VersionFacts | None], Refusal | None]


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One row of the table. ``starts_from`` is empty when the action concerns the vDisk, not one version.

    A row without ``starts_from`` looks for its ``flag`` on the highest version, where PVS shows what can be merged.
    ``elsewhere`` says why not from any other situation, ``elsewhere_by`` where one has a reason of its own.
    ``offered`` is False for what PVS can do and the portal leaves alone.
    """

    action: Action
    does: str
    starts_from: frozenset[Situation] = frozenset()
    elsewhere: Refusal | None = None
    elsewhere_by: Mapping[Situation, Refusal] = field(default_factory=dict)
    flag: str | None = None
    offered: bool = True
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Possibility:
    """An action on a version (or on the whole vDisk), and why it cannot be done now. No refusals: it can."""

    action: Action
    version: int | None
    does: str
    refusals: tuple[Refusal, ...] = field(default=())

    @property
    def allowed(self) -> bool:
        return not self.refusals

    @property
    def why_not(self) -> str:
        return " ".join(refusal.words for refusal in self.refusals)


def standard_image(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    if chain.private:
        return Refusal(159, "The vDisk is in private mode; versions need standard mode.")
    return None


def no_merge_runs(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    if chain.merging:
        return Refusal(160, f"Version {chain.merging.number} is being merged; wait until that has ended.")
    return None


def no_maintenance_version(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    if chain.maintenance:
        number = chain.maintenance.number
        return Refusal(160, f"Version {number} is in maintenance; there can be only one. Promote or delete it first.")
    return None


def highest_has_come(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    if chain.highest and chain.highest.is_pending:
        return Refusal(193, f"The highest version, {chain.highest.number}, still waits for its date.")
    return None


def is_highest(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    if version and chain.highest and version.number != chain.highest.number:
        return Refusal(161, f"Only the highest version ({chain.highest.number}) can go back.")
    return None


def is_not_the_base(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    if version and version.number == chain.versions[0].number and not version.delete_when_free:
        return Refusal(164, "It is the base that all other versions stand on.")
    return None


def no_newer_release(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    if version and any(
        other.number > version.number and other.access in (0, 3) and not other.delete_when_free
        for other in chain.versions
    ):
        return Refusal(161, "A newer version is in production.")
    return None


def nobody_runs_it(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    """Neither itself nor a version that reads it as a link of its chain."""
    if version is None:
        return None
    for other in chain.versions[chain.versions.index(version) :]:
        if other.device_count and version in chain.links_of(other.number):
            reads = "it" if other == version else f"version {other.number}, which reads it,"
            return Refusal(100, f"{_targets(other.device_count)} {reads} now; shut down or restart first.")
    return None


def highest_or_obsolete(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    if version and chain.highest and version.number != chain.highest.number and not version.delete_when_free:
        return Refusal(175, "Only the highest version, or one that a merge has replaced, can be deleted.")
    return None


def has_updates_to_merge(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    highest = chain.highest
    updates = len(chain.links_of(highest.number)) - 1 if highest else 0
    if updates < 2:
        found = "There is one update" if updates == 1 else "There is no update"
        return Refusal(194, f"{found} since the last base; a merge needs two.")
    return None


def has_update_since_base(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    highest = chain.highest
    if not highest or len(chain.links_of(highest.number)) < 2:
        return Refusal(194, "There is no update since the last base.")
    return None


def replicated(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    links = chain.links_of(chain.highest.number) if chain.highest else ()
    behind = [link.number for link in links if not link.good_inventory]
    if behind:
        return Refusal(195, f"Version {behind[0]} is not the same on all servers yet.")
    return None


def maintenance_version_exists(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    if not chain.maintenance:
        return Refusal(None, "There is no maintenance version to boot.")
    return None


def maintenance_target_assigned(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    if not chain.maintenance_targets:
        return Refusal(None, "No target of type maintenance is assigned to this vDisk.")
    return None


def test_target_assigned(chain: ChainFacts, version: VersionFacts | None) -> Refusal | None:
    if not chain.test_targets:
        return Refusal(None, "No target of type test is assigned to this vDisk.")
    return None


TRANSITIONS: dict[Action, Transition] = {
    row.action: row
    for row in (
        Transition(
            action=Action.NEW_VERSION,
            does="Adds a differencing disk on top of the chain, for one maintenance target to write to.",
            conditions=(standard_image, no_maintenance_version, no_merge_runs, highest_has_come),
        ),
        Transition(
            action=Action.BOOT_MAINTENANCE,
            does="Starts the maintenance target, which then writes to this version.",
            starts_from=frozenset({Situation.MAINTENANCE}),
            elsewhere=Refusal(None, "A maintenance target boots the maintenance version only, and this is none."),
            conditions=(maintenance_version_exists, maintenance_target_assigned),
        ),
        Transition(
            action=Action.PROMOTE_TEST,
            does="Shuts down every target that runs the version, and makes it readable for test targets.",
            starts_from=frozenset({Situation.MAINTENANCE}),
            elsewhere=Refusal(163, "Only a maintenance version can be promoted to test."),
            flag="can_promote",
            conditions=(no_merge_runs,),
        ),
        Transition(
            action=Action.BOOT_TEST,
            does="Starts or restarts the test targets, so that they run this version.",
            starts_from=frozenset({Situation.TEST}),
            elsewhere=Refusal(None, "Test targets are booted to try a test version, and this is none."),
            conditions=(test_target_assigned,),
        ),
        Transition(
            action=Action.PROMOTE_PRODUCTION,
            does="Makes the version the one that production targets boot at their next restart.",
            starts_from=frozenset({Situation.TEST}),
            elsewhere=Refusal(163, "Only a test version can be promoted to production."),
            flag="can_promote",
            conditions=(no_merge_runs,),
        ),
        Transition(
            action=Action.REVERT_TEST,
            does="Takes the version out of production; production targets fall back to the one before.",
            starts_from=frozenset({Situation.PRODUCTION, Situation.PENDING}),
            elsewhere=Refusal(175, "Only the newest production version can go back to test."),
            flag="can_revert_test",
            conditions=(no_merge_runs, is_not_the_base, no_newer_release),
        ),
        Transition(
            action=Action.REVERT_MAINTENANCE,
            does="Opens the version for writing again.",
            starts_from=frozenset({Situation.PRODUCTION, Situation.PENDING, Situation.TEST}),
            elsewhere=Refusal(161, "Only the newest test or production version can be opened again."),
            flag="can_revert_maintenance",
            conditions=(no_maintenance_version, no_merge_runs, is_not_the_base, is_highest),
        ),
        Transition(
            action=Action.SET_OVERRIDE,
            does="Production targets boot this version at their next restart, whatever is newer: the fast roll-back.",
            starts_from=frozenset({Situation.PRODUCTION, Situation.SUPERSEDED}),
            elsewhere=Refusal(175, "Only a released production version can be the override."),
            elsewhere_by={
                Situation.PENDING: Refusal(193, "The version still waits for its date."),
                Situation.OVERRIDE: Refusal(23, "The version is the override already."),
            },
            flag="can_override",
        ),
        Transition(
            action=Action.CLEAR_OVERRIDE,
            does="Production targets boot the newest released version again.",
            starts_from=frozenset({Situation.OVERRIDE}),
            elsewhere=Refusal(23, "This version is not the override."),
        ),
        Transition(
            action=Action.RESCHEDULE,
            does="Sets another date, or releases the version now.",
            starts_from=frozenset({Situation.PENDING}),
            elsewhere=Refusal(175, "The version does not wait for a date."),
            flag="can_set_scheduled_date",
            offered=False,  # the date was part of what was approved: revert to test and request anew
        ),
        Transition(
            action=Action.MERGE,
            does="Joins all updates since the last base into one differencing disk.",
            flag="can_merge",
            conditions=(
                standard_image,
                no_maintenance_version,
                no_merge_runs,
                highest_has_come,
                has_updates_to_merge,
                replicated,
            ),
        ),
        Transition(
            action=Action.MERGE_BASE,
            does="Joins the base and all updates into a new base; needs room for a whole image.",
            flag="can_merge_base",
            conditions=(
                standard_image,
                no_maintenance_version,
                no_merge_runs,
                highest_has_come,
                has_update_since_base,
                replicated,
            ),
        ),
        Transition(
            action=Action.DELETE_VERSION,
            does="Deletes the version and its files.",
            starts_from=frozenset(Situation) - {Situation.MERGING},
            elsewhere=Refusal(160, "The version is being merged."),
            flag="can_delete",
            conditions=(nobody_runs_it, is_not_the_base, highest_or_obsolete),
        ),
    )
}


def judge(action: Action, chain: ChainFacts, number: int | None = None) -> Possibility:
    """Whether ``action`` can be done now on version ``number`` (or on the vDisk), and all the reasons why not."""
    row = TRANSITIONS[action]
    version = chain.get(number) if number is not None else None
    if row.starts_from and version is None:
        return Possibility(action, number, row.does, (Refusal(175, f"{chain.name} has no version {number}."),))
    refusals = [refusal for condition in row.conditions if (refusal := condition(chain, version))]
    if row.starts_from and version and situation(version, chain) not in row.starts_from:
        where = situation(version, chain)
        not_here = row.elsewhere_by.get(where) or row.elsewhere
        refusals.insert(0, not_here or Refusal(None, f"Version {number} is not in that state."))
    flagged = version if row.starts_from else chain.highest
    if not refusals and flagged and row.flag and not getattr(flagged, row.flag):
        refusals.append(Refusal(None, f"PVS does not permit it now ({row.flag} is false) and gives no reason."))
    return Possibility(action, number, row.does, tuple(refusals))


def possibilities(chain: ChainFacts, number: int) -> list[Possibility]:
    """Everything one could want to do with version ``number``, possible or not."""
    return [judge(action, chain, number) for action, row in TRANSITIONS.items() if row.starts_from and row.offered]


def vdisk_possibilities(chain: ChainFacts) -> list[Possibility]:
    """Everything one could want to do with the vDisk as a whole."""
    return [judge(action, chain) for action, row in TRANSITIONS.items() if not row.starts_from]


def _targets(count: int) -> str:
    return f"{count} target runs" if count == 1 else f"{count} targets run"
