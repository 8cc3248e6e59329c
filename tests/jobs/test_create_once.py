"""Made exactly once, whenever the call's answer is lost: before it had effect, after it, or long after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from builders.adapters.errors import OutcomeUnknown, Refused, Unreachable
from builders.engine.context import StepContext
from builders.engine.steps import Done
from builders.jobs.steps.create import CreateOnce
from lifecycle.models import Job
from lifecycle.states import JobState, StepState
from tests.engine.conftest import Scripted, advance, cancel, due, job, lose, make_job, operator, texts, vdisk

__all__ = ["job", "make_job", "operator", "vdisk"]
pytestmark = pytest.mark.django_db


class Host:
    """An outside system that makes VMs of any name, as often as it is asked."""

    def __init__(self) -> None:
        self.vms: list[str] = []
        self.calls = 0
        self.delayed: list[str] = []

    def create(self, tag: str) -> str:
        self.calls += 1
        self.vms.append(tag)
        return tag

    def settle(self) -> None:
        """What was asked for takes effect now."""
        self.vms += self.delayed
        self.delayed = []


class CreateVm(CreateOnce[str]):
    key = "vm"
    title = "Create the VM"
    produces = {"vm": str}

    def __init__(self, host: Host, trouble: Callable[[Host, str], str] | None = None) -> None:
        self.host = host
        self.trouble = trouble

    def find(self, ctx: StepContext, tag: str) -> str | None:
        return tag if tag in self.host.vms else None

    def create(self, ctx: StepContext, tag: str) -> str:
        trouble, self.trouble = self.trouble, None
        return trouble(self.host, tag) if trouble else self.host.create(tag)

    def made(self, ctx: StepContext, thing: str) -> Done:
        return Done(f"{thing} was created", {"vm": thing})

    def remove(self, ctx: StepContext, thing: str) -> str:
        self.host.vms.remove(thing)
        return f"{thing} was removed"


@pytest.fixture
def host() -> Host:
    return Host()


def crash_after(host: Host, tag: str) -> str:
    host.create(tag)
    raise KeyboardInterrupt


def crash_before(host: Host, tag: str) -> str:
    raise KeyboardInterrupt


def cut_after(host: Host, tag: str) -> str:
    host.create(tag)
    raise OutcomeUnknown("session cut")


def cut_and_late(host: Host, tag: str) -> str:
    host.delayed.append(tag)
    raise OutcomeUnknown("session cut")


def settled(job: Job) -> None:
    """The time in which a lost call may still take effect is over."""
    row = job.steps.get(key="vm")
    row.saved["asked_at"] = (timezone.now() - timedelta(hours=1)).isoformat()
    row.save()
    due(job)


def test_it_bears_the_jobs_own_mark(job: Job, host: Host) -> None:
    job = advance(job, CreateVm(host))

    assert host.vms == [f"vdisk-portal:{job.uid}:vm"]
    assert job.context["vm"] == host.vms[0]


@pytest.mark.parametrize("trouble", [crash_after, cut_after])
def test_what_was_made_before_its_name_was_saved_is_found_and_adopted(
    job: Job, host: Host, trouble: Callable[[Host, str], str]
) -> None:
    step = CreateVm(host, trouble)
    try:
        advance(job, step)
    except KeyboardInterrupt:
        lose(job)
    due(job)

    job = advance(job, step)

    assert (job.state, host.calls, len(host.vms)) == (JobState.SUCCEEDED, 1, 1)
    assert any("Found what an earlier attempt made" in text for text in texts(job))


def test_a_call_that_had_no_effect_is_made_again_once_none_can_come(job: Job, host: Host) -> None:
    step = CreateVm(host, crash_before)
    with pytest.raises(KeyboardInterrupt):
        advance(job, step)
    lose(job)

    job = advance(job, step)
    assert (host.calls, job.steps.get().state) == (0, StepState.WAITING)
    assert "whose answer was lost" in job.steps.get().message
    settled(job)
    job = advance(job, step)

    assert (job.state, len(host.vms)) == (JobState.SUCCEEDED, 1)


def test_a_call_that_takes_effect_late_is_waited_for(job: Job, host: Host) -> None:
    step = CreateVm(host, cut_and_late)
    advance(job, step)
    due(job)
    advance(job, step)
    assert host.vms == []
    host.settle()
    due(job)

    job = advance(job, step)

    assert (job.state, len(host.vms), host.calls) == (JobState.SUCCEEDED, 1, 0)


@pytest.mark.parametrize("error", [Refused("no", code=5), Unreachable("away")])
def test_a_call_that_provably_had_no_effect_needs_no_waiting(job: Job, host: Host, error: Exception) -> None:
    def refuse(host: Host, tag: str) -> str:
        raise error

    job = advance(job, CreateVm(host, refuse))

    assert "asked_at" not in job.steps.get().saved


def test_a_restart_adopts_what_is_there(job: Job, host: Host) -> None:
    from django.contrib.auth.models import User

    from lifecycle import rerunning

    steps = (CreateVm(host), Scripted("next", Refused("no", code=5), Done("went on")))
    job = advance(job, *steps)
    rerunning.restart_job(job, 1, User.objects.create_superuser("root"))

    job = advance(job, *steps)

    assert (job.state, host.calls, len(host.vms)) == (JobState.SUCCEEDED, 1, 1)


def test_cancelling_removes_it(job: Job, host: Host) -> None:
    steps = (CreateVm(host), Scripted("next", Unreachable("away")))
    advance(job, *steps)
    cancel(job)

    job = advance(job, *steps)

    assert (job.state, host.vms, job.kept) == (JobState.CANCELLED, [], "")


def test_cancelling_waits_for_what_a_lost_call_may_still_make(job: Job, host: Host) -> None:
    step = CreateVm(host, cut_and_late)
    advance(job, step)
    cancel(job)
    assert advance(job, step).state == JobState.UNDOING
    host.settle()
    due(job)

    job = advance(job, step)

    assert (job.state, host.vms) == (JobState.CANCELLED, [])


def test_cancelling_ends_when_nothing_came(job: Job, host: Host) -> None:
    step = CreateVm(host, cut_and_late)
    advance(job, step)
    cancel(job)
    advance(job, step)
    settled(job)

    job = advance(job, step)

    assert (job.state, job.kept) == (JobState.CANCELLED, "")
