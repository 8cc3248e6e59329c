"""Making a thing outside exactly once: it bears the portal's mark, and is looked for by that before it is made."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timedelta
from typing import ClassVar, Generic, TypeVar

from builders.adapters.errors import NotAuthenticated, Refused, Unreachable
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, Wait

Thing = TypeVar("Thing")


class CreateOnce(Step, Generic[Thing]):
    """The intention is saved before the call. What a lost call has made is found by its mark and adopted.

    A call that was never answered may still take effect; for ``settle`` after it, the thing is looked for and not made
    anew.
    """

    remembers = ("asked_at",)
    stands = True
    belongs_to_job = True
    settle: ClassVar[timedelta] = timedelta(seconds=60)

    def run(self, ctx: StepContext) -> Outcome:
        found = self.find(ctx, ctx.tag)
        if found is not None:
            if "asked_at" in ctx.saved:
                ctx.log("Found what an earlier attempt made; going on with it")
            return self.made(ctx, found)
        if self._may_still_come(ctx):
            return Wait(None, "Looking for what the call may have made whose answer was lost")
        ctx.intend(asked_at=ctx.now.isoformat())
        try:
            return self.made(ctx, self.create(ctx, ctx.tag))
        except (Refused, Unreachable, NotAuthenticated):
            del ctx.saved["asked_at"]  # it provably made nothing
            raise

    def undo(self, ctx: StepContext) -> str | Wait:
        found = self.find(ctx, ctx.tag)
        if found is not None:
            return self.remove(ctx, found)
        if self._may_still_come(ctx):
            return Wait(None, "Looking for what the call may have made whose answer was lost")
        return ""

    @abstractmethod
    def find(self, ctx: StepContext, tag: str) -> Thing | None:
        """The thing that bears the mark, or None. Changes nothing."""

    @abstractmethod
    def create(self, ctx: StepContext, tag: str) -> Thing:
        """The one call that makes it, with the mark on it from its beginning."""

    @abstractmethod
    def made(self, ctx: StepContext, thing: Thing) -> Done:
        """What the step says and produces."""

    @abstractmethod
    def remove(self, ctx: StepContext, thing: Thing) -> str:
        """Remove it; what was removed, in words. StepFailed says why it cannot be."""

    def _may_still_come(self, ctx: StepContext) -> bool:
        asked_at = ctx.saved.get("asked_at")
        return asked_at is not None and ctx.now - datetime.fromisoformat(asked_at) < self.settle
