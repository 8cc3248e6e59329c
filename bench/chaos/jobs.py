"""The rows that the run begins with: people, the farm, and all jobs at once, waiting in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from bench.chaos.fates import Fate
from bench.chaos.kind import KIND
from builders.farms import open_farm
from builders.sync.run import sync_now
from lifecycle import claims
from lifecycle.models import AuditEntry, Farm, FarmConnection, Job, VDisk
from lifecycle.states import OnFailure

PEOPLE = ("anna", "ben", "cora")
OPERATOR = "operator"


def make_people() -> list[User]:
    return [User.objects.create_superuser(name) for name in (*PEOPLE, OPERATOR)]


def connect(info: dict[str, Any]) -> Farm:
    """The lab's farm, read once."""
    farm = Farm.objects.create(name=info["farm"], sync_every_seconds=20)
    for position, server in enumerate(info["servers"]):
        FarmConnection.objects.create(
            farm=farm,
            position=position,
            name=server["name"],
            host=server["host"],
            port=server["port"],
            transport=FarmConnection.Transport.BASIC,
            username=info["username"],
            password=info["password"],
            verify=FarmConnection.Verify.CA_FILE,
            ca_file=info["ca_file"],
        )
    if not sync_now(farm.pk, open_farm(farm)):
        raise RuntimeError("the lab's farm could not be read")
    return farm


def make_jobs(fates: Sequence[Fate], farm: Farm, people: Sequence[User]) -> dict[int, Fate]:
    """Every fate's job, by its id."""
    vdisks = list(VDisk.objects.filter(name__startswith="Further-").order_by("name"))
    with transaction.atomic():
        return {_make(number, fate, farm, vdisks, people): fate for number, fate in enumerate(fates, 1)}


def _make(number: int, fate: Fate, farm: Farm, vdisks: Sequence[VDisk], people: Sequence[User]) -> int:
    vdisk, by = vdisks[fate.vdisk], people[fate.requester]
    job = Job.objects.create(
        kind=KIND,
        host=farm.name,
        title=f"Chaos {number} on {vdisk.name}: {fate.name}",
        farm=farm,
        vdisk=vdisk,
        requested_by=by,
        reason=fate.name,
        parameters=fate.parameters,
        queues=True,
        needs=claims.needs_of(kind=KIND, farm=farm, vdisk=vdisk, writes=True),
        on_failure=OnFailure.UNDO if fate.takes_back else OnFailure.KEEP,
    )
    AuditEntry.objects.record(by=by, action=f"job.start.{KIND}", on=vdisk, job=job, detail={"reason": fate.name})
    return job.pk
