"""The life of a vDisk version as one table: action, on which version, refused when and with which code, and effect.

The rules come from the Citrix Provisioning PowerShell programmer's guide and the product documentation on updating and
merging vDisks. No source says which precondition gives which code: every pairing below is INFERRED, decided for the
lab. The conditions are tried from top to bottom and the first that holds refuses. The `Can*` flags of a version are
computed from the same table; conditions in `UNSEEN` concern the moment or the request, so no flag shows them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from lab.pvs import effects
from lab.pvs import situation as when
from lab.pvs.codes import FarmError
from lab.pvs.datacentre import Datacentre
from lab.pvs.journal import picture
from lab.pvs.model import Access, VDisk, Version
from lab.pvs.situation import Situation


class Action(StrEnum):
    """Cmdlet and switches, as an operator would say it."""

    NEW_MAINTENANCE = "New-PvsDiskMaintenanceVersion"
    PROMOTE_TO_TEST = "Invoke-PvsPromoteDiskVersion -Test"
    PROMOTE_TO_PRODUCTION = "Invoke-PvsPromoteDiskVersion"
    PROMOTE_TEST_VERSION = "Invoke-PvsPromoteDiskVersion -TestVersion"
    REVERT_TO_MAINTENANCE = "Invoke-PvsRevertDiskVersion"
    REVERT_TO_TEST = "Invoke-PvsRevertDiskVersion -Test"
    REVERT_VERSION_TO_TEST = "Invoke-PvsRevertDiskVersion -Version"
    SET_OVERRIDE = "Set-PvsOverrideVersion -Version"
    CLEAR_OVERRIDE = "Set-PvsOverrideVersion"
    REMOVE = "Remove-PvsDiskVersion"
    MERGE = "Merge-PvsDisk"
    MERGE_TO_BASE = "Merge-PvsDisk -NewBase"
    SET_DATE = "Set-PvsDiskVersion -ScheduledDate"
    DESCRIBE = "Set-PvsDiskVersion -Description"


Condition = Callable[[Situation], bool]
Subject = Callable[[Situation], Version | None]
Effect = Callable[[Situation], Version | None]


@dataclass(frozen=True)
class Rule:
    """`refused` pairs conditions with codes, in order; `becomes` says in words what the effect leaves."""

    on: Subject
    refused: tuple[tuple[Condition, int], ...]
    effect: Effect
    becomes: str


def _asked(case: Situation) -> Version | None:
    return None if case.asked_version is None else case.disk.version(case.asked_version)


def _asked_or_highest(case: Situation) -> Version | None:
    return case.disk.highest if case.asked_version is None else case.disk.version(case.asked_version)


def _highest(case: Situation) -> Version | None:
    return case.disk.highest


def _maintenance(case: Situation) -> Version | None:
    return case.disk.maintenance


def _override(case: Situation) -> Version | None:
    return case.disk.override


TABLE: dict[Action, Rule] = {
    # -- forward ------------------------------------------------------------------------------------------------------
    Action.NEW_MAINTENANCE: Rule(
        on=_highest,
        refused=(
            (when.is_private, 159),
            (when.maintenance_exists, 160),
            (when.merge_runs, 160),
            (when.highest_is_pending, 193),
            (when.no_server_is_up, 162),  # a test version does not stand in the way: there may be several
        ),
        effect=effects.create_maintenance,
        becomes="highest + 1 in Maintenance (Manual), with its .avhdx and .pvp",
    ),
    Action.PROMOTE_TO_TEST: Rule(
        on=_maintenance,
        refused=((when.is_private, 159), (when.merge_runs, 160), (when.not_in_maintenance, 163)),
        effect=effects.to_test,
        becomes="Test",
    ),
    Action.PROMOTE_TO_PRODUCTION: Rule(
        on=_maintenance,
        refused=(
            (when.is_private, 159),
            (when.merge_runs, 160),
            (when.not_in_maintenance, 163),
            (when.date_is_past, 178),
        ),
        effect=effects.to_production,
        becomes="Production, pending until the date if one is given; then perhaps an automatic merge",
    ),
    Action.PROMOTE_TEST_VERSION: Rule(
        on=_asked,
        refused=(
            (when.is_private, 159),
            (when.unknown, 175),
            (when.merge_runs, 160),
            (when.not_in_test, 163),
            (when.date_is_past, 178),
        ),
        effect=effects.to_production,
        becomes="Production, pending until the date if one is given; then perhaps an automatic merge",
    ),
    # -- back ---------------------------------------------------------------------------------------------------------
    Action.REVERT_TO_MAINTENANCE: Rule(
        on=_highest,
        refused=(
            (when.is_private, 159),
            (when.maintenance_exists, 160),
            (when.merge_runs, 160),
            (when.is_base_or_alone, 164),
            (when.is_override, 161),
            (when.is_obsolete, 175),
        ),
        effect=effects.to_maintenance,
        becomes="MaintenanceHighestVersion (that a reopened version gets this access is inferred)",
    ),
    Action.REVERT_TO_TEST: Rule(
        on=_highest,
        refused=(
            (when.is_private, 159),
            (when.merge_runs, 160),
            (when.not_production, 161),
            (when.is_base_or_alone, 164),
            (when.is_obsolete, 175),
        ),
        effect=effects.to_test,
        becomes="Test",
    ),
    Action.REVERT_VERSION_TO_TEST: Rule(
        on=_asked,
        refused=(
            (when.is_private, 159),
            (when.unknown, 175),
            (when.merge_runs, 160),
            (when.higher_production_exists, 161),
            (when.not_production, 175),
            (when.is_obsolete, 175),
            (when.is_base_or_alone, 164),
        ),
        effect=effects.to_test,
        becomes="Test",
    ),
    # -- roll back and forth ------------------------------------------------------------------------------------------
    Action.SET_OVERRIDE: Rule(
        on=_asked,
        refused=(
            (when.is_private, 159),
            (when.unknown, 175),
            (when.neither_production_nor_override, 175),
            (when.is_obsolete, 175),
            (when.is_pending, 193),
            (when.is_override, 23),
        ),
        effect=effects.set_override,
        becomes="Override; the former override is Production again",
    ),
    Action.CLEAR_OVERRIDE: Rule(
        on=_override,
        refused=((when.is_private, 159), (when.no_override, 23)),
        effect=effects.clear_override,
        becomes="the former override is Production again",
    ),
    # -- fewer versions -----------------------------------------------------------------------------------------------
    Action.REMOVE: Rule(
        on=_asked_or_highest,
        refused=(
            (when.is_private, 159),
            (when.unknown, 175),
            (when.is_held, 100),
            (when.neither_highest_nor_obsolete, 175),
            (when.is_needed_base, 164),
            (when.is_being_merged, 160),
        ),
        effect=effects.remove,
        becomes="row and files are gone",
    ),
    Action.MERGE: Rule(
        on=_highest,
        refused=(
            (when.is_private, 159),
            (when.maintenance_exists, 160),
            (when.merge_runs, 160),
            (when.highest_is_pending, 193),
            (when.fewer_than_two_updates, 194),
            (when.inventory_differs, 195),
        ),
        effect=effects.start_merge,
        becomes="highest + 1 (Merge) merging under a task, then Production, Test or Maintenance",
    ),
    Action.MERGE_TO_BASE: Rule(
        on=_highest,
        refused=(
            (when.is_private, 159),
            (when.maintenance_exists, 160),
            (when.merge_runs, 160),
            (when.highest_is_pending, 193),
            (when.no_update, 194),
            (when.inventory_differs, 195),
        ),
        effect=effects.start_base_merge,
        becomes="highest + 1 (MergeBase, .vhdx) merging under a task, then Production, Test or Maintenance",
    ),
    # -- words and dates ----------------------------------------------------------------------------------------------
    Action.SET_DATE: Rule(
        on=_asked,
        refused=((when.unknown, 175), (when.not_pending, 175), (when.date_is_past, 178)),
        effect=effects.set_date,
        becomes="pending until the new date; without a date, released at once",
    ),
    Action.DESCRIBE: Rule(
        on=_asked, refused=((when.unknown, 175),), effect=effects.describe, becomes="another description"
    ),
}

UNSEEN: frozenset[Condition] = frozenset({when.date_is_past, when.inventory_differs, when.no_server_is_up})

MERGE_FLAGS = {"CanMerge": Action.MERGE, "CanMergeBase": Action.MERGE_TO_BASE}


def refusal(action: Action, case: Situation, *, unseen: bool = True) -> int | None:
    """The code with which the server refuses, or None. `case.subject` is filled in from the rule."""
    rule = TABLE[action]
    case = replace(case, subject=rule.on(case))
    for condition, code in rule.refused:
        if (unseen or condition not in UNSEEN) and condition(case):
            return code
    return None


def perform(action: Action, case: Situation) -> Version | None:
    """Check and do it; raises FarmError with the table's code."""
    code = refusal(action, case)
    if code is not None:
        raise FarmError(code, f"{case.disk.name}: {action.value}")
    rule = TABLE[action]
    datacentre, before, subject = case.datacentre, picture(case.disk), rule.on(case)
    made = rule.effect(replace(case, subject=subject))
    datacentre.journal.note_version(
        datacentre.farm, case.now, action.value, disk=case.disk, version=made or subject, before=before
    )
    datacentre.touch()
    return made


def flags(datacentre: Datacentre, disk: VDisk, version: Version) -> dict[str, bool]:
    """The `Can*` properties of one version row."""

    def can(action: Action) -> bool:
        case = Situation(datacentre, disk, datacentre.clock.now(), asked_version=version.number)
        return refusal(action, case, unseen=False) is None

    is_highest = version is disk.highest
    merge = {name: is_highest and can(action) for name, action in MERGE_FLAGS.items()}
    promote = Action.PROMOTE_TEST_VERSION if version.access is Access.TEST else Action.PROMOTE_TO_PRODUCTION
    is_promotable = version.access is Access.TEST or version is disk.maintenance
    return {
        "CanDelete": can(Action.REMOVE),
        "CanPromote": is_promotable and can(promote),
        "CanRevertTest": can(Action.REVERT_VERSION_TO_TEST) or (is_highest and can(Action.REVERT_TO_TEST)),
        "CanRevertMaintenance": is_highest and can(Action.REVERT_TO_MAINTENANCE),
        "CanOverride": can(Action.SET_OVERRIDE),
        "CanSetScheduledDate": can(Action.SET_DATE),
        **merge,
    }
