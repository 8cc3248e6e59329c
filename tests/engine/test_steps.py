"""What steps declare is held against what they do: at plan time and at their end."""

from __future__ import annotations

from typing import Any

import pytest

from builders.engine.steps import Done, RetryPolicy, Wait, WrongPlan, check_plan, check_product
from builders.jobs import KINDS, plan
from lifecycle.models import Job
from lifecycle.operations import PROMOTED
from lifecycle.states import Action, JobState, Reading, Repeat, StepState
from tests.engine.conftest import Scripted, advance


def test_a_need_is_met_by_an_earlier_step_or_from_the_start() -> None:
    check_plan([Scripted("a", produces={"vm": str}), Scripted("b", needs=("vm", "vdisk"))], known={"vdisk"})


@pytest.mark.parametrize(
    "steps",
    [
        [Scripted("b", needs=("vm",))],
        [Scripted("b", needs=("vm",)), Scripted("a", produces={"vm": str})],
        [Scripted("a", produces={"vm": str}, needs=("vm",))],
    ],
)
def test_a_need_that_nothing_before_it_produces_is_refused(steps: list[Scripted]) -> None:
    with pytest.raises(WrongPlan, match="needs vm, which nothing before it produces"):
        check_plan(steps, known=set())


def test_two_steps_of_one_name_are_refused() -> None:
    with pytest.raises(WrongPlan, match="Two steps"):
        check_plan([Scripted("a"), Scripted("a")], known=set())


@pytest.mark.parametrize(
    ("produced", "words"),
    [
        ({}, "did not produce id"),
        ({"id": "7"}, "produced id as str, and declares int"),
        ({"id": True}, "produced id as bool, and declares int"),
        ({"id": None}, "produced id as NoneType"),
        ({"id": 7, "name": "x"}, "produced name without declaring it"),
        ({"id": 7, "outcome": 3}, "produced outcome as int"),
    ],
)
def test_a_product_is_held_against_what_was_declared(produced: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongPlan, match=words):
        check_product(Scripted("make", produces={"id": int}), produced)


def test_any_step_may_tell_the_outcome() -> None:
    check_product(Scripted("make", produces={"id": int}), {"id": 7, "outcome": "made"})


@pytest.mark.django_db
def test_a_plan_that_does_not_fit_together_does_nothing(job: Job) -> None:
    first = Scripted("first")

    job = advance(job, first, Scripted("second", needs=("vm",)))

    assert (job.state, first.calls) == (JobState.ERRORED, 0)
    assert not job.steps.exists()


@pytest.mark.django_db
def test_a_step_that_breaks_its_word_fails_and_the_next_is_not_begun(job: Job) -> None:
    second = Scripted("second", needs=("id",))

    job = advance(job, Scripted("first", Done("made", {"id": "seven"}), produces={"id": int}), second)

    assert (job.state, second.calls) == (JobState.ERRORED, 0)
    assert job.steps.get(key="first").state == StepState.FAILED
    assert job.context == {}


@pytest.mark.django_db
def test_what_a_step_produced_is_there_for_a_step_of_another_turn(job: Job) -> None:
    first = Scripted("first", Done("made", {"id": 7}), produces={"id": int})
    second = Scripted("second", Wait(0, "…"), lambda ctx: Done(f"got {ctx.need('id', int)}"), needs=("id",))
    advance(job, first, second)

    assert advance(job, first, second).outcome == "got 7"


@pytest.mark.django_db
def test_a_need_of_the_wrong_type_is_a_fault(make_job: Any) -> None:
    job = make_job(parameters={"id": "seven"})

    job = advance(job, Scripted("only", lambda ctx: Done(str(ctx.need("id", int))), needs=("id",)))

    assert job.state == JobState.ERRORED


@pytest.mark.django_db
def test_rows_say_what_the_step_says_of_itself(job: Job) -> None:
    step = Scripted(
        "make",
        Done("made", {"id": 7}),
        needs=("vdisk",),
        produces={"id": int},
        repeat=Repeat.NEVER,
        retry=RetryPolicy(times=3),
        poll=7.5,
        stands=True,
        remembers=("asked",),
        undoes="removes it",
        belongs_to_job=True,
    )

    advance(job, step)

    row = job.steps.get()
    assert row.about == {
        "repeat": "never",
        "limit": 600.0,
        "poll": 7.5,
        "silence": 300.0,
        "retries": 3,
        "needs": ["vdisk"],
        "produces": ["id"],
        "undo": "removes it",
        "stands": True,
        "remembers": ["asked"],
        "belongs_to_job": True,
    }
    assert row.profile == "scripted|||make"
    assert row.seconds is not None
    assert row.seconds >= 0


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_steps_of_each_kind_fit_together(kind: Action) -> None:
    known = {"vdisk", "version", "change"} | ({"before", "after"} if kind == Reading.COMPARE else set())
    makes_version = kind in (Action.NEW_VERSION, Action.MERGE, Action.MERGE_BASE)

    steps = list(plan(Job(kind=kind)))

    check_plan(steps, known - {"version"} if makes_version or kind == Action.CLEAR_OVERRIDE else known)
    for step in steps:
        assert step.limit.total_seconds() > 0
        assert step.title
        assert step.repeat in Repeat
    assert [PROMOTED in step.produces for step in steps].count(True) == (kind == Action.PROMOTE_PRODUCTION)


def test_pauses_grow_and_are_bounded_and_no_two_alike() -> None:
    policy = RetryPolicy(times=5, first_seconds=2, longest_seconds=20, jitter=0.25)

    pauses = [[policy.pause(failures) for _ in range(200)] for failures in range(1, 2000, 333)]

    assert all(1.5 <= pause <= 2.5 for pause in pauses[0])
    assert all(15 <= pause <= 25 for of_one in pauses[1:] for pause in of_one)
    assert len({round(pause, 6) for pause in pauses[0]}) > 100
