"""New maintenance version: a differencing disk on top of the chain."""

from __future__ import annotations

from collections.abc import Sequence

from builders.adapters.errors import Refused
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step
from builders.jobs.steps.chain import read_chain
from builders.jobs.steps.check import CheckAllowed
from builders.jobs.steps.refresh import RefreshMirror
from lifecycle.models import Job
from lifecycle.states import Action, Repeat

DESCRIPTION_LENGTH = 250
ALREADY_IN_MAINTENANCE = 160


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.NEW_VERSION), CreateVersion(), DescribeVersion(), RefreshMirror()]


class CreateVersion(Step):
    """Needs the vDisk. Produces the version; finds the one a lost answer left behind."""

    key = "create"
    title = "Create the version"

    def run(self, ctx: StepContext) -> Outcome:
        asked_above = ctx.saved.get("asked_above")
        if asked_above is None:
            highest = read_chain(ctx).highest
            ctx.intend(asked_above=highest.number if highest else -1)
        elif found := self._left_behind(ctx, asked_above):
            return found
        try:
            made = ctx.farm.new_maintenance_version(ctx.disk_id)
        except Refused as refused:
            # the lost call of an earlier attempt may have taken effect between our look and this one
            if asked_above is None or refused.code != ALREADY_IN_MAINTENANCE:
                raise
            if found := self._left_behind(ctx, asked_above):
                return found
            raise
        return self._done(ctx, made.version, made.file_name)

    def _left_behind(self, ctx: StepContext, asked_above: int) -> Done | None:
        found = read_chain(ctx).maintenance
        if found is None or found.number <= asked_above:
            return None
        ctx.log(f"Found version {found.number}, made by an earlier attempt")
        return self._done(ctx, found.number, found.file_name)

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
        ctx.farm.describe(ctx.disk_id, ctx.version, f"{reason or 'no purpose given'} {note}")
        return Done("Description written")
