"""Rows for the benchmark: jobs that harm no vDisk, of a farm that is never read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from bench.engine import kinds
from lifecycle import claims
from lifecycle.models import Farm, Job
from lifecycle.states import JobState

YEAR_SECONDS = 365 * 86400


def make(
    kind: str, parameters: list[dict[str, Any]], due: list[datetime], needs: list[list[str]] | None = None
) -> list[Job]:
    """``needs``: what each has to have; without, as many hosts are worked on as the product's limits make it take."""
    never = {"sync_every_seconds": YEAR_SECONDS, "sync_due_at": timezone.now() + timedelta(seconds=YEAR_SECONDS)}
    farm, _ = Farm.objects.get_or_create(name="Benchmark", defaults=never)
    person, _ = User.objects.get_or_create(username="benchmark")
    rows = zip(parameters, due, needs or [_usual(kind, farm, number) for number in range(len(due))], strict=True)
    return Job.objects.bulk_create(
        Job(
            kind=kind,
            title=f"Benchmark {number}",
            farm=farm,
            requested_by=person,
            parameters=given,
            writes=False,
            needs=needed,
            due_at=due_at,
        )
        for number, (given, due_at, needed) in enumerate(rows, 1)
    )


def _usual(kind: str, farm: Farm, number: int) -> list[str]:
    """As the product writes them for a job that harms no vDisk; each host has its places filled."""
    places = claims.limit("host:any") or 1
    return claims.needs_of(kind=kind, farm=farm, vdisk=None, writes=False, host=f"Host {number // places + 1}")


def scripted(waits: list[list[float]], *, in_seconds: float = 0) -> list[Job]:
    """One job a list; all are due at once."""
    due = timezone.now() + timedelta(seconds=in_seconds)
    return make(kinds.SCRIPT, [{"waits": row} for row in waits], [due] * len(waits))


def all_ended() -> bool:
    return not Job.objects.active().exists()


def check_succeeded() -> None:
    """A figure of jobs that failed would be no figure."""
    bad = Job.objects.exclude(state=JobState.SUCCEEDED).first()
    if bad is not None:
        raise RuntimeError(f"{bad} is {bad.state}: {bad.outcome}")
