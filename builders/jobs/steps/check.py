"""Is it still allowed? The page judged by the mirror; this step judges by PVS itself, right before acting."""

from __future__ import annotations

from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Repeat, Step, StepFailed
from builders.jobs.steps.chain import read_chain
from lifecycle.states import Action
from lifecycle.transitions import judge


class CheckAllowed(Step):
    """Needs the vDisk (and version). Produces nothing; fails with PVS's own code and the reason in words."""

    key = "check"
    title = "Check with PVS that it is allowed now"
    repeat = Repeat.BLINDLY

    def __init__(self, action: Action) -> None:
        self.action = action

    def run(self, ctx: StepContext) -> Outcome:
        possibility = judge(self.action, read_chain(ctx), ctx.job.version_number)
        if not possibility.allowed:
            raise StepFailed(possibility.why_not, code=possibility.refusals[0].code)
        return Done("PVS allows it")
