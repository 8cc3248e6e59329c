"""The override: production targets boot one chosen version, whatever is newer. The fast roll-back."""

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


def to_set(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.SET_OVERRIDE), SetOverride(), RefreshMirror()]


def to_clear(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.CLEAR_OVERRIDE), ClearOverride(), RefreshMirror()]


class SetOverride(AskPvs):
    action = Action.SET_OVERRIDE
    key = "override"
    title = "Set the override"

    def holds(self, ctx: StepContext, chain: ChainFacts) -> str:
        if chain.override and chain.override.number == ctx.version:
            return f"Version {ctx.version} is the override; production targets boot it at their next restart"
        return ""

    def ask(self, ctx: StepContext) -> None:
        ctx.farm.set_override(ctx.disk_id, ctx.version)


class ClearOverride(AskPvs):
    action = Action.CLEAR_OVERRIDE
    needs = ("vdisk",)
    key = "clear-override"
    title = "Clear the override"

    def holds(self, ctx: StepContext, chain: ChainFacts) -> str:  # noqa: ARG002  one shape for all
        if chain.override:
            return ""
        following = next_for_production(chain)
        return f"No override any more; production targets boot version {following.number if following else 'none'} next"

    def ask(self, ctx: StepContext) -> None:
        ctx.farm.clear_override(ctx.disk_id)
