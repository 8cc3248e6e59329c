"""A running lab, the portal's rows for it, and jobs driven turn by turn as the tick would."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from builders.adapters.pvs.farm import ProvisioningFarm
from builders.engine import runner
from builders.farms import open_farm
from builders.jobs import plan
from builders.sync.run import sync_now
from lifecycle import operations
from lifecycle.models import Farm, FarmConnection, Job, VDisk
from lifecycle.states import Action
from tests.labprocess import LabProcess

TURNS = 600


@pytest.fixture(scope="session")
def running_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    process = LabProcess(Path(tmp_path_factory.mktemp("lab")), speed=20)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def lab(running_lab: LabProcess) -> LabProcess:
    """The lab as on its first day."""
    running_lab.post("reset", {})
    return running_lab


def connect(lab: LabProcess) -> Farm:
    """The farm's rows, as the demo set-up makes them."""
    info = lab.info
    farm = Farm.objects.create(name=info["farm"], sync_every_seconds=5)
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
    return farm


@pytest.fixture
def farm(db: None, lab: LabProcess) -> Farm:
    farm = connect(lab)
    assert sync_now(farm.pk, open_farm(farm))
    return Farm.objects.get(pk=farm.pk)


@pytest.fixture
def pvs(farm: Farm) -> ProvisioningFarm:
    return open_farm(farm)


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("admin")


@pytest.fixture
def approver(db: None) -> User:
    return User.objects.create_superuser("approver")


def turn(job: Job, *, owner: str = "test") -> Job:
    runner.advance(job.pk, owner=owner, plan=plan, opener=lambda found: open_farm(found.farm))
    return Job.objects.get(pk=job.pk)


def finish(job: Job) -> Job:
    """Take turns until the job is over, as fast as the tick would find it due."""
    for _ in range(TURNS):
        job = turn(job)
        if not job.is_active:
            return job
        time.sleep(0.02)
        Job.objects.filter(pk=job.pk).update(due_at=Now())
    raise AssertionError(f"{job} does not end: {list(job.log.values_list('text', flat=True))[-3:]}")


Do = Callable[..., Job]


@pytest.fixture
def do(farm: Farm, admin: User) -> Do:
    """Start a job as the page does, and take it to its end."""

    def start(action: Action, name: str, version: int | None = None, **values: Any) -> Job:
        vdisk = VDisk.objects.get(name=name)
        job = operations.start_job(
            action=action, vdisk=vdisk, version=version, by=admin, reason=values.pop("reason", "test"), **values
        )
        return finish(job)

    return start
