"""Take a version back: from production to test, or open it for maintenance again."""

from __future__ import annotations

from collections.abc import Sequence

from builders.engine.context import StepContext
from builders.engine.steps import Step
from builders.jobs.steps.ask import AskPvs
from builders.jobs.steps.check import CheckAllowed
from builders.jobs.steps.refresh import RefreshMirror
from lifecycle.booting import next_for_production
from lifecycle.facts import ChainFacts
from lifecycle.models import Job
from lifecycle.states import Action


def to_test(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.REVERT_TEST), RevertToTest(), RefreshMirror()]


def to_maintenance(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.REVERT_MAINTENANCE), RevertToMaintenance(), RefreshMirror()]


class RevertToTest(AskPvs):
    action = Action.REVERT_TEST
    key = "revert"
    title = "Revert the version to test"

    def holds(self, ctx: StepContext, chain: ChainFacts) -> str:
        found = chain.get(ctx.version)
        return f"Version {ctx.version} is in test again. {_production(chain)}" if found and found.is_test else ""

    def ask(self, ctx: StepContext) -> None:
        ctx.farm.revert(ctx.disk_id, to="test", version=ctx.version)


class RevertToMaintenance(AskPvs):
    """PVS may open the version itself or put a new one on top; either way one is in maintenance afterwards."""

    action = Action.REVERT_MAINTENANCE
    key = "revert"
    title = "Revert the version to maintenance"

    def holds(self, ctx: StepContext, chain: ChainFacts) -> str:  # noqa: ARG002  one shape for all
        found = chain.maintenance
        return f"Version {found.number} is in maintenance. {_production(chain)}" if found else ""

    def ask(self, ctx: StepContext) -> None:
        ctx.farm.revert(ctx.disk_id, to="maintenance")


def _production(chain: ChainFacts) -> str:
    following = next_for_production(chain)
    return f"Production targets boot version {following.number} next" if following else "Nothing is in production now"
