"""New maintenance version: a differencing disk on top of the chain."""

from __future__ import annotations

from collections.abc import Sequence

from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Repeat, Step
from builders.jobs.steps.chain import read_chain
from builders.jobs.steps.check import CheckAllowed
from builders.jobs.steps.refresh import RefreshMirror
from lifecycle.models import Job
from lifecycle.states import Action

DESCRIPTION_LENGTH = 250


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.NEW_VERSION), CreateVersion(), DescribeVersion(), RefreshMirror()]


class CreateVersion(Step):
    """Needs the vDisk. Produces the version; finds the one a lost answer left behind."""

    key = "create"
    title = "Create the version"

    def run(self, ctx: StepContext) -> Outcome:
        chain = read_chain(ctx)
        asked_above = ctx.saved.get("asked_above")
        found = chain.maintenance
        if asked_above is not None and found and found.number > asked_above:
            ctx.log(f"Found version {found.number}, made by an earlier attempt")
            return self._done(ctx, found.number, found.file_name)
        ctx.intend(asked_above=chain.highest.number if chain.highest else -1)
        made = ctx.farm.new_maintenance_version(ctx.disk_id)
        return self._done(ctx, made.version, made.file_name)

    def _done(self, ctx: StepContext, number: int, file_name: str) -> Done:
        ctx.set_version(number)
        words = f"Version {number} was created ({file_name}); a maintenance target can boot it now"
        return Done(words, {"version": number, "outcome": words})

    def undo(self, ctx: StepContext) -> str:
        number = ctx.produced("version")
        found = read_chain(ctx).get(number) if number is not None else None
        if found is None or not found.is_maintenance:
            return ""
        ctx.farm.delete_version(ctx.disk_id, number)
        return f"Version {number} was deleted again"


class DescribeVersion(Step):
    """Needs the version. PVS's own record names one service account for everybody, so the person goes here."""

    key = "describe"
    title = "Note who asked for it in the version's description"
    repeat = Repeat.BLINDLY

    def run(self, ctx: StepContext) -> Outcome:
        note = f"[{ctx.job.requested_by.get_username()}, portal job {ctx.job.pk}]"
        reason = ctx.job.reason[: DESCRIPTION_LENGTH - len(note) - 1]
        ctx.farm.describe(ctx.disk_id, ctx.version, f"{reason} {note}".strip())
        return Done("Description written")
