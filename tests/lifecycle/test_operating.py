"""What the operations page shows, against rows: who is late, what is held, how often each state occurs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle import operating
from lifecycle.models import Hold, Job, VDisk, Worker
from lifecycle.states import JobState

AGO = timezone.now() - timedelta(minutes=5)
LATER = timezone.now() + timedelta(hours=1)


@pytest.fixture
def job(vdisk: VDisk, admin: User) -> Any:
    def make(title: str, **values: Any) -> Job:
        defaults = {"kind": "merge", "title": title, "queues": True, "requested_by": admin}
        return Job.objects.create(farm=vdisk.farm, vdisk=vdisk, **defaults | values)

    return make


def test_each_active_job_is_counted_where_it_is(job: Any) -> None:
    job("queued")
    job("due now", admitted_at=AGO, due_at=timezone.now() - timedelta(seconds=1))
    job("late", admitted_at=AGO, due_at=AGO)
    job("worked on", admitted_at=AGO, due_at=AGO, state=JobState.RUNNING, lease_until=LATER)
    job("its worker died", admitted_at=AGO, due_at=AGO, state=JobState.RUNNING, lease_until=AGO)
    job("waits", admitted_at=AGO, due_at=LATER, state=JobState.RUNNING)
    job("over", state=JobState.FAILED, ended_at=AGO, admitted_at=AGO)

    found = operating.queue_now()

    assert (found.queued, found.due, found.late, found.working, found.waiting) == (1, 3, 2, 1, 1)
    assert found.longest_late_seconds >= 300


def test_the_longest_late_come_first(job: Any) -> None:
    job("five minutes", admitted_at=AGO, due_at=AGO)
    job("let in a minute ago", admitted_at=timezone.now() - timedelta(minutes=1), due_at=AGO - timedelta(hours=1))
    job("let in just now", admitted_at=timezone.now(), due_at=AGO - timedelta(hours=1))

    assert [late.title for late in operating.late_jobs()] == ["five minutes", "let in a minute ago"]


def test_the_oldest_in_the_queue_says_for_whom_it_waits(job: Any, vdisk: VDisk) -> None:
    holder = job("holder", admitted_at=AGO, state=JobState.RUNNING)
    key = f"vdisk:{vdisk.pk}"
    Hold.objects.create(resource=key, slot=1, job=holder)
    job("newer", needs=[key])
    job("oldest", needs=[key], due_at=AGO, created_at=AGO)

    found = operating.oldest_waiting()

    assert found is not None
    assert found.job.title == "oldest"
    assert [blocker.resource for blocker in found.blockers] == [key]


def test_nobody_in_the_queue_is_nobody(job: Any) -> None:
    job("let in", admitted_at=AGO)

    assert operating.oldest_waiting() is None


def test_locks_name_their_resource_and_holder(job: Any, vdisk: VDisk, settings: Any) -> None:
    settings.PORTAL_LIMITS = {"host": 3}
    holder = job("holder", admitted_at=AGO, state=JobState.RUNNING)
    Hold.objects.create(resource=f"vdisk:{vdisk.pk}", slot=1, job=holder, since=AGO)
    Hold.objects.create(resource="host:HV01", slot=2, job=holder)

    first, second = operating.locks_now()

    assert (first.name, first.places, first.job_id, first.title) == (f"vDisk {vdisk.name}", 1, holder.pk, "holder")
    assert first.seconds >= 300
    assert (second.name, second.slot, second.places) == ("host HV01", 2, 3)


def test_capacities_show_what_is_held_and_wanted_most_wanted_first(job: Any, settings: Any) -> None:
    settings.PORTAL_LIMITS = {"host": 2, "kind": 0}
    Hold.objects.create(resource="host:A", slot=1, job=job("one", admitted_at=AGO, state=JobState.RUNNING))
    job("two", needs=["host:B", "kind:merge"])
    job("three", needs=["host:B"])

    found = [(one.resource, one.places, one.held, one.wanted) for one in operating.capacities_now()]

    assert found == [("host:B", 2, 0, 2), ("kind:merge", None, 0, 1), ("host:A", 2, 1, 0)]


def test_workers_that_are_gone_for_long_are_not_shown(db: None) -> None:
    for name, ago in (("here", timedelta(0)), ("gone", timedelta(minutes=30)), ("long gone", timedelta(hours=2))):
        Worker.objects.create(name=name, machine=name, process=1, seen_at=timezone.now() - ago)

    assert {worker.name: worker.is_live for worker in operating.workers_now()} == {"here": True, "gone": False}


@pytest.mark.parametrize("count", [1, 40])
def test_statements_do_not_grow_with_what_there_is(
    count: int, job: Any, admin: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        holder = job(f"holder {number}", admitted_at=AGO, due_at=AGO, needs=["host:A"])
        Hold.objects.create(resource="host:A", slot=number + 1, job=holder)
        job(f"queued {number}", needs=["host:A"])
        Worker.objects.create(name="w", machine="m", process=number, drain_asked_by=admin)

    with django_assert_max_num_queries(17):
        operating.workers_now()  # 1
        operating.queue_now()  # 2
        operating.late_jobs()  # 1
        operating.oldest_waiting()  # 2, and 4 of its blockers
        operating.locks_now()  # 3
        operating.capacities_now()  # 4
