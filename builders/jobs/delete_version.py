"""Delete the highest version, or one that a merge has replaced."""

from __future__ import annotations

from collections.abc import Sequence

from builders.engine.context import StepContext
from builders.engine.steps import Step
from builders.jobs.steps.ask import AskPvs
from builders.jobs.steps.check import CheckAllowed
from builders.jobs.steps.refresh import RefreshMirror
from lifecycle.facts import ChainFacts
from lifecycle.models import Job
from lifecycle.states import Action


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.DELETE_VERSION), DeleteVersion(), RefreshMirror()]


class DeleteVersion(AskPvs):
    action = Action.DELETE_VERSION
    key = "delete"
    title = "Delete the version and its files"

    def holds(self, ctx: StepContext, chain: ChainFacts) -> str:
        return "" if chain.get(ctx.version) else f"Version {ctx.version} was deleted"

    def ask(self, ctx: StepContext) -> None:
        ctx.farm.delete_version(ctx.disk_id, ctx.version)
