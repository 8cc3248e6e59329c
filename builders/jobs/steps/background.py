"""The shape of a step that has something read in the background (builders/contents/running.py) and looks in."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from typing import Any

from builders.contents import running
from builders.contents.running import Work
from builders.engine.context import StepContext
from builders.engine.steps import Outcome, Step, StepFailed, Wait
from lifecycle.models import ImageReading
from lifecycle.states import Repeat


class InBackground(Step):
    """Each call returns at once. A reader that was lost with its worker is found by its silence and replaced."""

    repeat = Repeat.BLINDLY
    poll = 1.0
    silence = timedelta(minutes=2)
    undoes = "Stops the reading"

    def run(self, ctx: StepContext) -> Outcome:
        row = ImageReading.objects.filter(job=ctx.job).first()
        mine = ctx.saved.get("token")
        if row is not None and mine is not None and row.ended_at is not None and row.result:
            return self.take_over(ctx, row.result)
        pen = running.take(ctx.job, first=mine is None)
        if pen is None:
            ctx.saved["token"] = row.token if row is not None else mine
            return Wait(None, (row.words if row else "") or self.title, row.progress if row else None)
        self._begin(ctx, pen, lost=mine is not None)
        return Wait(None, self.title)

    def undo(self, ctx: StepContext) -> str:
        return "The reading was stopped; nothing of it is kept" if running.stop(ctx.job) else ""

    def _begin(self, ctx: StepContext, pen: running.Pen, *, lost: bool) -> None:
        if lost:
            ctx.warn("The worker that was reading was lost; the reading begins anew.")
        if ImageReading.objects.get(job=ctx.job).starts > running.STARTS_AT_MOST:
            raise StepFailed(
                f"{running.STARTS_AT_MOST} workers in a row were lost while they read; it is not tried again."
            )
        ctx.intend(token=pen.token)
        running.begin(pen, self.work(ctx, pen))

    @abstractmethod
    def work(self, ctx: StepContext, pen: running.Pen) -> Work:
        """What the thread is to do. It must keep nothing of ``ctx`` but values."""

    @abstractmethod
    def take_over(self, ctx: StepContext, result: dict[str, Any]) -> Outcome:
        """The work's result. StepFailed when it has a ``problem``."""
