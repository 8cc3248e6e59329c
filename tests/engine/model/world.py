"""What the model knows: rows of the database, workers' memories, messages on their way, and things in the farm.

Numbers are folded so that the machine stays finite. A lease token is not a number here: a worker either has the
newest one of the job (``fresh``) or an older one. Times are "over" or "not yet over".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

CREATE, WAIT = 0, 1
"""The steps of each job: one makes a thing in the farm, the other waits until the farm has worked on it."""

PENDING, RUNNING, WAITING, DONE, FAILED, UNDONE = "pending", "running", "waiting", "done", "failed", "undone"
UNDOING, SUCCEEDED, CANCELLED = "undoing", "succeeded", "cancelled"
ASKED = "asked"
ACTIVE = frozenset({WAITING, RUNNING, UNDOING})
Steps = tuple[str, str]


class Job(NamedTuple):
    """A row of Job with its steps and holds, the messages that name it, and what it has in the farm."""

    state: str = WAITING
    held: tuple[int, ...] = ()  # resources
    due: bool = True  # due_at is over
    sent: bool = False  # dispatched_at, and not long enough ago
    leased: bool = False  # lease_until is not over
    cancel: bool = False  # cancel_requested_at
    cause: str = ""  # undo_cause: CANCELLED, FAILED or ASKED
    steps: Steps = (PENDING, PENDING)
    intent: bool = False  # saved by the create step
    known: bool = False  # the id, in the job's context
    left: bool = False  # saved by the undo: it could not be taken back
    said: bool = False  # outcome or kept tell what is in place, and where
    mail: int = 0  # messages in the broker: 0, 1, 2
    made: int = 0  # things in the farm that bear the job's tag: 0, 1, 2
    late: int = 0  # calls whose worker or session is gone and which the farm may still carry out


class At(StrEnum):
    """What a worker does next."""

    IDLE = "idle"
    READ = "reading the rows"
    START = "starting the job"
    BEGIN = "beginning the step"
    LOOK = "looking"
    INTEND = "saving the intention"
    CALL = "calling"
    UNKNOWN = "noting that the outcome is unknown"
    FINISH = "noting that the step is done"
    POLL = "polling"
    PAUSE = "giving the job back"
    FAIL = "noting that the step has failed"
    END_FAILED = "ending as failed"
    END_SUCCEEDED = "ending as succeeded"
    MARK_UNDO = "noting that it undoes"
    UNDO_BEGIN = "noting what it undoes"
    UNDO = "undoing"
    UNDONE = "noting that it is undone"
    END_UNDONE = "ending after the undo"
    RELEASE = "letting go of the holds"  # only where a bad design does that in a transaction of its own


class Worker(NamedTuple):
    """A thread of a worker process and what it remembers of the rows. All of it is gone when it is killed."""

    at: At = At.IDLE
    job: int = -1
    fresh: bool = False  # its lease token is the newest of the job
    step: int = -1
    state: str = ""
    cause: str = ""
    steps: Steps = (PENDING, PENDING)
    intent: bool = False
    known: bool = False
    asked: bool = False  # the last write, or reading the rows, told that cancelling was asked for
    left: bool = False
    checked: bool = False  # has looked at its token, in a transaction of its own (a bad design)


class World(NamedTuple):
    jobs: tuple[Job, ...]
    workers: tuple[Worker, ...]


@dataclass(frozen=True)
class Scene:
    """How many there are of each, and what may go wrong around them."""

    workers: int = 2
    needs: tuple[tuple[int, ...], ...] = ((0,),)  # the resources of each job; every resource has one place
    kills: bool = True
    doubled: bool = True  # a message may be delivered twice
    lost: bool = True  # a message may vanish
    cut: bool = True  # an answer may get lost, or the question
    fails: bool = True  # the farm may refuse for good
    cancels: bool = True
    resumes: bool = True  # a person lets a failed job go on, or has it clean up
    undoes_failures: bool = False  # Job.on_failure is UNDO
    messages: bool = True
    """Otherwise an idle worker sees by itself what is due, which leaves out what scenes with messages have tried."""
    waits: bool = True
    """Otherwise the jobs have the first step only."""
    long_pauses: bool = False
    """A worker may be paused between saving its intention and its call for longer than CreateOnce.settle. Otherwise
    a call is over by then: the one assumption about time (docs/engine.md, "What is assumed")."""
    refuses_twins: bool = False
    """The farm itself refuses a second thing of the same name, as PVS does with maintenance versions."""


@dataclass(frozen=True)
class Design:
    """Each switch is one decision of the engine; turned over, it is a known bad design."""

    fenced: bool = True
    token_in_the_writing_transaction: bool = True
    lines_fenced: bool = True
    claim_checks_the_lease: bool = True
    database_clock: bool = True
    intention_before_the_call: bool = True
    look_before_repeating: bool = True
    found_by_tag: bool = True
    late_calls_waited_for: bool = True
    rows_are_handed_out: bool = True
    message_only_wakes: bool = True
    dispatch_expires: bool = True
    holds_end_with_the_job: bool = True
    holds_freed_before_the_end: bool = False
    holds_taken_together: bool = True
    cancel_seen_each_turn: bool = True
    cancel_compared_at_the_end: bool = True
    undo_under_lease: bool = True
    undo_looks_by_tag: bool = True
    undo_of_failed_steps: bool = True
    undo_of_resumed_steps: bool = True
    undo_only_with_holds: bool = True
    resume_keeps_the_intention: bool = True

    @property
    def fences_all(self) -> bool:
        return self.fenced and self.token_in_the_writing_transaction and self.lines_fenced and self.message_only_wakes


TRUE = Design()


def start(scene: Scene, design: Design) -> World:
    job = Job(steps=(PENDING, PENDING if scene.waits else DONE), mail=0 if design.rows_are_handed_out else 1)
    return World(tuple(job for _ in scene.needs), tuple(Worker() for _ in range(scene.workers)))


def begun(steps: Steps, *, intent: bool) -> bool:
    """The first step was called at least once, in this run or an earlier one."""
    return steps[CREATE] != PENDING or intent
