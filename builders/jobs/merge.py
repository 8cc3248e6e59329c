"""Merge the updates of a chain into one differencing disk, or everything into a new base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from builders.adapters.errors import NotAuthenticated, NotFound, Refused, Unreachable
from builders.adapters.pvs.enums import MergeAccess
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Stays, Step, StepFailed, Wait
from builders.jobs.steps.asking import asked_in_this_run, is_in_doubt, is_settling
from builders.jobs.steps.chain import read_chain
from builders.jobs.steps.check import CheckAllowed, check_allowed
from builders.jobs.steps.ours import made_by_another_job
from builders.jobs.steps.refresh import RefreshMirror
from lifecycle.facts import ChainFacts, VersionFacts
from lifecycle.models import Job
from lifecycle.states import Action, VersionType


def updates(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.MERGE), Merge(new_base=False), RefreshMirror()]


def new_base(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.MERGE_BASE), Merge(new_base=True), RefreshMirror()]


class Merge(Step):
    """The result goes to test, whatever the farm's default: a merged image is a new image."""

    key = "merge"
    title = "Merge the versions"
    needs = ("vdisk",)
    produces: ClassVar[Mapping[str, type]] = {"version": int, "created": str}
    remembers = ("asked_above", "asked", "accepted", "seen", "made")
    limit = timedelta(hours=12)
    poll = 5.0
    stands = True

    def __init__(self, *, new_base: bool) -> None:
        self.new_base = new_base

    def run(self, ctx: StepContext) -> Outcome:
        chain = read_chain(ctx)
        result = self._result(ctx, chain)
        if result is None:
            is_at_it = ctx.saved.get("accepted") and asked_in_this_run(ctx)
            return self._look_for_it(ctx) if is_at_it else self._ask(ctx, chain)
        if result.is_merging:
            ctx.saved["seen"] = result.number
            return Wait(None, f"Merging into version {result.number}", self._percent(ctx, result))
        ctx.set_version(result.number)
        ctx.saved["made"] = result.number
        words = f"Merged into version {result.number} ({result.file_name}), which is in test now"
        return Done(words, {"version": result.number, "created": result.created, "outcome": words})

    def _result(self, ctx: StepContext, chain: ChainFacts) -> VersionFacts | None:
        """The merged version above all that was there; what else was made meanwhile is somebody else's."""
        asked_above = ctx.saved.get("asked_above")
        if asked_above is None:
            return None
        kind = VersionType.MERGE_BASE if self.new_base else VersionType.MERGE
        found = [one for one in chain.versions if one.number > asked_above and one.type == kind]
        return next((one for one in found if not made_by_another_job(ctx, one.number)), None)

    def _ask(self, ctx: StepContext, chain: ChainFacts) -> Wait:
        before = {name: ctx.saved[name] for name in self.remembers if name in ctx.saved}
        if not asked_in_this_run(ctx):
            check_allowed(ctx, Action.MERGE_BASE if self.new_base else Action.MERGE, chain)
            self._forget(ctx)
            ctx.saved["asked_above"] = chain.highest.number if chain.highest else -1
        ctx.intend(asked=ctx.now.isoformat())
        try:
            ctx.farm.merge(ctx.disk_id, new_base=self.new_base, access=MergeAccess.TEST)
        except (Refused, Unreachable, NotAuthenticated) as error:
            self._forget(ctx)  # this call began nothing; one before it, which nobody answered, may have
            ctx.saved.update(before)
            if not before or not isinstance(error, Refused) or self._result(ctx, read_chain(ctx)) is None:
                raise
        ctx.intend(accepted=True)
        return Wait(None, "PVS has begun to merge")

    def _look_for_it(self, ctx: StepContext) -> Wait:
        seen = ctx.saved.get("seen")
        if seen is None:
            return Wait(None, "PVS accepted the merge and has not shown it yet")
        self._forget(ctx)
        raise StepFailed(f"PVS broke the merge off: version {seen} is gone again. Its events say why.")

    def _forget(self, ctx: StepContext) -> None:
        for name in self.remembers:
            ctx.saved.pop(name, None)

    def undo(self, ctx: StepContext) -> str | Wait:
        """A merge cannot be stopped half-way; its result is a new version, and the old ones stay."""
        result = self._result(ctx, read_chain(ctx))
        if result is None:
            return self._undo_unseen(ctx)
        if result.is_merging:
            ctx.saved["seen"] = result.number
            raise StepFailed("a merge cannot be stopped; look at its result when it is there")
        raise Stays(f"Version {result.number} of {ctx.disk_name} was merged and is in test")

    def _undo_unseen(self, ctx: StepContext) -> str | Wait:
        if ctx.saved.get("seen") is not None:
            return ""  # broken off, or deleted since
        if is_settling(ctx):
            return Wait(None, "Looking for the merge that PVS was asked for and has not shown yet")
        if is_in_doubt(ctx):
            raise StepFailed("PVS accepted the merge and has not shown it yet")
        return ""

    def leaves(self, ctx: StepContext) -> str:
        if ctx.saved.get("asked_above") is None or ctx.saved.get("made") is not None:
            return ""
        if (seen := ctx.saved.get("seen")) is not None:
            return f"version {seen} of {ctx.disk_name}, into which PVS goes on merging"
        return f"perhaps a merged version of {ctx.disk_name}: PVS was asked to merge and may still do it"

    def stays(self, ctx: StepContext) -> str:
        made = ctx.saved.get("made")
        return "" if made is None else f"Version {made} of {ctx.disk_name} was merged and is in test"

    @staticmethod
    def _percent(ctx: StepContext, version: VersionFacts) -> int | None:
        try:
            return ctx.farm.task(version.task_id).percent if version.task_id else None
        except NotFound:
            return None
