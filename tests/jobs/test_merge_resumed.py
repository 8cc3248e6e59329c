"""A merge that goes on after a failure: only a merged version counts as its result."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from builders.adapters.pvs.farm import ProvisioningFarm
from lifecycle import operations, rerunning
from lifecycle.models import Job, VDisk
from lifecycle.states import Action, JobState
from tests.jobs.conftest import Do, finish, turn
from tests.labprocess import LabProcess

pytestmark = pytest.mark.django_db

NAME = "W11-CAD"
NO_RIGHTS = 22


def merge_that_is_refused(do: Do, lab: LabProcess) -> Job:
    lab.post("faults", {"cmdlet": "Merge-PvsDisk", "action": "fail", "code": NO_RIGHTS})
    job = do(Action.MERGE_BASE, NAME)
    assert job.state == JobState.FAILED
    return job


def wait_for_replication(pvs: ProvisioningFarm) -> None:
    """PVS merges only what every server has."""
    for _ in range(600):
        if all(one.good_inventory_status for one in pvs.versions(VDisk.objects.get(name=NAME).guid)):
            return
        time.sleep(0.05)
    raise AssertionError("the lab does not replicate")


def test_a_version_that_somebody_made_meanwhile_is_not_taken_for_the_result(
    do: Do, lab: LabProcess, pvs: ProvisioningFarm, admin: User
) -> None:
    job = merge_that_is_refused(do, lab)
    disk = VDisk.objects.get(name=NAME).guid
    other = pvs.new_maintenance_version(disk).version
    pvs.promote(disk, to="test")
    wait_for_replication(pvs)

    rerunning.resume_job(job, admin)
    job = finish(job)

    assert job.state == JobState.SUCCEEDED, job.outcome
    assert job.version_number == other + 1
    assert [one.version for one in pvs.versions(disk) if one.type.word.startswith("merge")] == [other + 1]


def test_a_merge_that_was_refused_begins_again(do: Do, lab: LabProcess, admin: User) -> None:
    job = merge_that_is_refused(do, lab)

    rerunning.resume_job(job, admin)

    assert finish(job).state == JobState.SUCCEEDED


def test_a_merge_whose_answer_was_lost_is_found(do: Do, lab: LabProcess) -> None:
    lab.post("faults", {"cmdlet": "Merge-PvsDisk", "action": "drop", "after_effect": True})

    job = do(Action.MERGE_BASE, NAME)

    assert job.state == JobState.SUCCEEDED, job.outcome
    assert job.steps.get(key="merge").attempts > 1


def test_a_merge_that_pvs_breaks_off_fails_and_can_begin_again(do: Do, lab: LabProcess, admin: User) -> None:
    """No server that is up has the files to merge."""
    stores = [Path(folder) for folder in lab.info["stores"].values()]
    job = operations.start_job(action=Action.MERGE_BASE, vdisk=VDisk.objects.get(name=NAME), version=None, by=admin)
    while not job.steps.filter(key="merge", saved__has_key="accepted").exists():
        job = turn(job)
    files = [folder / f"{NAME}.1.avhdx" for folder in stores]
    for file in files:
        file.rename(file.with_suffix(".away"))

    job = finish(job)

    assert job.state == JobState.FAILED
    assert "broke the merge off" in job.outcome
    for file in files:
        file.with_suffix(".away").rename(file)
    rerunning.resume_job(job, admin)
    assert finish(job).state == JobState.SUCCEEDED
