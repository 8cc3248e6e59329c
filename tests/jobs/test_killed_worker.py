"""A worker that is killed in mid-step, for real: another process takes over, and nothing happens twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from builders.farms import open_farm
from builders.sync.run import sync_now
from lifecycle import operations
from lifecycle.models import Job, VDisk
from lifecycle.states import Action, JobState
from tests.jobs.conftest import connect
from tests.labprocess import LabProcess

NAME = "W11-CAD"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(child_environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts `celery -A builders ...` on this test's database; whatever is left is killed at the end."""
    children: list[subprocess.Popen[bytes]] = []
    environment = child_environment | {"PORTAL_LEASE_SECONDS": "4"}

    def run(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "builders", *arguments, "--loglevel", "INFO"]
        with (tmp_path / f"{arguments[0]}-{len(children)}.log").open("wb") as output:
            child = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        children.append(child)
        return child

    yield run
    for child in children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def wait_for(what: str, holds: Callable[[], bool], logs: Path) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    said = "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in sorted(logs.glob("*.log")))
    raise AssertionError(f"waited in vain for {what}\n{said}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "delay",
    [
        pytest.param(1, id="its call took effect before the next worker looks"),
        pytest.param(8, id="its call takes effect after the next worker has looked"),
    ],
)
def test_a_job_survives_the_kill_of_its_worker(lab: LabProcess, start: Start, tmp_path: Path, delay: int) -> None:
    farm = connect(lab)
    assert sync_now(farm.pk, open_farm(farm))
    vdisk = VDisk.objects.get(name=NAME)
    before = set(vdisk.versions.filter(gone_at=None).values_list("number", flat=True))
    lab.post("faults", {"cmdlet": "New-PvsDiskMaintenanceVersion", "action": "delay", "seconds": delay})
    admin = User.objects.create_superuser("admin")
    job = operations.start_job(action=Action.NEW_VERSION, vdisk=vdisk, version=None, by=admin)

    start("beat", "--schedule", str(tmp_path / "beat"))
    first = start("worker", "--pool", "threads", "--concurrency", "2")
    wait_for("the call", lambda: job.steps.filter(key="create", saved__has_key="asked_above").exists(), tmp_path)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    start("worker", "--pool", "threads", "--concurrency", "2")
    try:
        wait_for("the end of the job", lambda: not Job.objects.get(pk=job.pk).is_active, tmp_path)
    finally:
        lines = list(job.log.values_list("number", "text"))
        print(*lines, sep="\n")

    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED, lines
    assert job.steps.get(key="create").attempts >= 2
    assert [number for number, _ in lines] == list(range(1, len(lines) + 1))
    after = set(vdisk.versions.filter(gone_at=None).values_list("number", flat=True))
    assert len(after - before) == 1
