"""A turn reads its rows by statements of its own; they are the same as Django's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from builders.engine.reading import read_job, read_steps
from lifecycle.models import Job, JobStep
from lifecycle.states import StepState


def facts(row: Model) -> dict[str, Any]:
    """Every column's value, with its type."""
    return {
        field.attname: (type(getattr(row, field.attname)), getattr(row, field.attname))
        for field in row._meta.concrete_fields
    }


def test_a_job_comes_with_its_farm_and_vdisk_in_one_statement(
    make_job: Callable[..., Job], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    made = make_job(
        parameters={"a": [1, {"b": None}]},
        context={"number": 7, "text": "ä"},
        needs=["vdisk:1", "host:Farm"],
        kept_until=timezone.now(),
        lines=12,
    )

    with django_assert_num_queries(1):
        found = read_job(made.pk)
        read = facts(found), facts(found.farm), facts(found.vdisk or made)

    expected = Job.objects.select_related("farm", "vdisk").get(pk=made.pk)
    assert expected.vdisk is not None
    assert read == (facts(expected), facts(expected.farm), facts(expected.vdisk))
    assert not found._state.adding
    assert found == expected


def test_a_job_without_a_vdisk(make_job: Callable[..., Job], django_assert_num_queries: DjangoAssertNumQueries) -> None:
    made = make_job()
    Job.objects.filter(pk=made.pk).update(vdisk=None)

    with django_assert_num_queries(1):
        found = read_job(made.pk)
        assert found.vdisk is None

    assert facts(found) == facts(Job.objects.get(pk=made.pk))


@pytest.mark.django_db
def test_a_job_that_is_not_there() -> None:
    with pytest.raises(Job.DoesNotExist, match="no job 4711"):
        read_job(4711)


def test_steps_come_in_their_order_with_the_job_in_hand(
    make_job: Callable[..., Job], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    job, other = make_job(), make_job()
    for position in (2, 1, 3):
        JobStep.objects.create(
            job=job,
            position=position,
            key=f"step-{position}",
            title="Do it",
            state=StepState.DONE if position == 1 else StepState.PENDING,
            saved={"asked": True},
            about={"repeat": "never", "limit": 600.0},
            seconds=1.5,
            started_at=timezone.now(),
        )
    JobStep.objects.create(job=other, position=1, key="other", title="Of another job")

    with django_assert_num_queries(1):
        found = read_steps(job)
        assert all(row.job is job for row in found)

    assert [facts(row) for row in found] == [facts(row) for row in job.steps.order_by("position")]


def test_a_row_that_was_read_can_be_changed_and_saved(job: Job) -> None:
    found = read_job(job.pk)

    found.outcome = "Done."
    found.save(update_fields=["outcome"])

    assert Job.objects.get(pk=job.pk).outcome == "Done."
