"""A job of twenty steps: a version's whole life and back to where it began, made of the product's own steps.

What is added to them: faster polls and retries, undos that take the version away in whatever state it is (PVS has no
road back for each single step, and a test of thousands needs the chain as it was), and pauses that may fail to order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, RetryPolicy, Step, StepFailed, Wait
from builders.jobs.delete_version import DeleteVersion
from builders.jobs.merge import Merge
from builders.jobs.new_version import CreateVersion, DescribeVersion
from builders.jobs.override import ClearOverride, SetOverride
from builders.jobs.promote_to_test import PromoteToTest
from builders.jobs.revert import RevertToTest
from builders.jobs.steps.ask import AskPvs
from builders.jobs.steps.chain import read_chain
from builders.jobs.steps.check import CheckAllowed
from builders.jobs.steps.power import ShutDownMaintenanceTarget
from builders.jobs.steps.refresh import RefreshMirror
from builders.jobs.steps.replication import WaitForReplication
from lifecycle.facts import ChainFacts, VersionFacts
from lifecycle.models import Job
from lifecycle.states import Access, Action, Repeat

KIND = "chaos"
STEPS = 20
POLL_SECONDS = 0.7
RETRY = RetryPolicy(times=8, first_seconds=0.4, longest_seconds=4.0)
MADE, MADE_GONE, MERGED, MERGED_GONE = "made", "made_gone", "merged", "merged_gone"
EARLY = "EARLY"  # what a log line says when a pause ended before its time
SCRIPTED = "as was ordered"


def steps(job: Job) -> Sequence[Step]:
    """The table of contents. The version goes up to production and, with the merged one, away again."""
    plan = [
        named(CheckAllowed(Action.NEW_VERSION), "check-new"),
        Make(),
        DescribeVersion(),
        Pause(1),
        named(CheckAllowed(Action.PROMOTE_TEST), "check-test"),
        ShutDownMaintenanceTarget(),
        ToTest(),
        WaitForReplication(),
        Pause(2),
        ToProduction(),
        Override(),
        Pause(3),
        NoOverride(),
        BackToTest(),
        MergeAll(new_base=False),
        named(DescribeVersion(), "describe-merged"),
        DeleteMerged(),
        TurnBack(),
        DeleteMade(),
        RefreshMirror() if job.parameters.get("refresh") else Pause(4),
    ]
    for step in plan:
        step.retry = RETRY  # type: ignore[misc]
        step.poll = POLL_SECONDS  # type: ignore[misc]
    return plan


def named(step: Step, key: str) -> Step:
    """A step that occurs twice in a job bears a key of its own each time."""
    step.key = key  # type: ignore[misc]
    return step


class Pause(Step):
    """Waits as long as the job's parameters say, by the database's clock, and fails where they say so."""

    repeat = Repeat.BLINDLY

    def __init__(self, number: int) -> None:
        self.number = number
        self.key = f"pause-{number}"  # type: ignore[misc]
        self.title = f"Pause {number}"  # type: ignore[misc]

    def run(self, ctx: StepContext) -> Outcome:
        seconds = ctx.job.parameters["pauses"][self.number - 1]
        if "since" not in ctx.saved:
            ctx.saved["since"] = database_time().isoformat()
            return Wait(seconds, f"Waits {seconds:.1f} s")
        early = seconds - (database_time() - datetime.fromisoformat(ctx.saved["since"])).total_seconds()
        if early > 0:
            ctx.warn(f"{EARLY}: called {early:.3f} s before its time")
        if ctx.job.parameters.get("fails_at") == self.number and ctx.job.runs <= ctx.job.parameters["fails_times"]:
            raise StepFailed(f"Pause {self.number} fails {SCRIPTED}.")
        return Done(f"Waited {seconds:.1f} s")


class Make(CreateVersion):
    """The product's step, with an undo that takes the version away whatever became of it."""

    produces = {**CreateVersion.produces, MADE: int}
    undoes = "deletes the version"
    belongs_to_job = True
    clocks_differ = timedelta(days=1)  # the lab's clock is put wrong, again and again

    def run(self, ctx: StepContext) -> Outcome:
        outcome = super().run(ctx)
        if isinstance(outcome, Done):
            return Done(outcome.message, {**outcome.produces, MADE: outcome.produces["version"]})
        return outcome

    def undo(self, ctx: StepContext) -> str | Wait:
        return "" if ctx.produced(MADE_GONE) else super().undo(ctx)

    def leaves(self, ctx: StepContext) -> str:
        return "" if ctx.produced(MADE_GONE) else super().leaves(ctx)

    def may_be_deleted(self, ctx: StepContext, found: VersionFacts) -> None:
        """Always: nobody but this job works with it."""


class Stays:
    """Beside a product's step: nothing to take back here, for undoing the creation takes the whole version away."""

    def undo(self, ctx: StepContext) -> str:  # noqa: ARG002
        return ""

    def leaves(self, ctx: StepContext) -> str:  # noqa: ARG002
        return ""


class ToTest(Stays, PromoteToTest):
    pass


class ToProduction(Stays, AskPvs):
    """The product only promotes what was approved; here nobody approves, and the call is the same."""

    action = Action.PROMOTE_PRODUCTION
    key = "production"
    title = "Promote the version to production"

    def holds(self, ctx: StepContext, chain: ChainFacts) -> str:
        found = chain.get(ctx.version)
        good = found and found.access in (Access.PRODUCTION, Access.OVERRIDE)
        return f"Version {ctx.version} is in production" if good else ""

    def ask(self, ctx: StepContext) -> None:
        ctx.farm.promote(ctx.disk_id, to="production", test_version=ctx.version)


class Override(Stays, SetOverride):
    pass


class NoOverride(Stays, ClearOverride):
    pass


class BackToTest(Stays, RevertToTest):
    pass


class MergeAll(Merge):
    produces = {**Merge.produces, MERGED: int}
    undoes = "deletes the merged version"
    belongs_to_job = True

    def run(self, ctx: StepContext) -> Outcome:
        outcome = super().run(ctx)
        if isinstance(outcome, Done):
            return Done(outcome.message, {**outcome.produces, MERGED: outcome.produces["version"]})
        return outcome

    def undo(self, ctx: StepContext) -> str | Wait:
        result = None if ctx.produced(MERGED_GONE) else self._result(ctx, read_chain(ctx))
        if result is None:
            return "" if ctx.produced(MERGED) else self._undo_unseen(ctx)
        if result.is_merging:
            return Wait(None, f"Version {result.number} is still being merged")
        ctx.intend(seen=result.number)
        ctx.farm.delete_version(ctx.disk_id, result.number)
        return f"The merged version {result.number} was deleted again"

    def leaves(self, ctx: StepContext) -> str:
        if ctx.produced(MERGED) is not None:
            return "" if ctx.produced(MERGED_GONE) else f"merged version {ctx.produced(MERGED)} of {ctx.disk_name}"
        return super().leaves(ctx)


class Delete(Stays, DeleteVersion):
    """Deletes the version the job is about now, and notes that it is gone."""

    mark: str

    def run(self, ctx: StepContext) -> Outcome:
        outcome = super().run(ctx)
        if isinstance(outcome, Done):
            return Done(outcome.message, {**outcome.produces, self.mark: True})
        return outcome


class DeleteMerged(Delete):
    key = "delete-merged"
    title = "Delete the merged version"
    mark = MERGED_GONE
    produces = {**DeleteVersion.produces, MERGED_GONE: bool}


class DeleteMade(Delete):
    key = "delete-made"
    title = "Delete the version"
    mark = MADE_GONE
    produces = {**DeleteVersion.produces, MADE_GONE: bool}


class TurnBack(Step):
    """The merge made the job about another version; the rest is about the first one."""

    key = "turn-back"
    title = "Turn back to the version that was made first"
    repeat = Repeat.BLINDLY
    needs = (MADE,)

    def run(self, ctx: StepContext) -> Outcome:
        ctx.set_version(ctx.produced(MADE))
        return Done(f"On with version {ctx.produced(MADE)}")


def database_time() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
