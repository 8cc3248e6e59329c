"""One worker's turn at one job, cut wherever another worker, a person or a kill can come between.

Between two cuts there is one transaction or one outside call, as in builders/engine/runner.py and turns.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.engine.model.checker import Move
from tests.engine.model.rules import CANCEL_SEEN, LINES_IN_ORDER, ONE_WRITER
from tests.engine.model.world import (
    CANCELLED,
    CREATE,
    DONE,
    FAILED,
    PENDING,
    RUNNING,
    SUCCEEDED,
    UNDOING,
    UNDONE,
    WAIT,
    WAITING,
    At,
    Design,
    Scene,
    Steps,
    Worker,
    World,
    begun,
)

NAMES = ("create", "wait")
Moves = Iterator[Move[World]]


class Turn:
    """``moves`` gives what this worker can do next, from the place in its program where it stands."""

    def __init__(self, scene: Scene, design: Design, world: World, number: int) -> None:
        self.scene = scene
        self.design = design
        self.world = world
        self.number = number
        self.worker = world.workers[number]
        self.job = world.jobs[self.worker.job]

    def moves(self) -> Moves:
        return _PROGRAM[self.worker.at](self)

    # what comes next, by what this worker remembers

    def _then(self, **changes: Any) -> dict[str, Any]:
        """The worker's memory after ``changes``, and where that leads."""
        after = self.worker._replace(**changes)
        if after.cause or after.state == UNDOING or self._heeds_cancel(after):
            at, step = self._next_undo(after), CREATE
        elif after.state == WAITING:
            at, step = At.START, -1
        else:
            at, step = self._next_step(after.steps)
        return changes | {"at": at, "step": step}

    def _heeds_cancel(self, worker: Worker) -> bool:
        return worker.asked and (self.design.cancel_seen_each_turn or worker.state == WAITING)

    def _next_step(self, steps: Steps) -> tuple[At, int]:
        step = next((step for step in (CREATE, WAIT) if steps[step] != DONE), None)
        if step is None:
            return At.END_SUCCEEDED, -1
        if steps[step] != FAILED:
            return At.BEGIN, step
        return (At.MARK_UNDO if self.scene.undoes_failures else At.END_FAILED), step

    def _next_undo(self, worker: Worker) -> At:
        if not begun(worker.steps, intent=worker.intent):
            return At.END_UNDONE
        if worker.state != UNDOING:
            return At.MARK_UNDO
        return At.UNDO_BEGIN if self._is_to_be_undone(worker) else At.END_UNDONE

    def _is_to_be_undone(self, worker: Worker) -> bool:
        state = worker.steps[CREATE]
        if worker.left:
            return False
        if state == PENDING:  # begun in an earlier run, and not yet again after a resume
            return worker.intent and self.design.undo_of_resumed_steps
        return state != UNDONE and (state != FAILED or self.design.undo_of_failed_steps)

    # the beginning

    def _read(self) -> Moves:
        job = self.job
        seen = {name: getattr(job, name) for name in ("state", "cause", "steps", "intent", "known", "left")}
        yield self._on("reads the rows", **self._then(asked=job.cancel, **seen))

    def _start(self) -> Moves:
        yield from self._write("start: running", {"state": RUNNING}, **self._then(state=RUNNING, asked=self.job.cancel))

    def _begin(self) -> Moves:
        step, asked = self.worker.step, self.job.cancel
        steps = self._steps(RUNNING)
        after = self._then(steps=steps, asked=asked)
        if after["at"] == At.BEGIN:
            after["at"] = At.POLL if step == WAIT else self._first_of_create()
        yield from self._write(f"begin_turn: “{NAMES[step]}”", {"steps": steps}, **after)

    def _first_of_create(self) -> At:
        if self.design.look_before_repeating:
            return At.LOOK
        return At.INTEND if self.design.intention_before_the_call else At.CALL

    # outside

    def _look(self) -> Moves:
        if self.job.made and (self.design.found_by_tag or self.worker.known):
            yield self._on("looks by tag, finds the thing and adopts it", at=At.FINISH)
        elif self._may_still_come():
            yield self._on("looks, finds nothing; the call before may still come", at=At.PAUSE)
        else:
            at = At.INTEND if self.design.intention_before_the_call else At.CALL
            yield self._on("looks, finds nothing", at=at)

    def _may_still_come(self) -> bool:
        """Whether the time of the last call that was intended is not over (CreateOnce.settle)."""
        if not (self.worker.intent and self.design.late_calls_waited_for and self.design.database_clock):
            return False
        callers = [other for other in self.world.workers if other.at == At.CALL and other.job == self.worker.job]
        return bool(self.job.late or (callers and not self.scene.long_pauses))

    def _intend(self) -> Moves:
        yield from self._write("intend: saves the intention", {"intent": True}, at=At.CALL, intent=True)

    def _call(self) -> Moves:
        wrong = CANCEL_SEEN if self.worker.asked and self.worker.fresh else ""
        if self.scene.refuses_twins and self.job.made:
            yield self._on("calls; the farm refuses: there is one of that name", wrong=wrong, at=At.LOOK)
        else:
            made = {"made": min(2, self.job.made + 1)}
            yield self._on("calls; the farm creates the thing", made, wrong=wrong, at=At.FINISH, known=True)
            if self.scene.cut:
                yield self._on("calls; the thing is created, the answer lost", made, helpful=False, at=At.UNKNOWN)
        if self.scene.cut:
            yield self._on("calls; the call never gets there", helpful=False, at=At.UNKNOWN)
            if not self.job.late:
                cut = "calls; the session is cut, the call on its way"
                yield self._on(cut, {"late": 1}, helpful=False, at=At.UNKNOWN)
        if self.scene.fails:
            yield self._on("calls; the farm refuses for good", helpful=False, at=At.FAIL)

    def _poll(self) -> Moves:
        yield self._on("polls; the farm is ready", at=At.FINISH)
        yield self._on("polls; not yet", helpful=False, at=At.PAUSE)
        if self.scene.fails:
            yield self._on("polls; the farm has failed", helpful=False, at=At.FAIL)

    # writing down

    def _unknown(self) -> Moves:
        yield from self._give_back("postpone: the outcome is unknown, will look")
        yield self._on("gives up: too many failures in a row", helpful=False, at=At.FAIL)

    def _pause(self) -> Moves:
        yield from self._give_back("postpone: waits")

    def _give_back(self, words: str) -> Moves:
        """Recorder.postpone: at once due again when cancelling was asked for (writing.due_in)."""
        back: dict[str, Any] = {"leased": False, "due": self.job.cancel, "sent": False}
        if not self.design.rows_are_handed_out:
            back |= {"mail": min(2, self.job.mail + 1), "due": True}
        if self.worker.state != UNDOING:
            back["steps"] = self._steps(WAITING)
        yield from self._write(words, back, at=At.IDLE)

    def _finish(self) -> Moves:
        step, steps = self.worker.step, self._steps(DONE)
        more: dict[str, Any] = {"steps": steps}
        if step == CREATE:
            more |= {"known": self.design.found_by_tag, "intent": True}
        after = self._then(steps=steps, asked=self.job.cancel, known=True, intent=True)
        yield from self._write(f"finish_step: “{NAMES[step]}” is done", more, **after)

    def _fail(self) -> Moves:
        steps = self._steps(FAILED)
        after = self._then(steps=steps, asked=self.job.cancel)
        yield from self._write(f"save_step: “{NAMES[self.worker.step]}” has failed", {"steps": steps}, **after)

    # the end

    def _end_succeeded(self) -> Moves:
        yield from self._end(SUCCEEDED, said=False)

    def _end_failed(self) -> Moves:
        yield from self._end(FAILED, said=self.job.intent or self.job.known)

    def _end_undone(self) -> Moves:
        cause = self.worker.cause or CANCELLED
        yield from self._end(CANCELLED if cause == CANCELLED else FAILED, said=self.worker.left, cause=cause)

    def _end(self, state: str, *, said: bool, **more: Any) -> Moves:
        design, job, at = self.design, self.job, self.worker.at
        if design.holds_freed_before_the_end and job.held and job.state != WAITING:
            yield from self._write("lets go of its holds, before the last write", {"held": ()}, at=at)
            return
        if at != At.END_UNDONE and job.cancel and self.worker.fresh and design.cancel_compared_at_the_end:
            asked = f"end: not {state}, for cancelling was asked for meanwhile"
            yield self._on(asked, asked=True, at=At.MARK_UNDO)
            return
        over: dict[str, Any] = {"state": state, "said": said, "leased": False, "sent": False} | more
        if design.holds_end_with_the_job:
            yield from self._write(f"end: {state}", over | {"held": ()}, at=At.IDLE)
        else:
            yield from self._write(f"end: {state}", over, at=At.RELEASE)

    def _release(self) -> Moves:
        yield from self._write("lets go of its holds, after the end", {"held": ()}, at=At.IDLE)

    # taking back

    def _mark_undo(self) -> Moves:
        cause = self.worker.cause or (CANCELLED if self.worker.asked else FAILED)
        after = self._then(state=UNDOING, cause=cause, asked=self.job.cancel)
        yield from self._write("set_state: undoing", {"state": UNDOING, "cause": cause}, **after)

    def _undo_begin(self) -> Moves:
        yield from self._write("save_step: undoes “create”", {}, at=At.UNDO)

    def _undo(self) -> Moves:
        if self.job.made and self._knows_what():
            yield self._on("undo: the farm deletes the thing", {"made": 0}, at=At.UNDONE)
            if self.scene.fails:
                yield self._on("undo: the farm refuses", helpful=False, at=At.UNDONE, left=True)
        elif self._may_still_come():
            yield self._on("undo: finds nothing; the call before may still come", at=At.PAUSE)
        else:
            yield self._on("undo: finds nothing to take back", at=At.UNDONE)

    def _knows_what(self) -> bool:
        return self.worker.known or self.design.undo_looks_by_tag

    def _undone(self) -> Moves:
        left = self.worker.left
        steps = (FAILED if left else UNDONE, self.worker.steps[WAIT])
        words = "could not be undone" if left else "is undone"
        changes = {"steps": steps, "left": left}
        yield from self._write(f"save_step: “create” {words}", changes, **self._then(steps=steps))

    # how anything is written

    def _steps(self, state: str) -> Steps:
        create, wait = self.worker.steps
        return (state, wait) if self.worker.step == CREATE else (create, state)

    def _write(self, words: str, changes: dict[str, Any], **worker: Any) -> Moves:
        """A transaction that changes the job's rows when the token is the newest (writing.write), else ends the turn.

        Each renews the lease.
        """
        mine, design = self.worker, self.design
        changes = {"leased": True} | changes
        if not design.token_in_the_writing_transaction and not mine.checked and mine.fresh:
            yield self._on("sees, in a transaction of its own, that its token is the newest", checked=True)
        elif mine.fresh:
            yield self._on(words, changes, checked=False, **worker)
        elif not design.fenced or mine.checked:
            late = f"{words}, though another worker has the job"
            yield self._on(late, changes, wrong=ONE_WRITER, checked=False, **worker)
        elif design.lines_fenced:
            yield self._on("LeaseLost: changes nothing and leaves", at=At.IDLE)
        else:
            yield self._on("appends its line, then LeaseLost", wrong=LINES_IN_ORDER, at=At.IDLE)

    def _on(
        self, words: str, changes: dict[str, Any] | None = None, *, helpful: bool = True, wrong: str = "", **worker: Any
    ) -> Move[World]:
        mine = Worker() if worker.get("at") == At.IDLE else self.worker._replace(**worker)
        jobs, workers, index = self.world.jobs, self.world.workers, self.worker.job
        if changes:
            jobs = (*jobs[:index], self.job._replace(**changes), *jobs[index + 1 :])
        workers = (*workers[: self.number], mine, *workers[self.number + 1 :])
        return Move(f"worker {self.number + 1}: {words}", World(jobs, workers), helpful, wrong)


_PROGRAM = {
    At.READ: Turn._read,
    At.START: Turn._start,
    At.BEGIN: Turn._begin,
    At.LOOK: Turn._look,
    At.INTEND: Turn._intend,
    At.CALL: Turn._call,
    At.UNKNOWN: Turn._unknown,
    At.FINISH: Turn._finish,
    At.POLL: Turn._poll,
    At.PAUSE: Turn._pause,
    At.FAIL: Turn._fail,
    At.END_FAILED: Turn._end_failed,
    At.END_SUCCEEDED: Turn._end_succeeded,
    At.MARK_UNDO: Turn._mark_undo,
    At.UNDO_BEGIN: Turn._undo_begin,
    At.UNDO: Turn._undo,
    At.UNDONE: Turn._undone,
    At.END_UNDONE: Turn._end_undone,
    At.RELEASE: Turn._release,
}
