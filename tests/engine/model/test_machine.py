"""The promises once more, on the real engine and the real database: two workers whose turns are cut at every write.

Hypothesis chooses who goes on, what gets lost, who is killed and what people ask for; after each choice the rows and
the farm are looked at. At the end nothing more goes wrong, and every job must come to its end.
"""

from __future__ import annotations

import uuid
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models.functions import Now
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from builders.engine import dispatch, recorder, runner
from builders.engine.context import tag
from builders.engine.leases import Lease, LeaseLost
from lifecycle import operations, rerunning
from lifecycle.errors import NotNow
from lifecycle.models import Farm, Hold, Job, JobStep, Site, Store, VDisk
from lifecycle.states import ACTIVE_JOB_STATES, JobState, OnFailure, StepState, UndoCause
from tests.engine.model.puppets import Puppet, stop_before
from tests.engine.model.world_of_rows import (
    ANSWER_LOST,
    CALLS,
    FINE,
    NOT_YET,
    REFUSED,
    MakeThing,
    ToyFarm,
    no_farm,
    planner,
)

JOBS, WORKERS = 2, 2
job_numbers = st.integers(0, JOBS - 1)
answers = st.sampled_from([*CALLS, FINE, REFUSED, NOT_YET])
LONG_AGO = timedelta(days=1)
ENDS = ("ended succeeded", "ended cancelled", "ended failed")
EXAMPLES, STEPS = 25, 50
ENOUGH_TURNS = 300
LONG_TURN = 25
FAR = datetime(2100, 1, 1, tzinfo=UTC)
stale_writes: list[str] = []
seen: Counter[str] = Counter()


class Engine(RuleBasedStateMachine):
    """Two jobs that need the same vDisk, two workers, a broker's queue and a farm."""

    vdisk: VDisk
    operator: User

    def __init__(self) -> None:
        super().__init__()
        stale_writes.clear()
        self.farm = ToyFarm()
        self.plan = planner(self.farm)
        self.mail: list[int] = []
        self.workers = [Puppet(f"worker {number + 1}") for number in range(WORKERS)]
        self.marks: dict[int, str] = {}
        self.ids = [self._new_job(OnFailure.KEEP), self._new_job(OnFailure.UNDO)]

    def _new_job(self, on_failure: OnFailure) -> int:
        job = Job.objects.create(
            kind="toy",
            title="A job of the machine",
            farm=self.vdisk.farm,
            vdisk=self.vdisk,
            requested_by=self.operator,
            queues=True,
            needs=[f"vdisk:{self.vdisk.pk}"],
            on_failure=on_failure,
        )
        Job.objects.filter(pk=job.pk).update(due_at=Now())
        self.marks[job.pk] = tag(job, MakeThing.key)
        return job.pk

    # the system by itself

    @initialize()
    def begin(self) -> None:
        self.tick()

    @rule()
    def tick(self) -> None:
        """Time passes; the dispatcher looks, and idle workers take what it sends."""
        Job.objects.filter(pk__in=self.ids, due_at__gt=Now()).update(due_at=Now())
        dispatch.admit()
        dispatch.hand_out(self._send, lost_before=FAR)
        for worker in self.workers:
            if worker.at is None and self.mail:
                self._take(worker)

    def _send(self, job_id: int, _at: datetime) -> None:
        self.mail.append(job_id)

    def _take(self, worker: Puppet) -> None:
        job_id = self.mail.pop(0)
        self.farm.next = FINE
        worker.begin(job_id, lambda: runner.advance(job_id, owner=worker.name, plan=self.plan, opener=no_farm))

    @precondition(lambda self: self._busy())
    @rule(pick=st.integers(0, 3), steps=st.integers(1, 9), answer=answers)
    def work(self, pick: int, steps: int, answer: str) -> None:
        """One of those who stand goes on, some stops further; ``answer`` is what the farm says, if asked."""
        worker = self._busy()[pick % len(self._busy())]
        for _ in range(steps):
            self.farm.next = answer
            if worker.at is not None:
                worker.go_on()

    @rule(steps=st.integers(8, LONG_TURN), answer=st.sampled_from([FINE, REFUSED, ANSWER_LOST]))
    def work_for_long(self, steps: int, answer: str) -> None:
        self.tick()
        for worker in self._busy():
            for _ in range(steps):
                self.farm.next = answer
                if worker.at is not None:
                    worker.go_on()

    def _busy(self) -> list[Puppet]:
        return [worker for worker in self.workers if worker.at is not None]

    # bad luck

    @precondition(lambda self: self._busy())
    @rule(pick=st.integers(0, 3), on_its_way=st.booleans(), pauses=st.booleans())
    def lose_a_worker(self, pick: int, on_its_way: bool, pauses: bool) -> None:
        """It is killed, or paused for longer than its lease; another one gets the message, perhaps too early."""
        worker = self._busy()[pick % len(self._busy())]
        assert worker.job_id is not None
        self.mail.append(worker.job_id)
        if pauses:
            seen["pauses"] += 1
            self._lease_runs_out(worker.job_id)
            self.tick()
            return
        seen["kill -9"] += 1
        if worker.at == "calling" and on_its_way:
            self.farm.late[self.marks[worker.job_id]] += 1
        worker.kill()

    @rule(number=job_numbers, what=st.sampled_from(["lost", "doubled", "lease", "settle", "late", "never"]))
    def luck(self, number: int, what: str) -> None:
        job_id = self.ids[number]
        if what == "lost":
            self.mail.clear()
        elif what == "doubled":
            self.mail.append(job_id)
        elif what == "lease":
            self._lease_runs_out(job_id)
        elif what == "settle":
            self._settle(job_id)
        elif self.farm.late[self.marks[job_id]]:
            self.farm.arrive(self.marks[job_id], carried_out=what == "late")

    def _lease_runs_out(self, job_id: int) -> None:
        Job.objects.filter(pk=job_id, lease_until__isnull=False).update(lease_until=Now() - LONG_AGO)

    def _settle(self, job_id: int) -> None:
        """The time of a call that was intended has passed, unless one may still come."""
        calling = any(worker.job_id == job_id and worker.at == "calling" for worker in self.workers)
        row = JobStep.objects.filter(job=job_id, key="make", saved__has_key="asked_at").first()
        if row and not calling and not self.farm.late[self.marks[job_id]]:
            long_ago = datetime.fromisoformat(row.saved["asked_at"]) - LONG_AGO
            JobStep.objects.filter(pk=row.pk).update(saved=row.saved | {"asked_at": long_ago.isoformat()})

    # people

    @rule(number=job_numbers, ends=st.booleans())
    def person(self, number: int, ends: bool) -> None:
        """Cancels what is active; has what failed go on or clean up; starts a new job where one is over for good."""
        job = Job.objects.get(pk=self.ids[number])
        if job.is_active:
            self._ask(operations.cancel_job, job=job)
        elif job.kept and (ends or job.undo_cause):
            self._ask(rerunning.clean_up, job=job)
        elif job.state == JobState.FAILED and not job.undo_cause:
            self._ask(rerunning.resume_job, job=job)
        else:
            self.ids[number] = self._new_job(OnFailure(job.on_failure))

    def _ask(self, question: Any, **about: Any) -> None:
        with suppress(NotNow):
            question(**about, by=self.operator)
            seen[question.__name__] += 1

    # what must be so after each of these

    @invariant()
    def promises_are_kept(self) -> None:
        assert all(len(things) <= 1 for things in self.farm.things.values()), dict(self.farm.things)
        assert not stale_writes
        assert not [fault for worker in self.workers for fault in worker.faults]
        jobs = self._jobs()
        self._check_holds(jobs)
        for job in jobs:
            if job.state not in ACTIVE_JOB_STATES:
                self._check_end(job)

    def _check_holds(self, jobs: list[Job]) -> None:
        held = list(Hold.objects.filter(resource=f"vdisk:{self.vdisk.pk}").values_list("job_id", flat=True))
        assert len(held) <= 1
        at_work = {job.pk for job in jobs if job.state in (JobState.RUNNING, JobState.UNDOING)}
        assert at_work <= set(held), "a job works without its hold"
        assert not [job for job in jobs if job.pk in held and not job.is_active], "a job that is over holds something"

    def _check_log(self, job: Job) -> None:
        lines = list(job.log.order_by("number").values_list("number", "at"))
        assert [number for number, _ in lines] == list(range(1, job.lines + 1))
        assert [at for _, at in lines] == sorted(at for _, at in lines)

    def _check_end(self, job: Job) -> None:
        there = bool(self.farm.things[self.marks[job.pk]])
        states = set(job.steps.values_list("state", flat=True))
        if job.state == JobState.SUCCEEDED:
            assert there
            assert states == {StepState.DONE}
        if there and job.state != JobState.SUCCEEDED:
            assert job.kept, "something is left, and nothing says so"
        if job.cancel_requested_at is not None:
            undone = job.undo_cause in (UndoCause.FAILED, UndoCause.ASKED)
            assert job.state == JobState.CANCELLED or (job.state == JobState.FAILED and undone)
        assert job.state != JobState.ERRORED, job.outcome

    # the end

    def teardown(self) -> None:
        try:
            self._come_to_an_end()
        finally:
            for worker in self.workers:
                if worker.at is not None:
                    worker.kill()
            Hold.objects.filter(job__in=self.marks).delete()
            Job.objects.active().filter(pk__in=self.marks).update(state=JobState.ERRORED, ended_at=Now())

    def _come_to_an_end(self) -> None:
        """Nothing more goes wrong: time passes, messages arrive, workers work."""
        for _ in range(ENOUGH_TURNS):
            if not Job.objects.active().filter(pk__in=self.ids).exists():
                break
            for job_id in self.ids:
                while self.farm.late[self.marks[job_id]]:
                    self.farm.arrive(self.marks[job_id], carried_out=True)
                self._settle(job_id)
                if not any(worker.job_id == job_id for worker in self.workers):
                    self._lease_runs_out(job_id)
            self.tick()
            self.farm.next = FINE
            for worker in self.workers:
                while worker.at is not None:
                    worker.go_on()
        assert not [str(job) for job in self._jobs() if job.is_active], "a job was lost"
        self.promises_are_kept()
        for job in self._jobs():
            seen[f"ended {job.state}"] += 1
            self._check_log(job)

    def _jobs(self) -> list[Job]:
        return list(Job.objects.filter(pk__in=self.marks))


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write of a turn, and the reading of the rows, is a stop; what a stale worker gets written is noted."""
    real_write, real_look = recorder.write, runner.masking.read_known

    def write(lease: Lease, **parts: Any) -> Any:
        stop_before("writing")
        newest = Job.objects.values_list("lease_token", flat=True).get(pk=lease.job_id)
        try:
            written = real_write(lease, **parts)
        except LeaseLost:
            seen["writes refused to a worker that lost its lease"] += 1
            raise
        seen["writes"] += 1
        if lease.token != newest:
            stale_writes.append(f"token {lease.token} wrote {parts}, the newest is {newest}")
        return written

    def read_known() -> None:
        stop_before("reading the rows")
        real_look()

    monkeypatch.setattr(recorder, "write", write)
    monkeypatch.setattr(runner.masking, "read_known", read_known)


@pytest.fixture
def ground(transactional_db: None) -> None:
    farm = Farm.objects.create(name="Farm", guid=uuid.uuid4())
    site = Site.objects.create(farm=farm, guid=uuid.uuid4(), name="Munich")
    store = Store.objects.create(farm=farm, guid=uuid.uuid4(), name="vDisks")
    Engine.vdisk = VDisk.objects.create(farm=farm, site=site, store=store, guid=uuid.uuid4(), name="W11")
    operator = User.objects.create_user("operator")
    operator.user_permissions.set(
        Permission.objects.filter(codename__in=["cancel_job", "resume_job", "operate_version"])
    )
    Engine.operator = User.objects.get(pk=operator.pk)


def test_whatever_happens_the_rows_keep_the_promises(ground: None, stops: None) -> None:
    seen.clear()
    _try_out(EXAMPLES)

    print("\n" + ", ".join(f"{words}: {count}" for words, count in sorted(seen.items())))
    for what in ("kill -9", "writes refused to a worker that lost its lease", "cancel_job", *ENDS):
        assert seen[what], f"the machine never came to: {what}"


def test_the_machine_finds_writes_that_are_not_fenced(
    ground: None, stops: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fenced = recorder.write

    def unfenced(lease: Lease, **parts: Any) -> Any:
        newest = Job.objects.values_list("lease_token", flat=True).get(pk=lease.job_id)
        written = fenced(Lease(lease.job_id, newest), **parts)
        if lease.token != newest:
            stale_writes.append(f"token {lease.token} wrote {parts}, the newest is {newest}")
        return written

    monkeypatch.setattr(recorder, "write", unfenced)

    with pytest.raises(AssertionError):
        _try_out(EXAMPLES, (Phase.generate,))


def _try_out(examples: int, phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink)) -> None:
    run_state_machine_as_test(
        Engine,
        settings=settings(
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=examples,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
            phases=phases,
        ),
    )
