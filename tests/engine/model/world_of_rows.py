"""The ground of the machine on the real database: a farm in memory that may fail, and the steps that speak to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from builders.adapters.errors import OutcomeUnknown, Refused, Unreachable
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed, Wait
from builders.jobs.steps.create import CreateOnce
from lifecycle.models import Job
from tests.engine.model.puppets import stop_before

FINE, ANSWER_LOST, ON_ITS_WAY, NEVER_SENT, REFUSED = "fine", "answer lost", "on its way", "never sent", "refused"
CALLS = (FINE, ANSWER_LOST, ON_ITS_WAY, NEVER_SENT, REFUSED)
READY, NOT_YET = "ready", "not yet"


class ToyFarm:
    """Things by their tag. ``next`` is what becomes of the next call; ``late`` counts calls that may yet arrive."""

    def __init__(self) -> None:
        self.things: dict[str, list[str]] = defaultdict(list)
        self.late: dict[str, int] = defaultdict(int)
        self.next = FINE

    def create(self, tag: str) -> str:
        if self.next == NEVER_SENT:
            raise Unreachable("the host is away")
        if self.next == REFUSED:
            raise Refused("the farm refuses")
        if self.next == ON_ITS_WAY:
            self.late[tag] += 1
            raise OutcomeUnknown("the session was cut")
        self.things[tag].append(f"thing {len(self.things[tag]) + 1}")
        if self.next == ANSWER_LOST:
            raise OutcomeUnknown("the answer was lost")
        return self.things[tag][-1]

    def arrive(self, tag: str, *, carried_out: bool) -> None:
        self.late[tag] -= 1
        if carried_out:
            self.things[tag].append("a late thing")


class MakeThing(CreateOnce[str]):
    key = "make"
    title = "Make the thing"
    produces = {"thing": str}
    undoes = "removes the thing"
    settle = timedelta(hours=1)  # the machine says when it is over

    def __init__(self, farm: ToyFarm) -> None:
        self.farm = farm

    def find(self, ctx: StepContext, tag: str) -> str | None:
        stop_before("looking")
        return next(iter(self.farm.things[tag]), None)

    def create(self, ctx: StepContext, tag: str) -> str:
        stop_before("calling")
        return self.farm.create(tag)

    def made(self, ctx: StepContext, thing: str) -> Done:
        return Done(f"Made {thing}", {"thing": thing})

    def remove(self, ctx: StepContext, thing: str) -> str:
        stop_before("deleting")
        if self.farm.next == REFUSED:
            raise StepFailed(f"{thing} is in use")
        self.farm.things[ctx.tag].clear()
        return f"{thing} was removed"

    def leaves(self, ctx: StepContext) -> str:
        return f"what bears the mark {ctx.tag}" if "asked_at" in ctx.saved else ""


class AwaitThing(Step):
    key = "await"
    title = "Wait until the thing is ready"
    needs = ("thing",)

    def __init__(self, farm: ToyFarm) -> None:
        self.farm = farm

    def run(self, ctx: StepContext) -> Outcome:
        stop_before("polling")
        if self.farm.next == NOT_YET:
            return Wait(60, "not ready yet")
        if self.farm.next == REFUSED:
            raise StepFailed("The thing is broken.")
        return Done("It is ready")


def planner(farm: ToyFarm) -> Callable[[Job], Sequence[Step]]:
    return lambda _job: [MakeThing(farm), AwaitThing(farm)]


def no_farm(_job: Job) -> Any:
    raise AssertionError("these steps have a farm of their own")
