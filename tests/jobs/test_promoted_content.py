"""What is promoted is what was approved, byte for byte: the files are opened once more right before PVS is asked."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from builders.contents import saving
from builders.contents.looking import look
from builders.farms import open_farm
from builders.sync.run import sync_now
from lab.stores.vhdx.image import Image
from lifecycle import operations
from lifecycle.models import ChangeRequest, Farm, Job, Server, Store, StoreAccess, VDisk, Version
from lifecycle.states import Access, Action, ChangeState, JobState, ReplicaState, StepState
from tests.jobs.conftest import Do, finish, turn
from tests.labprocess import LabProcess

pytestmark = pytest.mark.django_db
NAME = "W11-CAD"


@pytest.fixture
def ways(farm: Farm, lab: LabProcess) -> dict[str, Path]:
    for name, folder in lab.info["stores"].items():
        server = Server.objects.get(farm=farm, name=name)
        for store in Store.objects.filter(farm=farm):
            StoreAccess.objects.create(store=store, server=server, kind=StoreAccess.Kind.LOCAL, path=folder)
    return {name: Path(folder) for name, folder in lab.info["stores"].items()}


@pytest.fixture
def change(do: Do, ways: dict[str, Path], admin: User) -> ChangeRequest:
    """A request for a version whose files were opened, on every server."""
    made = do(Action.NEW_VERSION, NAME).version_number
    assert made is not None
    do(Action.PROMOTE_TEST, NAME, made)
    wait_until_everywhere(made)
    vdisk = VDisk.objects.get(name=NAME)
    version = Version.objects.get(vdisk=vdisk, number=made, gone_at=None)
    saving.note_look(version, vdisk.chain(), look(vdisk, vdisk.chain(), made))
    return operations.request_promotion(vdisk=vdisk, version=made, by=admin, reason="tested")


def wait_until_everywhere(number: int) -> None:
    for _ in range(300):
        farm = Farm.objects.get()
        sync_now(farm.pk, open_farm(farm))
        states = set(VDisk.objects.get(name=NAME).replicas.filter(number=number).values_list("state", flat=True))
        if states == {ReplicaState.GOOD}:
            return
        time.sleep(0.1)
    raise AssertionError(f"version {number} does not come to every server: {states}")


def top_file(change: ChangeRequest) -> str:
    return str(change.links[-1]["file"])


def write_without_a_trace(change: ChangeRequest, ways: dict[str, Path]) -> None:
    """Into the copy of every server, with the file's time put back as it was."""
    for folder in ways.values():
        path = folder / top_file(change)
        if path.exists():
            before = path.stat()
            with Image(path, writable=True) as image:
                image.write(1 << 20, b"x" * 4096)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def is_in_test(change: ChangeRequest) -> bool:
    found = Version.objects.get(vdisk=change.vdisk_id, number=change.version_number, gone_at=None)
    return found.access == Access.TEST


def test_what_was_approved_is_promoted(change: ChangeRequest, approver: User) -> None:
    assert all("content" in link for link in change.links)

    job = finish(operations.approve(change=change, by=approver))

    assert job.state == JobState.SUCCEEDED, job.outcome
    change.refresh_from_db()
    assert change.state == ChangeState.DONE


def test_content_that_changed_without_a_trace_in_pvs_is_not_promoted(
    change: ChangeRequest, approver: User, ways: dict[str, Path]
) -> None:
    job = operations.approve(change=change, by=approver)
    write_without_a_trace(change, ways)

    job = finish(job)

    assert job.state == JobState.FAILED
    assert top_file(change) in job.outcome
    change.refresh_from_db()
    assert change.state == ChangeState.LAPSED
    assert is_in_test(change)


def test_content_that_changes_while_the_promotion_waits_is_not_promoted(
    change: ChangeRequest, approver: User, ways: dict[str, Path], lab: LabProcess
) -> None:
    job = operations.approve(change=change, by=approver)
    lab.post("replication", {"mode": "hold"})
    hidden = {folder: folder / f"{top_file(change)}.hidden" for folder in list(ways.values())[1:]}
    for folder, aside in hidden.items():
        shutil.move(folder / top_file(change), aside)
    for _ in range(200):
        job = turn(job)
        if job.steps.filter(key="replication", state=StepState.WAITING).exists():
            break
        time.sleep(0.02)
        Job.objects.filter(pk=job.pk).update(due_at=Now())
    assert job.steps.filter(key="compare", state=StepState.DONE).exists()
    for folder, aside in hidden.items():
        shutil.move(aside, folder / top_file(change))
    write_without_a_trace(change, ways)

    job = finish(job)

    assert job.state == JobState.FAILED
    assert job.steps.get(key="promote").state == StepState.FAILED
    assert is_in_test(change)


def test_a_store_that_is_away_is_waited_for_and_is_no_change(change: ChangeRequest, approver: User) -> None:
    job = operations.approve(change=change, by=approver)
    paths = dict(StoreAccess.objects.values_list("pk", "path"))
    StoreAccess.objects.update(path="/nowhere/at/all")
    for _ in range(3):
        job = turn(job)
        Job.objects.filter(pk=job.pk).update(due_at=Now())
    assert job.is_active
    assert "cannot be opened" in job.steps.get(key="compare").message
    for pk, path in paths.items():
        StoreAccess.objects.filter(pk=pk).update(path=path)

    job = finish(job)

    assert job.state == JobState.SUCCEEDED, job.outcome


def test_without_any_way_to_the_store_pvs_own_facts_count(change: ChangeRequest, approver: User) -> None:
    StoreAccess.objects.all().delete()

    job = finish(operations.approve(change=change, by=approver))

    assert job.state == JobState.SUCCEEDED, job.outcome
    assert job.log.filter(level="warning", text__contains="PVS tells").exists()
