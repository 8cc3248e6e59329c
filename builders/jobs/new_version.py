"""New maintenance version: a differencing disk on top of the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from builders.adapters.errors import NotAuthenticated, Refused, Unreachable
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed, Wait
from builders.jobs.steps.chain import read_chain
from builders.jobs.steps.check import CheckAllowed, check_allowed
from builders.jobs.steps.power import runs
from builders.jobs.steps.refresh import RefreshMirror
from lifecycle.facts import VersionFacts
from lifecycle.models import Job
from lifecycle.states import Action, Repeat

DESCRIPTION_LENGTH = 250
ALREADY_IN_MAINTENANCE = 160
SETTLE = timedelta(seconds=60)
"""So long after a call that nobody answered, its version may still appear."""


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.NEW_VERSION), CreateVersion(), DescribeVersion(), RefreshMirror()]


class CreateVersion(Step):
    """PVS has no room for a mark on a new version; what a lost answer left behind is the one above ``asked_above``."""

    key = "create"
    title = "Create the version"
    needs = ("vdisk",)
    produces: ClassVar[Mapping[str, type]] = {"version": int}
    remembers = ("asked_above", "asked")
    stands = True
    undoes = "deletes the version, if it is still in maintenance and no target runs it"

    def run(self, ctx: StepContext) -> Outcome:
        asked_above = ctx.saved.get("asked_above")
        asked_before = ctx.saved.get("asked")
        if asked_above is None:
            chain = read_chain(ctx)
            check_allowed(ctx, Action.NEW_VERSION, chain)
            asked_above = chain.highest.number if chain.highest else -1
        elif found := self._made(ctx, asked_above):
            ctx.log(f"Found version {found.number}, made by an earlier attempt")
            return self._done(ctx, found.number, found.file_name)
        ctx.intend(asked_above=asked_above, asked=ctx.now.isoformat())
        try:
            made = ctx.farm.new_maintenance_version(ctx.disk_id)
        except (Refused, Unreachable, NotAuthenticated) as error:
            # the lost call of an earlier attempt may have taken effect between our look and this one
            in_the_way = isinstance(error, Refused) and error.code == ALREADY_IN_MAINTENANCE
            if asked_before and in_the_way and (found := self._made(ctx, asked_above)):
                return self._done(ctx, found.number, found.file_name)
            self._forget(ctx, asked_before)
            raise
        return self._done(ctx, made.version, made.file_name)

    def _forget(self, ctx: StepContext, asked_before: str | None) -> None:
        """This call provably made nothing; one before it, which nobody answered, may have."""
        if asked_before:
            ctx.saved["asked"] = asked_before
        else:
            del ctx.saved["asked"]

    def _made(self, ctx: StepContext, asked_above: int) -> VersionFacts | None:
        found = read_chain(ctx).maintenance
        return found if found and found.number > asked_above else None

    def _done(self, ctx: StepContext, number: int, file_name: str) -> Done:
        ctx.set_version(number)
        ctx.saved["file_name"] = file_name
        words = f"Version {number} was created ({file_name}); a maintenance target can boot it now"
        return Done(words, {"version": number, "outcome": words})

    def undo(self, ctx: StepContext) -> str | Wait:
        asked_above, number = ctx.saved.get("asked_above"), ctx.produced("version")
        found = self._made(ctx, asked_above) if asked_above is not None and ctx.saved.get("asked") else None
        if found is None and number is None and self._may_still_come(ctx):
            return Wait(None, "Looking for the version that PVS was asked for; the answer was lost")
        if found is None or number not in (None, found.number):
            return ""
        if users := [device.name for device in ctx.farm.devices_of(ctx.disk_id) if runs(device, ctx, found.number)]:
            raise StepFailed(f"{', '.join(users)} runs it; shut it down first")
        ctx.farm.delete_version(ctx.disk_id, found.number)
        return f"Version {found.number} was deleted again"

    def _may_still_come(self, ctx: StepContext) -> bool:
        asked = ctx.saved.get("asked")
        return bool(asked) and ctx.now - datetime.fromisoformat(asked) < SETTLE

    def leaves(self, ctx: StepContext) -> str:
        if not ctx.saved.get("asked"):
            return ""
        vdisk = ctx.job.vdisk
        where = f"of {ctx.disk_name} in store {vdisk.store.name}" if vdisk else ""
        if (number := ctx.produced("version")) is not None:
            return f"version {number} {where} ({ctx.saved.get('file_name', '')}), in maintenance"
        return f"perhaps a version above {ctx.saved['asked_above']} {where}: PVS was asked for one and did not answer"


class DescribeVersion(Step):
    """PVS's own record names one service account for everybody, so the person goes here."""

    key = "describe"
    title = "Note who asked for it in the version's description"
    needs = ("vdisk", "version")
    repeat = Repeat.BLINDLY
    stands = True

    def run(self, ctx: StepContext) -> Outcome:
        note = f"[{ctx.job.requested_by.get_username()}, portal job {ctx.job.pk}]"
        reason = ctx.job.reason[: DESCRIPTION_LENGTH - len(note) - 1]
        ctx.farm.describe(ctx.disk_id, ctx.version, f"{reason or 'no purpose given'} {note}")
        return Done("Description written")
