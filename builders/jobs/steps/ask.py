"""The shape of most steps: ask PVS for one thing, once, and believe what is read afterwards."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from builders.adapters.errors import NotAuthenticated, Refused, Unreachable
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Stays, Step, StepFailed, Wait
from builders.jobs.steps.asking import asked_in_this_run, is_in_doubt, is_settling
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
    remembers: ClassVar[tuple[str, ...]] = ("asked", "accepted")
    stands = True

    def run(self, ctx: StepContext) -> Outcome:
        chain = read_chain(ctx)
        if words := self.holds(ctx, chain):
            return self._done(ctx, words)
        self.guard(ctx, chain)
        asked_before = ctx.saved.get("asked")
        ctx.intend(asked=ctx.now.isoformat(), **self.notes(ctx, chain))
        try:
            self.ask(ctx)
        except (Refused, Unreachable, NotAuthenticated) as error:
            if not asked_before:
                del ctx.saved["asked"]
                raise
            # an earlier call, its answer lost, may have taken effect between our look and this call
            ctx.saved["asked"] = asked_before
            if not isinstance(error, Refused) or not self.holds(ctx, read_chain(ctx)):
                raise
        if words := self.holds(ctx, read_chain(ctx)):
            return self._done(ctx, words)
        ctx.saved["accepted"] = True
        return Wait(None, "PVS accepted it and has not shown it yet")

    def _done(self, ctx: StepContext, words: str) -> Done:
        ctx.saved["reached"] = words
        return Done(words, {"outcome": words})

    def undo(self, ctx: StepContext) -> str | Wait:
        """What PVS has done stays: going back is an action of its own, with its own reason."""
        if not ctx.saved.get("asked"):
            return ""
        if words := self.holds(ctx, read_chain(ctx)):
            raise Stays(f"{words}. To go back, use the actions of the vDisk's page.")
        if ctx.saved.get("reached"):
            return ""  # somebody went back since
        if is_settling(ctx):
            return Wait(None, "Looking for what PVS was asked for and has not shown yet")
        if is_in_doubt(ctx):
            raise StepFailed("PVS accepted it and has not shown it yet")
        return ""

    def leaves(self, ctx: StepContext) -> str:
        unclear = ctx.saved.get("accepted") or is_settling(ctx)
        if not ctx.saved.get("asked") or ctx.saved.get("reached") or not unclear:
            return ""
        of = f" {ctx.version}" if "version" in self.needs else ""
        return f"“{self.title}”{of} of {ctx.disk_name}: PVS was asked and may still do it"

    def stays(self, ctx: StepContext) -> str:
        return ctx.saved.get("reached", "") if ctx.saved.get("asked") else ""

    @abstractmethod
    def holds(self, ctx: StepContext, chain: ChainFacts) -> str:
        """What is so now, in words, when the wished state is reached; else an empty text."""

    @abstractmethod
    def ask(self, ctx: StepContext) -> None:
        """The one call that changes something."""

    def guard(self, ctx: StepContext, chain: ChainFacts) -> None:
        """Last look before the call; raises StepFailed when it must not be made."""
        if not asked_in_this_run(ctx):  # else PVS may be at it, and what it allows now says nothing
            check_allowed(ctx, self.action, chain)

    def notes(self, ctx: StepContext, chain: ChainFacts) -> dict[str, Any]:  # noqa: ARG002
        """What is remembered with the call, for a later look."""
        return {}
