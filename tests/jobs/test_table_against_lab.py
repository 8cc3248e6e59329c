"""The table of transitions and the farm agree: each situation times each action, allowed or refused, with the code."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from builders.adapters.errors import AdapterError
from builders.adapters.pvs.enums import MergeAccess
from builders.adapters.pvs.farm import ProvisioningFarm
from builders.jobs.steps.chain import replica_facts, version_facts
from lifecycle.booting import situation
from lifecycle.facts import ChainFacts
from lifecycle.models import VDisk
from lifecycle.states import Action, Situation
from lifecycle.transitions import TRANSITIONS, judge
from tests.labprocess import LabProcess

pytestmark = pytest.mark.django_db

TOMORROW = timedelta(days=1)


class Stage:
    """One vDisk of the lab, brought into a situation by PVS calls alone."""

    def __init__(self, pvs: ProvisioningFarm, lab: LabProcess, name: str) -> None:
        self.pvs, self.lab, self.name = pvs, lab, name
        self.disk = VDisk.objects.get(name=name).guid

    def chain(self) -> ChainFacts:
        return ChainFacts(
            name=self.name,
            versions=tuple(version_facts(version) for version in self.pvs.versions(self.disk)),
            replicas=tuple(replica_facts(copy) for copy in self.pvs.inventory(self.disk)),
            test_targets=1,
            maintenance_targets=1,
        )

    def maintenance(self) -> int:
        return self.pvs.new_maintenance_version(self.disk).version

    def test(self) -> int:
        number = self.maintenance()
        self.pvs.promote(self.disk, to="test")
        return number

    def production(self) -> int:
        number = self.test()
        self.pvs.promote(self.disk, to="production", test_version=number)
        return number

    def pending(self) -> int:
        number = self.test()
        when = datetime.now(UTC) + TOMORROW
        self.pvs.promote(self.disk, to="production", test_version=number, scheduled_at=when)
        return number

    def superseded(self) -> int:
        return self.production() - 1

    def override(self) -> int:
        number = self.superseded()
        self.pvs.set_override(self.disk, number)
        return number

    def merging(self) -> int:
        self.production()
        self.replicated()
        self.pvs.merge(self.disk, new_base=False, access=MergeAccess.TEST)
        merging = self.chain().merging
        assert merging, "the merge ended before it could be looked at"
        return merging.number

    def obsolete(self) -> int:
        return next(version.number for version in self.chain().versions if version.delete_when_free)

    def replicated(self) -> None:
        for _ in range(300):
            if all(version.good_inventory for version in self.chain().versions):
                return
            time.sleep(0.05)
        raise AssertionError("the lab does not replicate")


SITUATIONS: dict[Situation, tuple[str, Callable[[Stage], int]]] = {
    Situation.MAINTENANCE: ("W11-CAD", Stage.maintenance),
    Situation.TEST: ("W11-CAD", Stage.test),
    Situation.PENDING: ("W11-CAD", Stage.pending),
    Situation.PRODUCTION: ("W11-CAD", Stage.production),
    Situation.SUPERSEDED: ("W11-CAD", Stage.superseded),
    Situation.OVERRIDE: ("W11-CAD", Stage.override),
    Situation.MERGING: ("W11-CAD", Stage.merging),
    Situation.OBSOLETE: ("W2022-CVAD", Stage.obsolete),
}

CALLS: dict[Action, Callable[[Stage, int], object]] = {
    Action.NEW_VERSION: lambda s, n: s.pvs.new_maintenance_version(s.disk),
    Action.PROMOTE_TEST: lambda s, n: s.pvs.promote(s.disk, to="test"),
    Action.PROMOTE_PRODUCTION: lambda s, n: s.pvs.promote(s.disk, to="production", test_version=n),
    Action.REVERT_TEST: lambda s, n: s.pvs.revert(s.disk, to="test", version=n),
    Action.REVERT_MAINTENANCE: lambda s, n: s.pvs.revert(s.disk, to="maintenance"),
    Action.SET_OVERRIDE: lambda s, n: s.pvs.set_override(s.disk, n),
    Action.CLEAR_OVERRIDE: lambda s, n: s.pvs.clear_override(s.disk),
    Action.RESCHEDULE: lambda s, n: s.pvs.set_scheduled(s.disk, n, datetime.now(UTC) + 2 * TOMORROW),
    Action.MERGE: lambda s, n: s.pvs.merge(s.disk, new_base=False, access=MergeAccess.TEST),
    Action.MERGE_BASE: lambda s, n: s.pvs.merge(s.disk, new_base=True, access=MergeAccess.TEST),
    Action.DELETE_VERSION: lambda s, n: s.pvs.delete_version(s.disk, n),
}
# these two start targets and ask the farm for no change of a version
NOT_TRANSITIONS = {Action.BOOT_MAINTENANCE, Action.BOOT_TEST}
# the cmdlet names no version, so it cannot be asked about one that it would not choose
ONLY_ON_ITS_OWN_CHOICE = {
    (Situation.SUPERSEDED, Action.REVERT_MAINTENANCE),
    (Situation.OBSOLETE, Action.REVERT_MAINTENANCE),
    (Situation.OVERRIDE, Action.REVERT_MAINTENANCE),
    (Situation.OBSOLETE, Action.CLEAR_OVERRIDE),
}
LEADS_TO: dict[Action, Situation | None] = {
    Action.PROMOTE_TEST: Situation.TEST,
    Action.PROMOTE_PRODUCTION: Situation.PRODUCTION,
    Action.REVERT_TEST: Situation.TEST,
    Action.REVERT_MAINTENANCE: Situation.MAINTENANCE,
    Action.SET_OVERRIDE: Situation.OVERRIDE,
    Action.CLEAR_OVERRIDE: Situation.SUPERSEDED,
    Action.RESCHEDULE: Situation.PENDING,
    Action.DELETE_VERSION: None,
}
PAIRS = [
    pytest.param(where, action, id=f"{action}, {where}")
    for where in SITUATIONS
    for action in CALLS
    if (where, action) not in ONLY_ON_ITS_OWN_CHOICE
]


def test_every_action_and_situation_is_tried() -> None:
    assert set(SITUATIONS) == set(Situation)
    assert set(CALLS) == set(TRANSITIONS) - NOT_TRANSITIONS


@pytest.mark.parametrize(("where", "action"), PAIRS)
def test_the_farm_agrees_with_the_table(
    where: Situation, action: Action, pvs: ProvisioningFarm, lab: LabProcess
) -> None:
    name, arrange = SITUATIONS[where]
    stage = Stage(pvs, lab, name)
    number = arrange(stage)
    chain = stage.chain()
    version = chain.get(number)
    assert version is not None
    assert situation(version, chain) == where
    possibility = judge(action, chain, number if TRANSITIONS[action].starts_from else None)

    if not possibility.allowed:
        with pytest.raises(AdapterError) as refused:
            CALLS[action](stage, number)
        assert refused.value.code in {refusal.code for refusal in possibility.refusals}, str(refused.value)
        return

    CALLS[action](stage, number)

    if action in LEADS_TO:
        after = stage.chain()
        found = after.get(number)
        assert (situation(found, after) if found else None) == LEADS_TO[action]
