"""Letting jobs in, on rows: who may be claimed, two processes at once, a long queue, cancelling in the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from builders.engine import dispatch, leases
from builders.engine.steps import Done
from lifecycle import operations
from lifecycle.models import Hold, Job
from lifecycle.states import JobState
from tests.engine.conftest import Scripted, advance

pytestmark = pytest.mark.django_db
MakeJob = Callable[..., Job]
LONG_AGO = timezone.now() - timedelta(days=1)


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.PORTAL_LIMITS = {"host": 3, "store": 0, "kind": 0}


@pytest.fixture
def queued(make_job: MakeJob) -> MakeJob:
    """Jobs in the queue, made one second after the other."""
    made: list[Job] = []

    def make(*needs: str, person: User | None = None, **values: Any) -> Job:
        defaults = {"admitted_at": None, "created_at": LONG_AGO + timedelta(seconds=len(made)), "needs": list(needs)}
        made.append(make_job(**defaults | values))
        if person:
            Job.objects.filter(pk=made[-1].pk).update(requested_by=person)
        return made[-1]

    return make


def end(job: Job) -> None:
    with transaction.atomic():
        Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED, ended_at=timezone.now())
        Hold.objects.filter(job=job).delete()


def is_in(job: Job) -> bool:
    return Job.objects.filter(pk=job.pk, admitted_at__isnull=False).exists()


# --- who may be claimed


def test_a_job_is_let_in_with_all_that_it_needs(queued: MakeJob) -> None:
    job = queued("vdisk:1", "kind:merge", "host:A")

    assert dispatch.admit() == 1

    assert set(Hold.objects.values_list("job", "resource", "slot")) == {(job.pk, "vdisk:1", 1), (job.pk, "host:A", 1)}
    assert is_in(job)


def test_nobody_claims_a_job_that_is_not_let_in(queued: MakeJob) -> None:
    queued("vdisk:1")
    second = queued("vdisk:1")
    dispatch.admit()

    assert leases.claim(second.pk, "worker") is None


def test_a_turn_lets_its_job_in_by_itself(queued: MakeJob) -> None:
    """The web wakes a worker: nobody has to wait for beat."""
    job = advance(queued("vdisk:1"), Scripted("one", Done("done")))

    assert job.state == JobState.SUCCEEDED
    assert not Hold.objects.exists()


def test_a_turn_does_not_let_its_job_in_before_its_turn(queued: MakeJob) -> None:
    first, second = queued("vdisk:1"), queued("vdisk:1")

    assert leases.claim(second.pk, "worker") is None
    assert is_in(first)
    assert not is_in(second)


def test_a_job_that_is_queued_when_it_is_cancelled_ends_without_holding_anything(
    queued: MakeJob, operator: User
) -> None:
    queued("vdisk:1")
    second = queued("vdisk:1")
    dispatch.admit()
    operator.is_superuser = True
    operations.cancel_job(job=second, by=operator)
    sent: list[int] = []
    dispatch.hand_out(lambda job_id, _at: sent.append(job_id))

    assert second.pk in sent
    step = Scripted("one")
    assert advance(second, step).state == JobState.CANCELLED
    assert step.calls == 0
    assert not Hold.objects.filter(job=second).exists()


def test_what_was_begun_is_taken_back_only_with_what_it_needs(queued: MakeJob) -> None:
    """A resumed job that is cancelled in the queue has undos, and those write."""
    queued("vdisk:1")
    resumed = queued("vdisk:1", started_at=LONG_AGO, cancel_requested_at=timezone.now())
    dispatch.admit()

    assert leases.claim(resumed.pk, "worker") is None


def test_a_job_that_is_to_be_cleaned_up_waits_for_what_it_needs(queued: MakeJob) -> None:
    first = queued("vdisk:1")
    cleaned = queued("vdisk:1", started_at=LONG_AGO, state=JobState.UNDOING, undo_cause="asked")
    dispatch.admit()
    assert leases.claim(cleaned.pk, "worker") is None

    end(first)

    assert leases.claim(cleaned.pk, "worker") is not None


# --- fair


def test_the_next_one_is_let_in_when_the_first_ends(queued: MakeJob) -> None:
    first, second = queued("vdisk:1"), queued("vdisk:1")
    dispatch.admit()

    end(first)

    assert dispatch.admit() == 1
    assert is_in(second)


def test_people_take_turns_to_the_end(queued: MakeJob, django_user_model: Any, settings: Any) -> None:
    """One asks for thirty jobs, then two others for three each: they are not behind all thirty."""
    settings.PORTAL_LIMITS = {"host": 1}
    people = [django_user_model.objects.create_user(name) for name in ("many", "few", "fewer")]
    for person, count in zip(people, (30, 3, 3), strict=True):
        for _ in range(count):
            queued("host:A", person=person)
    began: list[str] = []
    while (running := _let_one_in()) is not None:
        began.append(running.requested_by.username)
        end(running)

    assert began[:9] == ["many", "few", "fewer"] * 3
    assert began[9:] == ["many"] * 27


def _let_one_in() -> Job | None:
    dispatch.admit()
    return Job.objects.active().filter(admitted_at__isnull=False).select_related("requested_by").first()


# --- many


def statements(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as caught:
        act()
    return len(caught)


@pytest.mark.parametrize("waiting", [10, 1000])
def test_a_long_queue_costs_no_more_statements(waiting: int, make_job: MakeJob) -> None:
    template = make_job(admitted_at=None, needs=["vdisk:1", "host:A"], queues=True)
    rows = [
        Job(
            kind=template.kind,
            title=f"Job {number}",
            farm=template.farm,
            requested_by=template.requested_by,
            needs=["vdisk:1", "host:A"] if number % 2 else [f"vdisk:{number}", "host:A"],
        )
        for number in range(waiting)
    ]
    Job.objects.bulk_create(rows)

    assert statements(dispatch.admit) <= 9  # candidates and holds, twice; the transaction; lock, rows, holds
    assert Hold.objects.filter(resource="host:A").count() == 3
    assert statements(dispatch.admit) <= 2  # nobody can be let in: two looks
