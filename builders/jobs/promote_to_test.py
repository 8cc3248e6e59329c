"""Promote a maintenance version to test."""

from __future__ import annotations

from collections.abc import Sequence

from builders.engine.context import StepContext
from builders.engine.steps import Step
from builders.jobs.steps.ask import AskPvs
from builders.jobs.steps.check import CheckAllowed
from builders.jobs.steps.power import ShutDownMaintenanceTarget
from builders.jobs.steps.refresh import RefreshMirror
from lifecycle.facts import ChainFacts
from lifecycle.models import Job
from lifecycle.states import Action


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.PROMOTE_TEST), ShutDownMaintenanceTarget(), PromoteToTest(), RefreshMirror()]


class PromoteToTest(AskPvs):
    action = Action.PROMOTE_TEST
    key = "promote"
    title = "Promote the version to test"

    def holds(self, ctx: StepContext, chain: ChainFacts) -> str:
        found = chain.get(ctx.version)
        return (
            f"Version {ctx.version} is in test; test targets boot it at their next start"
            if found and found.is_test
            else ""
        )

    def ask(self, ctx: StepContext) -> None:
        ctx.farm.promote(ctx.disk_id, to="test")
