"""Merge the updates of a chain into one differencing disk, or everything into a new base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from builders.adapters.errors import NotFound, Refused
from builders.adapters.pvs.enums import MergeAccess
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed, Wait
from builders.jobs.steps.chain import read_chain
from builders.jobs.steps.check import CheckAllowed, check_allowed
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
    produces: ClassVar[Mapping[str, type]] = {"version": int}
    remembers = ("asked_above",)
    limit = timedelta(hours=12)
    poll = 5.0
    stands = True

    def __init__(self, *, new_base: bool) -> None:
        self.new_base = new_base

    def run(self, ctx: StepContext) -> Outcome:
        chain = read_chain(ctx)
        result = self._result(ctx, chain)
        if result is None:
            return self._look_for_it(ctx) if ctx.saved.get("accepted") else self._ask(ctx, chain)
        if result.is_merging:
            ctx.saved["seen"] = result.number
            return Wait(None, f"Merging into version {result.number}", self._percent(ctx, result))
        ctx.set_version(result.number)
        words = f"Merged into version {result.number} ({result.file_name}), which is in test now"
        return Done(words, {"version": result.number, "outcome": words})

    def _result(self, ctx: StepContext, chain: ChainFacts) -> VersionFacts | None:
        """The merged version above all that was there; what else was made meanwhile is somebody else's."""
        asked_above = ctx.saved.get("asked_above")
        if asked_above is None:
            return None
        kind = VersionType.MERGE_BASE if self.new_base else VersionType.MERGE
        return next((one for one in chain.versions if one.number > asked_above and one.type == kind), None)

    def _ask(self, ctx: StepContext, chain: ChainFacts) -> Wait:
        asked_before = "asked_above" in ctx.saved
        if not asked_before:
            check_allowed(ctx, Action.MERGE_BASE if self.new_base else Action.MERGE, chain)
            ctx.intend(asked_above=chain.highest.number if chain.highest else -1)
        try:
            ctx.farm.merge(ctx.disk_id, new_base=self.new_base, access=MergeAccess.TEST)
        except Refused:
            # the lost call of an earlier attempt may have taken effect between our look and this one
            if not asked_before:
                del ctx.saved["asked_above"]
                raise
            if self._result(ctx, read_chain(ctx)) is None:
                raise
        ctx.intend(accepted=True)
        return Wait(None, "PVS has begun to merge")

    def _look_for_it(self, ctx: StepContext) -> Wait:
        seen = ctx.saved.get("seen")
        if seen is None:
            return Wait(None, "PVS accepted the merge and has not shown it yet")
        for name in ("asked_above", "accepted", "seen"):
            del ctx.saved[name]
        raise StepFailed(f"PVS broke the merge off: version {seen} is gone again. Its events say why.")

    def undo(self, ctx: StepContext) -> str:
        """A merge cannot be stopped half-way; its result is a new version, and the old ones stay."""
        result = self._result(ctx, read_chain(ctx))
        if result is None:
            return ""
        if result.is_merging:
            raise StepFailed(f"PVS goes on merging {ctx.disk_name} into version {result.number}.")
        raise StepFailed(f"Version {result.number} of {ctx.disk_name} was merged and is in test.")

    @staticmethod
    def _percent(ctx: StepContext, version: VersionFacts) -> int | None:
        try:
            return ctx.farm.task(version.task_id).percent if version.task_id else None
        except NotFound:
            return None
