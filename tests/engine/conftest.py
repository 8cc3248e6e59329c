"""A farm's rows, people, and jobs whose steps are written in the test."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from builders.engine import runner
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step
from lifecycle.models import Farm, Job, Site, Store, VDisk
from lifecycle.states import Repeat

Script = Callable[[StepContext], Outcome]


class Scripted(Step):
    """A step whose answers are given: each call takes the next one, an exception is raised."""

    repeat = Repeat.AFTER_LOOK

    def __init__(self, key: str, *answers: Any, undo: Any = "", **attributes: Any) -> None:
        self.key = key  # type: ignore[misc]
        self.title = f"Do {key}"  # type: ignore[misc]
        self.answers = list(answers) or [Done()]
        self.calls = 0
        self._undo = undo
        for name, value in attributes.items():
            setattr(self, name, value)

    def run(self, ctx: StepContext) -> Outcome:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(ctx)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def undo(self, ctx: StepContext) -> str:
        if isinstance(self._undo, BaseException):
            raise self._undo
        return self._undo(ctx) if callable(self._undo) else self._undo


@pytest.fixture
def vdisk(db: None) -> VDisk:
    farm = Farm.objects.create(name="Farm", guid=uuid.uuid4())
    site = Site.objects.create(farm=farm, guid=uuid.uuid4(), name="Munich")
    store = Store.objects.create(farm=farm, guid=uuid.uuid4(), name="vDisks")
    return VDisk.objects.create(farm=farm, site=site, store=store, guid=uuid.uuid4(), name="W11")


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_user("operator")


@pytest.fixture
def make_job(vdisk: VDisk, operator: User) -> Callable[..., Job]:
    def make(**values: Any) -> Job:
        defaults: dict[str, Any] = {
            "kind": "scripted",
            "title": "A job",
            "writes": False,
            "admitted_at": timezone.now(),
        }
        return Job.objects.create(farm=vdisk.farm, vdisk=vdisk, requested_by=operator, **(defaults | values))

    return make


@pytest.fixture
def job(make_job: Callable[..., Job]) -> Job:
    return make_job()


def advance(job: Job, *steps: Step, owner: str = "worker") -> Job:
    """One turn, then the row as it is."""
    runner.advance(job.pk, owner=owner, plan=lambda _job: list(steps), opener=lambda _job: None)  # type: ignore[arg-type,return-value]
    return Job.objects.get(pk=job.pk)


def due(job: Job) -> None:
    """The wait is over."""
    Job.objects.filter(pk=job.pk).update(due_at=timezone.now())


def lose(job: Job) -> None:
    """The worker that had the job is gone, and its lease has ended."""
    now = timezone.now()
    Job.objects.filter(pk=job.pk, lease_until__isnull=False).update(lease_until=now - timedelta(seconds=1))
    due(job)


def cancel(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=timezone.now(), due_at=timezone.now())


def texts(job: Job) -> list[str]:
    return list(job.log.order_by("number").values_list("text", flat=True))
