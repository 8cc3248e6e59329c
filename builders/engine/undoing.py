"""Takes back, in reverse, what the steps of a job did; goes on where an earlier worker was lost.

How far it has come is in each step's memory (``saved["undo"]``): ``was`` (the step's state before), ``begun``,
``waits`` (it will be called again), ``failures`` (transient, in a row), ``since``, and at its end ``ended`` with
``left``, what is left in place and why, in words, or ``stays``, what goes on by design.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.db import InterfaceError, OperationalError

from builders.adapters.errors import AdapterError, Busy, NotFound, OutcomeUnknown
from builders.engine.leases import LeaseLost
from builders.engine.recorder import Level
from builders.engine.steps import Stays, Step, StepFailed, Wait
from builders.engine.turns import BUSY_TASK, GivenBack, unfinished_task
from builders.engine.workbench import LOST_AT_MOST, Pairs, Workbench, begun, is_transient
from builders.engine.writing import ENDED_AT
from lifecycle.models import JobStep
from lifecycle.rerunning import UNDO
from lifecycle.states import Repeat, StepState, UndoCause


class Remains(NamedTuple):
    """``left``: in place, for somebody to remove or decide, and why. ``stays``: goes on by design, in sentences."""

    left: list[str]
    stays: list[str]


def take_back(bench: Workbench, pairs: Pairs) -> Remains:
    """What could not be taken back, or was not to be. GivenBack while an undo waits."""
    backwards = list(reversed(pairs))
    for step, row in backwards:
        memory = row.saved.get(UNDO, {})
        if begun(row) and row.state != StepState.UNDONE and not memory.get("ended"):
            StepUndo(bench, step, row, memory).go()
    memories = [row.saved.get(UNDO, {}) for _, row in backwards]
    return Remains(*([words for one in memories if (words := one.get(name))] for name in ("left", "stays")))


class StepUndo:
    """Taking back one step."""

    def __init__(self, bench: Workbench, step: Step, row: JobStep, memory: dict[str, Any]) -> None:
        self.bench = bench
        self.recorder = bench.recorder
        self.step = step
        self.row = row
        self.memory: dict[str, Any] = {"was": row.state, "failures": 0} | memory

    def go(self) -> None:
        if self.bench.job.undo_cause == UndoCause.EXPIRED and not self.step.belongs_to_job:
            self._leave_to_a_person()
        elif not self.step.takes_back:
            self._stop()
        elif why_not := self._begin():
            self._give_up(why_not)
        else:
            self._call()

    def _begin(self) -> str:
        """Why it must not be called again, after a worker was lost in the midst of it; else an empty text."""
        lost = self.memory.get("begun") and not self.memory.pop("waits", False)
        line = ""
        if lost:
            self.memory["failures"] += 1
            if self.step.repeat == Repeat.NEVER:
                return "the worker that took it back was lost, and it is unknown how far it came"
            if self.memory["failures"] > max(self.step.retry.times, LOST_AT_MOST):
                return f"{self.memory['failures']} workers in a row were lost while they took it back"
            line = "The worker that took this back was lost; another one looks at what is left and goes on."
        else:
            self.memory["since"] = self.memory.get("since") or self.recorder.now().isoformat()
        self.memory["begun"] = True
        self._save(line=line, level=Level.WARNING, state=StepState.RUNNING)
        return ""

    def _call(self) -> None:
        ctx = self.bench.context(self.row)
        try:
            answer = unfinished_task(ctx) or self.step.undo(ctx)
        except AdapterError as error:
            self._after_error(error)
        except Stays as error:
            self._stay(self.bench.named(str(error)))
        except StepFailed as error:
            self._give_up(self.bench.named(str(error)))
        except (LeaseLost, OperationalError, InterfaceError):
            raise
        except Exception:
            self._give_up(self.bench.fault())
        else:
            self._wait(answer) if isinstance(answer, Wait) else self._finish(answer)

    def _after_error(self, error: AdapterError) -> None:
        if isinstance(error, Busy) and error.task_id is not None:
            self.row.saved[BUSY_TASK] = error.task_id
        if isinstance(error, NotFound) and self._vdisk_is_gone():
            self._finish(f"{self.bench.context(self.row).disk_name} is no longer in PVS, so nothing of this is left")
            return
        unknown = isinstance(error, OutcomeUnknown) and self.step.repeat == Repeat.NEVER
        self.memory["failures"] += 1
        failures, policy = self.memory["failures"], self.step.retry
        if unknown or not is_transient(error):
            self._give_up(self.bench.told(error))
        elif failures > policy.times:
            self._give_up(f"{self.bench.told(error)} Tried {failures} times.")
        else:
            pause = policy.pause(failures)
            tries = f"Attempt {failures} of {policy.times + 1} failed; the next follows in {pause:.0f} s."
            self._wait(Wait(pause, f"Not taken back yet: {self.bench.named(str(error))} {tries}"), failed=True)

    def _wait(self, wait: Wait, *, failed: bool = False) -> None:
        since = datetime.fromisoformat(self.memory["since"])
        if self.recorder.now() - since > self.step.limit:
            self._give_up(f"it took too long. Last seen: {wait.message}")
            return
        if not failed:
            self.memory["failures"] = 0
        self.memory["waits"] = True
        self.row.saved[UNDO] = self.memory
        message = self.recorder.mask.text(wait.message)
        self.recorder.postpone(
            self.step.poll if wait.seconds is None else wait.seconds,
            step=self.row,
            line=message if message != self.row.message else "",
            state=StepState.WAITING,
            message=message,
            progress=wait.progress,
            saved=self.row.saved,
        )
        raise GivenBack

    def _finish(self, words: str) -> None:
        self.memory["ended"] = True
        if words:
            self._save(line=words, state=StepState.UNDONE, message=words, progress=None, ended_at=ENDED_AT)
        else:
            self._save(state=self._as_before(), progress=None, ended_at=ENDED_AT)

    def _stop(self) -> None:
        """It has no way back; what it leaves is told."""
        state = self._as_before()
        if left := self.bench.leaves(self.step, self.row):
            self.memory |= {"ended": True, "left": left}
            self._save(line=f"Left in place: {left}", level=Level.WARNING, state=state, ended_at=ENDED_AT)
        elif stays := self.bench.stays(self.step, self.row):
            self._stay(stays)
        elif state != self.row.state:
            self.recorder.save_step(self.row, state=state, progress=None, ended_at=ENDED_AT)

    def _stay(self, words: str) -> None:
        self.memory |= {"ended": True, "stays": words}
        self._save(line=words, state=self._as_before(), progress=None, ended_at=ENDED_AT)

    def _vdisk_is_gone(self) -> bool:
        """Asked anew, for what was not found may have been something else."""
        ctx = self.bench.context(self.row)
        if ctx.job.vdisk is None:
            return False
        try:
            ctx.farm.disk(ctx.disk_id)
        except NotFound:
            return True
        except AdapterError:
            return False
        return False

    def _give_up(self, why: str) -> None:
        left = self.bench.leaves(self.step, self.row)
        self.memory |= {"ended": True, "left": f"{left} ({why.rstrip('.')})" if left else why}
        self._save(line=f"Not taken back: {self.memory['left']}", level=Level.WARNING, state=StepState.FAILED)

    def _leave_to_a_person(self) -> None:
        left = self.bench.leaves(self.step, self.row)
        self.memory |= {"ended": True, "left": left}
        if left:
            self._save(line=f"Left for a person to decide: {left}", level=Level.WARNING)

    def _as_before(self) -> StepState:
        """A step that was done or had failed stays so; one that was cut short was stopped."""
        was = StepState(self.memory["was"])
        return was if was in (StepState.DONE, StepState.FAILED) else StepState.STOPPED

    def _save(self, **changes: Any) -> None:
        self.row.saved[UNDO] = self.memory
        self.recorder.save_step(self.row, saved=self.row.saved, **changes)
