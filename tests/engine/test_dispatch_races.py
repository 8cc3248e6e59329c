"""Several processes that let in, hand out and claim at the same moment, each with a connection of its own."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from builders.engine import dispatch, leases, runner
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome
from lifecycle.models import Hold, Job
from lifecycle.states import JobState
from tests.engine.conftest import Scripted

pytestmark = pytest.mark.django_db(transaction=True)
MakeJob = Callable[..., Job]
Call = Callable[[], Any]
GIVE_UP = 120


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.PORTAL_LIMITS = {"host": 3}


class Together:
    """Threads that end when their calls do; the first error of any of them is raised."""

    def __init__(self, *calls: Call) -> None:
        self.outcomes: list[Any] = [None] * len(calls)
        self._errors: list[BaseException] = []
        self.threads = [threading.Thread(target=self._run, args=pair, daemon=True) for pair in enumerate(calls)]
        for thread in self.threads:
            thread.start()

    def _run(self, index: int, call: Call) -> None:
        try:
            self.outcomes[index] = call()
        except BaseException as error:
            self._errors.append(error)
        finally:
            connection.close()

    def join(self) -> list[Any]:
        for thread in self.threads:
            thread.join(GIVE_UP)
            assert not thread.is_alive()
        if self._errors:
            raise self._errors[0]
        return self.outcomes


def until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + GIVE_UP
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def waiting_for_the_lock() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return cursor.fetchone()[0]


def test_two_dispatchers_let_nobody_in_twice(make_job: MakeJob) -> None:
    for number in range(20):
        make_job(admitted_at=None, needs=[f"vdisk:{number}", "host:A"])

    with transaction.atomic():
        dispatch._be_the_only_one()
        dispatchers = Together(*[dispatch.admit] * 4)
        until(lambda: waiting_for_the_lock() == 4)
    admitted = dispatchers.join()

    assert sum(admitted) == 3
    assert sorted(Hold.objects.filter(resource="host:A").values_list("slot", flat=True)) == [1, 2, 3]
    assert Job.objects.filter(admitted_at__isnull=False).count() == 3


def test_a_job_that_ends_while_it_is_let_in_holds_nothing(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is cancelled between the look at the queue and the mark."""
    gone, other = (make_job(admitted_at=None, needs=[f"vdisk:{number}"]) for number in (1, 2))
    mark = dispatch._mark

    def end() -> None:
        Job.objects.filter(pk=gone.pk).update(state=JobState.CANCELLED, ended_at=timezone.now())

    def mark_late(job_ids: list[int]) -> list[int]:
        Together(end).join()
        return mark(job_ids)

    monkeypatch.setattr(dispatch, "_mark", mark_late)

    assert dispatch.admit() == 1
    assert list(Hold.objects.values_list("job", flat=True)) == [other.pk]


def test_a_row_that_somebody_writes_to_keeps_no_other_from_being_let_in(make_job: MakeJob) -> None:
    locked, other = (make_job(admitted_at=None, needs=[f"vdisk:{number}"]) for number in (1, 2))

    with transaction.atomic():
        Job.objects.filter(pk=locked.pk).update(cancel_requested_at=timezone.now())
        assert Together(dispatch.admit).join() == [1]
    assert list(Hold.objects.values_list("job", flat=True)) == [other.pk]


def test_a_dispatcher_that_froze_while_it_let_jobs_in_is_cut_off(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process that was stopped or a machine that was put to sleep: it holds the lock and does nothing."""
    make_job(admitted_at=None, needs=["vdisk:1"])
    monkeypatch.setattr(dispatch, "LONGEST_STOP", "1s")
    frozen, go_on = threading.Event(), threading.Event()

    def freeze() -> None:
        with transaction.atomic():
            dispatch._be_the_only_one()
            frozen.set()
            go_on.wait(GIVE_UP)

    sleeper = Together(freeze)
    assert frozen.wait(GIVE_UP)
    monkeypatch.setattr(dispatch, "LONGEST_STOP", "60s")

    assert dispatch.admit() == 1
    go_on.set()
    with pytest.raises(Exception, match=r"(?i)idle-in-transaction|closed|terminat"):
        sleeper.join()


def test_each_job_is_handed_out_by_one_of_several(make_job: MakeJob) -> None:
    jobs = {make_job().pk for _ in range(60)}
    sent: list[int] = []

    Together(*[lambda: dispatch.hand_out(lambda job_id, _at: sent.append(job_id))] * 4).join()

    assert Counter(sent) == dict.fromkeys(jobs, 1)


def test_a_message_that_comes_twice_gives_one_lease(make_job: MakeJob) -> None:
    job = make_job()

    found = Together(*[lambda: leases.claim(job.pk, "worker")] * 8).join()

    assert [lease.token for lease in found if lease] == [1]


def test_workers_never_meet_on_a_vdisk_nor_exceed_a_limit(make_job: MakeJob) -> None:
    """Two dispatchers and four workers, forty jobs on four vDisks; each worker tries every job again and again."""
    jobs = [make_job(admitted_at=None, needs=[f"vdisk:{n % 4}", "host:A"], title=str(n % 4)) for n in range(40)]
    inside: Counter[str] = Counter()
    most: Counter[str] = Counter()
    lock = threading.Lock()

    def work(ctx: StepContext) -> Outcome:
        keys = (f"vdisk:{ctx.job.title}", "host:A")
        with lock:
            inside.update(keys)
            for key in keys:
                most[key] = max(most[key], inside[key])
        time.sleep(0.01)
        with lock:
            inside.subtract(keys)
        return Done("worked")

    def are_over() -> bool:
        return not Job.objects.active().exists()

    def let_in() -> None:
        until(lambda: bool(dispatch.admit() and False) or are_over())

    def run() -> None:
        while not are_over():
            for job in jobs:
                runner.advance(
                    job.pk, owner=threading.current_thread().name, plan=lambda _: [Scripted("work", work)], opener=_none
                )

    Together(let_in, let_in, run, run, run, run).join()

    assert set(Job.objects.values_list("state", flat=True)) == {JobState.SUCCEEDED}
    assert not Hold.objects.exists()
    assert most == {"vdisk:0": 1, "vdisk:1": 1, "vdisk:2": 1, "vdisk:3": 1, "host:A": most["host:A"]}
    assert most["host:A"] <= 3
    assert {job.steps.get().attempts for job in jobs} == {1}


def _none(_job: Job) -> Any:
    return None
