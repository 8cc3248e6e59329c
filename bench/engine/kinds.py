"""Two kinds of jobs that touch nothing outside: what is left to measure is the engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, Wait
from lifecycle.models import Job

SCRIPT = "bench-script"
WATCH = "bench-watch"


class Pause(Step):
    """Comes back once, ``seconds`` after its first call; with 0 it is done at once."""

    def __init__(self, number: int, seconds: float) -> None:
        self.key = f"pause-{number}"  # type: ignore[misc]
        self.title = f"Pause {number}"  # type: ignore[misc]
        self.seconds = seconds

    def run(self, ctx: StepContext) -> Outcome:
        if self.seconds and "until" not in ctx.saved:
            ctx.saved["until"] = time.time() + self.seconds
            return Wait(self.seconds, f"Waits {self.seconds:.2f} s")
        early = ctx.saved.get("until", 0) - time.time()
        if early > 0:
            return Wait(early, f"Called {early:.3f} s early")
        return Done("Done")


class Watch(Step):
    """Looks every ``seconds`` for ever, and notes when each look was due and when it began (seconds since 1970)."""

    key = "watch"
    title = "Watch"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def run(self, ctx: StepContext) -> Outcome:
        begun = time.time()
        ctx.saved.setdefault("looks", []).append([ctx.job.due_at.timestamp(), begun])
        return Wait(self.seconds, "Not there yet")


def script(job: Job) -> Sequence[Step]:
    """``parameters["waits"]``: seconds, one a step."""
    return [Pause(number, seconds) for number, seconds in enumerate(job.parameters["waits"], 1)]


def watch(job: Job) -> Sequence[Step]:
    """``parameters["every"]``: seconds."""
    return [Watch(job.parameters["every"])]


KINDS: dict[str, Callable[[Job], Sequence[Step]]] = {SCRIPT: script, WATCH: watch}
