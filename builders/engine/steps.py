"""What a step is, and what it may answer.

A step MUST look before it acts: it is called again after a crash, a lost session or a wait, with what it saved.
A step MUST return within a minute; what takes longer is started, then polled with ``Wait``.
A step MUST save its intention (``ctx.intend``) before an outside call that changes something.
A step MUST look before it takes back: an undo is called again after a crash, with what it saved.
A step SHOULD say in its messages which object it works on and what the other side answered.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from lifecycle.rerunning import OUTCOME
from lifecycle.states import Repeat

if TYPE_CHECKING:
    from builders.engine.context import StepContext


@dataclass(frozen=True)
class Done:
    """The step has reached its end. ``produces`` is kept for the steps that follow.

    ``outcome`` in it, a sentence, is what the job says of itself when it has succeeded; any step may give it.
    """

    message: str = ""
    produces: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wait:
    """Come back in ``seconds`` (ten minutes at most), or after the step's ``poll``. No worker is held meanwhile.

    ``progress`` is a percentage, when one is known. ``sign_of_life`` says that the outside has answered: a step that
    waits for something of the portal's own gives False.
    """

    seconds: float | None
    message: str
    progress: int | None = None
    sign_of_life: bool = True


Outcome = Done | Wait


@dataclass(frozen=True)
class RetryPolicy:
    """For transient errors only: host away, session cut, no answer in time. Each pause is twice the one before."""

    times: int = 5
    first_seconds: float = 2.0
    longest_seconds: float = 60.0
    jitter: float = 0.25
    """Up to this part of the pause more or less, so that jobs that failed together do not come back together."""

    def pause(self, failures: int) -> float:
        """Seconds until the next attempt, after so many failures in a row."""
        pause = min(self.first_seconds * 2.0 ** min(failures - 1, 30), self.longest_seconds)
        return pause * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311


class StepFailed(Exception):
    """The step cannot reach its end, for a reason that a person can read and act on."""


class Stays(StepFailed):
    """Raised by an undo: what the step did stays by design, and nobody has to remove it or decide; a sentence."""


class WrongPlan(Exception):
    """A fault of ours: the steps of a job do not fit together, or one does not keep to what it declared."""


class Step(ABC):
    """One entry of a job's table of contents. The attributes are its statement about itself; rows repeat them."""

    key: ClassVar[str]
    title: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    """Names of what earlier steps produce or the job's parameters hold; of the job itself: vdisk, version, change."""
    produces: ClassVar[Mapping[str, type]] = {}
    repeat: ClassVar[Repeat] = Repeat.AFTER_LOOK
    limit: ClassVar[timedelta] = timedelta(minutes=10)
    poll: ClassVar[float] = 2.0
    """Seconds between two looks while it waits."""
    retry: ClassVar[RetryPolicy] = RetryPolicy()
    silence: ClassVar[timedelta] = timedelta(minutes=5)
    """No sign of life from outside for so long: it does not go slowly, it has stalled."""
    stands: ClassVar[bool] = False
    """Its result still holds when a later step is begun anew, much later."""
    remembers: ClassVar[tuple[str, ...]] = ()
    """Names in ``ctx.saved`` by which it finds what it made before; they outlive a restart."""
    undoes: ClassVar[str] = ""
    """What ``undo`` does, in words; empty when there is nothing to take back."""
    belongs_to_job: ClassVar[bool] = False
    """The portal alone made and uses what this step leaves, so that it may be removed when its time is over."""

    @abstractmethod
    def run(self, ctx: StepContext) -> Outcome:
        """Do a bounded piece of work."""

    def undo(self, ctx: StepContext) -> str | Wait:  # noqa: ARG002  most steps leave nothing behind
        """Take back what was done, finished or not; what was taken back, in words, or empty when nothing was there.

        ``StepFailed`` says why it cannot be, so that a person has to decide; ``Stays`` that nobody has to.
        """
        return ""

    def leaves(self, ctx: StepContext) -> str:  # noqa: ARG002
        """What of it is in place now for somebody to remove or decide, and where, in words. Asks nobody outside.

        Empty when nothing is, and for what ``stays``.
        """
        return ""

    def stays(self, ctx: StepContext) -> str:  # noqa: ARG002
        """What of it goes on as was meant, though the job came to no end: a sentence for its outcome, or empty."""
        return ""

    def about(self) -> dict[str, Any]:
        """For the step's row: JobStep.about says what each means."""
        return {
            "repeat": self.repeat.value,
            "limit": self.limit.total_seconds(),
            "poll": self.poll,
            "silence": self.silence.total_seconds(),
            "retries": self.retry.times,
            "needs": list(self.needs),
            "produces": list(self.produces),
            "undo": self.undoes,
            "stands": self.stands,
            "remembers": list(self.remembers),
            "belongs_to_job": self.belongs_to_job,
        }

    @property
    def takes_back(self) -> bool:
        return type(self).undo is not Step.undo


def check_plan(steps: Sequence[Step], known: Iterable[str]) -> None:
    """WrongPlan when a step needs what nothing before it produces and the job does not know from its start."""
    at_hand = set(known)
    keys: set[str] = set()
    for step in steps:
        if missing := [name for name in step.needs if name not in at_hand]:
            raise WrongPlan(f"Step “{step.title}” needs {', '.join(missing)}, which nothing before it produces.")
        if step.key in keys:
            raise WrongPlan(f"Two steps are called “{step.key}”.")
        keys.add(step.key)
        at_hand |= step.produces.keys()


def check_product(step: Step, produced: Mapping[str, Any]) -> None:
    """WrongPlan when a step that is done did not produce what it declared, by name and type."""
    expected = dict(step.produces)
    if OUTCOME in produced:
        expected.setdefault(OUTCOME, str)
    if missing := expected.keys() - produced.keys():
        raise WrongPlan(f"Step “{step.title}” did not produce {', '.join(sorted(missing))}.")
    if surplus := produced.keys() - expected.keys():
        raise WrongPlan(f"Step “{step.title}” produced {', '.join(sorted(surplus))} without declaring it.")
    for name, value in produced.items():
        if type(value) is not expected[name]:
            given, wanted = type(value).__name__, expected[name].__name__
            raise WrongPlan(f"Step “{step.title}” produced {name} as {given}, and declares {wanted}.")
