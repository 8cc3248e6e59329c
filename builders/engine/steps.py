"""What a step is, and what it may answer.

A step MUST look before it acts: it is called again after a crash, a lost session or a wait, with what it saved.
A step MUST return within a minute; what takes longer is started, then polled with ``Wait``.
A step MUST save its intention (``ctx.intend``) before an outside call that changes something.
A step SHOULD say in its messages which object it works on and what the other side answered.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from lifecycle.states import Repeat

if TYPE_CHECKING:
    from builders.engine.context import StepContext


@dataclass(frozen=True)
class Done:
    """The step has reached its end. ``produces`` is kept for the steps that follow."""

    message: str = ""
    produces: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wait:
    """Come back in ``seconds``. No worker is held meanwhile. ``progress`` is a percentage, when one is known."""

    seconds: float
    message: str
    progress: int | None = None


Outcome = Done | Wait


class StepFailed(Exception):
    """The step cannot reach its end, for a reason that a person can read and act on."""


class Step(ABC):
    """One entry of a job's table of contents."""

    key: ClassVar[str]
    title: ClassVar[str]
    repeat: ClassVar[Repeat] = Repeat.AFTER_LOOK
    limit: ClassVar[timedelta] = timedelta(minutes=10)
    patience: ClassVar[int] = 5
    """Transient failures in a row (host away, session cut) before the step gives up."""

    @abstractmethod
    def run(self, ctx: StepContext) -> Outcome:
        """Do a bounded piece of work."""

    def undo(self, ctx: StepContext) -> str:  # noqa: ARG002  most steps leave nothing behind
        """Take back what a finished step did, when the job is cancelled; what was done, in words."""
        return ""
