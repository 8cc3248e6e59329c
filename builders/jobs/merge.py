"""Merge the updates of a chain into one differencing disk, or everything into a new base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from builders.adapters.errors import NotFound
from builders.adapters.pvs.enums import MergeAccess
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed, Wait
from builders.jobs.steps.chain import read_chain
from builders.jobs.steps.check import CheckAllowed, check_allowed
from builders.jobs.steps.refresh import RefreshMirror
from lifecycle.facts import VersionFacts
from lifecycle.models import Job
from lifecycle.states import Action


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
        highest = chain.highest.number if chain.highest else -1
        asked_above = ctx.saved.get("asked_above")
        if asked_above is None:
            check_allowed(ctx, Action.MERGE_BASE if self.new_base else Action.MERGE, chain)
        if asked_above is None or (highest <= asked_above and not chain.merging and not ctx.saved.get("accepted")):
            ctx.intend(asked_above=highest)
            ctx.farm.merge(ctx.disk_id, new_base=self.new_base, access=MergeAccess.TEST)
            ctx.intend(accepted=True)
            return Wait(None, "PVS has begun to merge")
        if chain.merging:
            return Wait(None, f"Merging into version {chain.merging.number}", self._percent(ctx, chain.merging))
        if chain.highest and highest > asked_above:
            ctx.set_version(highest)
            words = f"Merged into version {highest} ({chain.highest.file_name}), which is in test now"
            return Done(words, {"version": highest, "outcome": words})
        return Wait(None, "PVS accepted the merge and has not shown it yet")

    def undo(self, ctx: StepContext) -> str:
        """A merge cannot be stopped half-way; its result is a new version, and the old ones stay."""
        asked_above = ctx.saved.get("asked_above")
        if asked_above is None:
            return ""
        chain = read_chain(ctx)
        if chain.merging:
            raise StepFailed(f"PVS goes on merging {ctx.disk_name} into version {chain.merging.number}.")
        if chain.highest and chain.highest.number > asked_above:
            raise StepFailed(f"Version {chain.highest.number} of {ctx.disk_name} was merged and is in test.")
        return ""

    @staticmethod
    def _percent(ctx: StepContext, version: VersionFacts) -> int | None:
        try:
            return ctx.farm.task(version.task_id).percent if version.task_id else None
        except NotFound:
            return None
