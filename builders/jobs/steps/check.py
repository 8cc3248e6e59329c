"""Is it still allowed? The page judged by the mirror; this step judges by PVS itself, right before acting."""

from __future__ import annotations

from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed
from builders.jobs.steps.chain import read_chain
from lifecycle.facts import ChainFacts
from lifecycle.states import Action, Repeat
from lifecycle.transitions import judge


class CheckAllowed(Step):
    """Needs the vDisk (and version). Fails with the reason in words, and the code that PVS has for it."""

    key = "check"
    title = "Check with PVS that it is allowed now"
    needs = ("vdisk",)
    repeat = Repeat.BLINDLY
    stands = True  # each step that acts looks once more

    def __init__(self, action: Action) -> None:
        self.action = action

    def run(self, ctx: StepContext) -> Outcome:
        check_allowed(ctx, self.action, read_chain(ctx))
        return Done("PVS allows it")


def check_allowed(ctx: StepContext, action: Action, chain: ChainFacts) -> None:
    """StepFailed with the reason in words."""
    possibility = judge(action, chain, ctx.job.version_number)
    if not possibility.allowed:
        code = possibility.refusals[0].code
        known = f" PVS refuses it with code {code}." if code is not None else ""
        raise StepFailed(possibility.why_not + known)
