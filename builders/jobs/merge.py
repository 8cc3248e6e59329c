"""Merge the updates of a chain into one differencing disk, or everything into a new base."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from builders.adapters.errors import NotFound
from builders.adapters.pvs.enums import MergeAccess
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, Wait
from builders.jobs.steps.chain import read_chain
from builders.jobs.steps.check import CheckAllowed
from builders.jobs.steps.refresh import RefreshMirror
from lifecycle.facts import VersionFacts
from lifecycle.models import Job
from lifecycle.states import Action

POLL_SECONDS = 5.0


def updates(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.MERGE), Merge(new_base=False), RefreshMirror()]


def new_base(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.MERGE_BASE), Merge(new_base=True), RefreshMirror()]


class Merge(Step):
    """Needs the vDisk. The result goes to test, whatever the farm's default: a merged image is a new image."""

    key = "merge"
    title = "Merge the versions"
    limit = timedelta(hours=12)

    def __init__(self, *, new_base: bool) -> None:
        self.new_base = new_base

    def run(self, ctx: StepContext) -> Outcome:
        chain = read_chain(ctx)
        highest = chain.highest.number if chain.highest else -1
        asked_above = ctx.saved.get("asked_above")
        if asked_above is None or (highest <= asked_above and not chain.merging and not ctx.saved.get("accepted")):
            ctx.intend(asked_above=highest)
            ctx.farm.merge(ctx.disk_id, new_base=self.new_base, access=MergeAccess.TEST)
            ctx.intend(accepted=True)
            return Wait(POLL_SECONDS, "PVS has begun to merge")
        if chain.merging:
            return Wait(POLL_SECONDS, f"Merging into version {chain.merging.number}", self._percent(ctx, chain.merging))
        if chain.highest and highest > asked_above:
            ctx.set_version(highest)
            words = f"Merged into version {highest} ({chain.highest.file_name}), which is in test now"
            return Done(words, {"version": highest, "outcome": words})
        return Wait(POLL_SECONDS, "PVS accepted the merge and has not shown it yet")

    @staticmethod
    def _percent(ctx: StepContext, version: VersionFacts) -> int | None:
        try:
            return ctx.farm.task(version.task_id).percent if version.task_id else None
        except NotFound:
            return None
