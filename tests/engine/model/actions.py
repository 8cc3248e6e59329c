"""What can happen next: one atomic action of the database, a worker, the farm, time, bad luck or a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.engine.model import rules
from tests.engine.model.checker import Model, Move
from tests.engine.model.turn import Turn
from tests.engine.model.world import (
    ACTIVE,
    ASKED,
    CANCELLED,
    FAILED,
    PENDING,
    WAITING,
    At,
    Design,
    Job,
    Scene,
    Worker,
    World,
    begun,
    start,
)

MAY_CALL = frozenset({At.IDLE, At.CALL, At.UNDO})
_LEAVING = [Worker(At.FINISH, job) for job in range(9)]


def model(scene: Scene, design: Design) -> Model[World]:
    return Model(
        start=start(scene, design),
        moves=Engine(scene, design).moves,
        wrong=lambda world: rules.wrong(world, scene),
        ended=rules.ended,
        same=_same_fenced if design.fences_all else _same,
    )


def _same(world: World) -> object:
    """Workers are alike."""
    return world.jobs, tuple(sorted(world.workers))


def _same_fenced(world: World) -> object:
    """A worker whose next write is refused, and that calls nobody before that, is as good as leaving."""
    workers = [worker if worker.fresh or worker.at in MAY_CALL else _LEAVING[worker.job] for worker in world.workers]
    return world.jobs, tuple(sorted(workers))


class Engine:
    def __init__(self, scene: Scene, design: Design) -> None:
        self.scene = scene
        self.design = design

    def moves(self, world: World) -> Iterator[Move[World]]:
        for index, job in enumerate(world.jobs):
            for words, changed, helpful in self._job_moves(world, index, job):
                yield Move(f"{words}{self._of(index)}", _with(world, index, changed), helpful)
            yield from self._rerun(world, index, job)
        for number, worker in enumerate(world.workers):
            if worker.at == At.IDLE:
                yield from self._deliveries(world, number)
            else:
                yield from Turn(self.scene, self.design, world, number).moves()
                if self.scene.kills:
                    yield from self._killed(world, number, worker)

    def _of(self, index: int) -> str:
        return f" (job {index + 1})" if len(self.scene.needs) > 1 else ""

    def _job_moves(self, world: World, index: int, job: Job) -> Iterator[tuple[str, Job, bool]]:
        """(words, the row after it, helpful) of dispatcher, time, bad luck, farm and people."""
        if job.state in ACTIVE:
            yield from self._admitted(world, index, job)
            yield from self._handed_out(index, job)
            if self.scene.cancels and not job.cancel and job.cause != ASKED:
                yield self._cancelled(job)
        if job.leased:
            holder = any(worker.job == index and worker.fresh for worker in world.workers)
            words = "time: the lease runs out (its worker is paused)" if holder else "time: the lease runs out"
            yield words, job._replace(leased=False), not holder
        yield from self._messages(world, index, job)
        if job.late:
            yield "the farm drops a call whose caller is gone", job._replace(late=0), True
            yield "the farm carries out a call whose caller is gone", self._created(job, late=0), True

    def _handed_out(self, index: int, job: Job) -> Iterator[tuple[str, Job, bool]]:
        if not self.design.rows_are_handed_out:
            return
        free = job.due and not job.leased and not job.sent
        if self.scene.messages and free and self._may_run(index, job):
            yield "dispatch.hand_out sends a message", job._replace(sent=True, mail=min(2, job.mail + 1)), True
        if not job.due:
            yield "time: the wait is over", job._replace(due=True), True
        if job.sent and self.design.dispatch_expires:
            yield "time: the hand-out is old enough to be repeated", job._replace(sent=False), True

    def _admitted(self, world: World, index: int, job: Job) -> Iterator[tuple[str, Job, bool]]:
        missing = tuple(need for need in self.scene.needs[index] if need not in job.held)
        if job.state != WAITING or not missing:
            return
        taken = {need for other in world.jobs for need in other.held}
        wanted = missing if self.design.holds_taken_together else missing[:1]
        if not taken & set(wanted):
            yield f"dispatch.admit takes {_places(wanted)}", job._replace(held=job.held + wanted), True

    def _may_run(self, index: int, job: Job) -> bool:
        if len(job.held) == len(self.scene.needs[index]) or job.state != WAITING:
            return True
        untouched = not begun(job.steps, intent=job.intent)
        return job.cancel and (untouched or not self.design.undo_only_with_holds)

    def _messages(self, world: World, index: int, job: Job) -> Iterator[tuple[str, Job, bool]]:
        if job.mail and self.scene.lost:
            yield "a message is lost", job._replace(mail=job.mail - 1), False
        on_its_way = job.mail == 1 or (not job.mail and any(worker.job == index for worker in world.workers))
        if on_its_way and self.scene.doubled:
            yield "the broker delivers a message once more", job._replace(mail=job.mail + 1), False

    def _created(self, job: Job, **changes: Any) -> Job:
        if not (self.scene.refuses_twins and job.made):
            changes["made"] = min(2, job.made + 1)
        return job._replace(**changes)

    def _cancelled(self, job: Job) -> tuple[str, Job, bool]:
        if self.design.undo_under_lease:
            return "a person cancels", job._replace(cancel=True, due=True), False
        over = {"state": CANCELLED, "held": (), "leased": False, "sent": False}
        return (
            "a person cancels; the web undoes and ends it at once, under no lease",
            job._replace(cancel=True, made=0, **over),
            False,
        )

    def _rerun(self, world: World, index: int, job: Job) -> Iterator[Move[World]]:
        """What people do with a job that is over: let it go on, or have it take back what it left."""
        if not self.scene.resumes:
            return
        anew = {"state": WAITING, "due": True, "sent": False, "leased": False}
        fenced_out = _fenced_out(world, index)
        if job.state == FAILED and not job.cause:
            steps = tuple(PENDING if step == FAILED else step for step in job.steps)
            kept = job.intent and self.design.resume_keeps_the_intention
            resumed = job._replace(steps=steps, intent=kept, said=False, **anew)
            yield Move(f"a person resumes{self._of(index)}", _with(fenced_out, index, resumed), helpful=False)
        if job.state in (FAILED, CANCELLED) and job.said:
            cause = CANCELLED if job.state == CANCELLED else ASKED
            cleaned = job._replace(cause=cause, left=False, **anew)
            words = f"a person asks to clean up{self._of(index)}"
            yield Move(words, _with(fenced_out, index, cleaned), helpful=False)

    def _deliveries(self, world: World, number: int) -> Iterator[Move[World]]:
        for index, job in enumerate(world.jobs):
            if job.mail:
                yield self._delivered(world, number, index, job._replace(mail=job.mail - 1))
            elif not self.scene.messages and self._claimable(index, job):
                yield self._delivered(world, number, index, job)

    def _delivered(self, world: World, number: int, index: int, job: Job) -> Move[World]:
        who = f"worker {number + 1} gets a message{self._of(index)}"
        if not self.design.message_only_wakes:
            unread = _with(world, index, job)
            if job.state not in ACTIVE:
                return Move(f"{who}: the job is over", unread)
            taken = _as(unread, number, Worker(At.READ, index, fresh=True))
            return Move(f"{who}, which is all it needs to begin", taken)
        if not self._claimable(index, job):
            return Move(f"{who}: leases.claim finds nothing to do", _with(world, index, job))
        taken = _with(_fenced_out(world, index), index, job._replace(leased=True))
        ahead = job.leased and not self.design.database_clock
        clock = "by its own clock, which is ahead, the lease is over; " if ahead else ""
        words = f"{who}: {clock}leases.claim takes the job"
        wrong = rules.ONE_WORKER if job.leased else ""
        return Move(words, _as(taken, number, Worker(At.READ, index, fresh=True)), wrong=wrong)

    def _claimable(self, index: int, job: Job) -> bool:
        design = self.design
        seems_free = not (job.leased and design.claim_checks_the_lease and design.database_clock)
        return job.state in ACTIVE and job.due and self._may_run(index, job) and seems_free

    def _killed(self, world: World, number: int, worker: Worker) -> Iterator[Move[World]]:
        words = f"kill -9 of worker {number + 1} while it is {worker.at}"
        gone = _as(world, number, Worker())
        yield Move(words, gone, helpful=False)
        job = world.jobs[worker.job]
        if worker.at == At.CALL and not job.late:
            sent = _with(gone, worker.job, job._replace(late=1))
            yield Move(f"{words}; its call is on its way to the farm", sent, helpful=False)


def _fenced_out(world: World, index: int) -> World:
    """The job's lease token grows: whoever had the newest one has it no more."""
    workers = tuple(worker._replace(fresh=False) if worker.job == index else worker for worker in world.workers)
    return world._replace(workers=workers)


def _with(world: World, index: int, job: Job) -> World:
    return world._replace(jobs=(*world.jobs[:index], job, *world.jobs[index + 1 :]))


def _as(world: World, number: int, worker: Worker) -> World:
    return world._replace(workers=(*world.workers[:number], worker, *world.workers[number + 1 :]))


def _places(resources: tuple[int, ...]) -> str:
    return " and ".join(f"place {resource + 1}" for resource in resources)
