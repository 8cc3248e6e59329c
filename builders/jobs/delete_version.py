"""Delete the highest version, or one that a merge has replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from builders.engine.context import StepContext
from builders.engine.steps import Step, StepFailed
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

    remembers = (*AskPvs.remembers, "created", "file_name")

    def holds(self, ctx: StepContext, chain: ChainFacts) -> str:
        return "" if chain.get(ctx.version) else f"Version {ctx.version} was deleted"

    def ask(self, ctx: StepContext) -> None:
        ctx.farm.delete_version(ctx.disk_id, ctx.version)

    def guard(self, ctx: StepContext, chain: ChainFacts) -> None:
        """PVS gives the number of a deleted version anew: what was asked for is deleted, and nothing else."""
        now = self.notes(ctx, chain)
        before = {name: ctx.saved.get(name, now[name]) for name in now}
        if before != now:
            raise StepFailed(
                f"Version {ctx.version} is another one than this job was to delete: {_told(now)}, and not "
                f"{_told(before)}. Start a new job if it is to be deleted too."
            )
        super().guard(ctx, chain)

    def notes(self, ctx: StepContext, chain: ChainFacts) -> dict[str, Any]:
        found = chain.get(ctx.version)
        return {"created": found.created, "file_name": found.file_name} if found else {}


def _told(notes: dict[str, Any]) -> str:
    return f"{notes['file_name']}, made at {notes['created']}"
