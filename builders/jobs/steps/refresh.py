"""Brings the mirror up to date, so that the pages show what the job did."""

from __future__ import annotations

from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, Wait
from builders.sync.run import sync_now
from lifecycle.states import Repeat


class RefreshMirror(Step):
    """A sync that is running already may have read too early, so this one waits for its own."""

    key = "refresh"
    title = "Refresh the portal's picture of the farm"
    repeat = Repeat.BLINDLY
    poll = 1.0
    stands = True

    def run(self, ctx: StepContext) -> Outcome:
        if sync_now(ctx.job.farm_id, ctx.farm):
            return Done("The portal shows the farm as it is now")
        return Wait(None, "Another sync is running; waiting for our turn", sign_of_life=False)
