"""Jobs whose outside is a folder: a test sees what they did, and lets them go on."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed, Wait
from builders.jobs import KINDS
from lifecycle.models import Job

GATED = "gated"
GIVE_UP = 120


class Call(Step):
    """One long outside call: notes that it began, and answers when the file ``go`` is there."""

    key = "call"
    title = "Call"

    def run(self, ctx: StepContext) -> Outcome:
        folder = Path(ctx.job.parameters["folder"])
        with (folder / f"began-{ctx.job.pk}").open("a", encoding="utf-8") as began:
            began.write(f"{os.getpid()}\n")
        give_up = time.monotonic() + GIVE_UP
        while not (folder / "go").exists():
            if time.monotonic() > give_up:
                raise StepFailed("nobody let it go on")
            time.sleep(0.02)
        return Done("answered")


class Look(Step):
    """A short wait, twice."""

    key = "look"
    title = "Look"

    def run(self, ctx: StepContext) -> Outcome:
        looks = ctx.saved["looks"] = ctx.saved.get("looks", 0) + 1
        return Done("seen") if looks > 2 else Wait(0.1, f"look {looks}")


def plan(_job: Job) -> Sequence[Step]:
    return [Call(), Look()]


KINDS[GATED] = plan
