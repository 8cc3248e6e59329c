"""The shape of most steps: ask PVS for one thing, once, and believe what is read afterwards."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from builders.adapters.errors import Refused
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed, Wait
from builders.jobs.steps.chain import read_chain
from builders.jobs.steps.check import check_allowed
from lifecycle.facts import ChainFacts
from lifecycle.states import Action


class AskPvs(Step):
    """Looks whether the wished state holds already; if not, asks for it and looks again.

    So a call whose answer was lost is found to have worked, and is made again only when it did not.
    """

    action: ClassVar[Action]
    needs: ClassVar[tuple[str, ...]] = ("vdisk", "version")
    remembers = ("asked",)
    stands = True

    def run(self, ctx: StepContext) -> Outcome:
        chain = read_chain(ctx)
        if words := self.holds(ctx, chain):
            return Done(words, {"outcome": words})
        self.guard(ctx, chain)
        asked_before = ctx.saved.get("asked", False)
        ctx.intend(asked=True)
        try:
            self.ask(ctx)
        except Refused:
            # an earlier call, its answer lost, may have taken effect between our look and this call
            if not asked_before:
                del ctx.saved["asked"]
                raise
            if not self.holds(ctx, read_chain(ctx)):
                raise
        if words := self.holds(ctx, read_chain(ctx)):
            return Done(words, {"outcome": words})
        return Wait(None, "PVS accepted it and has not shown it yet")

    def undo(self, ctx: StepContext) -> str:
        """What PVS has done stays: going back is an action of its own, with its own reason."""
        if ctx.saved.get("asked") and (words := self.holds(ctx, read_chain(ctx))):
            raise StepFailed(f"{words}. To go back, use the actions of the vDisk's page.")
        return ""

    @abstractmethod
    def holds(self, ctx: StepContext, chain: ChainFacts) -> str:
        """What is so now, in words, when the wished state is reached; else an empty text."""

    @abstractmethod
    def ask(self, ctx: StepContext) -> None:
        """The one call that changes something."""

    def guard(self, ctx: StepContext, chain: ChainFacts) -> None:
        """Last look before the call; raises StepFailed when it must not be made."""
        if not ctx.saved.get("asked"):  # else PVS may be at it, and what it allows now says nothing
            check_allowed(ctx, self.action, chain)
