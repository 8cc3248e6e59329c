"""Numbers of versions are given anew: a job adopts and deletes what it provably made, and leaves the rest alone."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from builders.adapters.pvs.farm import ProvisioningFarm
from builders.farms import open_farm
from builders.jobs.steps import asking
from builders.sync.run import sync_now
from lifecycle import operations, rerunning
from lifecycle.models import Farm, Job, VDisk
from lifecycle.states import Action, JobState
from tests.jobs.conftest import Do, finish, turn
from tests.labprocess import LabProcess

pytestmark = pytest.mark.django_db
NAME = "W11-CAD"
NEW = "New-PvsDiskMaintenanceVersion"


def vdisk() -> VDisk:
    return VDisk.objects.get(name=NAME)


def numbers(pvs: ProvisioningFarm) -> set[int]:
    return {version.version for version in pvs.versions(vdisk().guid)}


def synced() -> None:
    farm = Farm.objects.get()
    assert sync_now(farm.pk, open_farm(farm))


@pytest.fixture
def unanswered(do: Do, lab: LabProcess) -> Job:
    """PVS was asked for a version, made none, and gave no answer; the job has failed."""
    lab.post("faults", {"cmdlet": NEW, "action": "drop", "count": 50})
    job = do(Action.NEW_VERSION, NAME)
    lab.post("faults/clear")
    assert job.state == JobState.FAILED
    assert "perhaps a version above" in job.kept
    return job


@pytest.fixture
def failed(do: Do, lab: LabProcess) -> Job:
    """A version was made, and describing it was refused."""
    lab.post("faults", {"cmdlet": "Set-PvsDiskVersion", "action": "fail", "code": 148})
    job = do(Action.NEW_VERSION, NAME)
    assert job.state == JobState.FAILED
    return job


def made_anew_by_hand(failed: Job, pvs: ProvisioningFarm) -> int:
    """Its version is deleted in the console, and another one made there, which bears the number now."""
    assert failed.version_number is not None
    pvs.delete_version(vdisk().guid, failed.version_number)
    time.sleep(1.1)  # PVS tells the time to the second
    made = pvs.new_maintenance_version(vdisk().guid).version
    assert made == failed.version_number
    return made


# --- PVS gave no answer


def test_what_somebody_made_by_hand_meanwhile_is_not_deleted(
    unanswered: Job, admin: User, pvs: ProvisioningFarm
) -> None:
    theirs = pvs.new_maintenance_version(vdisk().guid).version
    rerunning.clean_up(unanswered, admin)

    job = finish(unanswered)

    assert theirs in numbers(pvs)
    assert "may be somebody else's" in job.kept
    assert job.kept_until is None, "a person decides"


def test_what_somebody_made_by_hand_meanwhile_is_not_adopted(
    unanswered: Job, admin: User, pvs: ProvisioningFarm
) -> None:
    theirs = pvs.new_maintenance_version(vdisk().guid).version
    rerunning.resume_job(unanswered, admin)

    job = finish(unanswered)

    assert job.state == JobState.FAILED
    assert f"It is not certain that version {theirs} of {NAME} is this job's" in job.outcome
    assert pvs.version(vdisk().guid, theirs).description == ""


@pytest.mark.parametrize("again", [rerunning.clean_up, rerunning.resume_job])
def test_what_another_job_made_meanwhile_is_left_alone(
    unanswered: Job, admin: User, do: Do, pvs: ProvisioningFarm, again: object
) -> None:
    other = do(Action.NEW_VERSION, NAME, reason="theirs")
    assert other.state == JobState.SUCCEEDED
    again(unanswered, admin)  # type: ignore[operator]

    job = finish(unanswered)

    assert other.version_number in numbers(pvs)
    assert f"portal job {other.pk}" in (job.kept if job.undo_cause else job.outcome)
    assert "theirs" in pvs.version(vdisk().guid, other.version_number or 0).description


def test_when_nothing_is_there_nothing_is_left(unanswered: Job, admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SETTLE", timedelta(0))  # it looks for a minute
    rerunning.clean_up(unanswered, admin)

    job = finish(unanswered)

    assert (job.kept, bool(job.cleaned_up_at)) == ("", True)


def test_resumed_it_makes_one_when_nothing_is_there(unanswered: Job, admin: User, pvs: ProvisioningFarm) -> None:
    before = numbers(pvs)
    rerunning.resume_job(unanswered, admin)

    job = finish(unanswered)

    assert job.state == JobState.SUCCEEDED, job.outcome
    assert numbers(pvs) == before | {job.version_number}


@pytest.mark.parametrize("is_theirs", [False, True])
def test_a_worker_that_comes_back_late_looks_when_it_was_made(
    farm: Farm,
    admin: User,
    lab: LabProcess,
    pvs: ProvisioningFarm,
    monkeypatch: pytest.MonkeyPatch,
    is_theirs: bool,
) -> None:
    """The job was at it all the while, but nobody looked for a long time."""
    lab.post("faults", {"cmdlet": NEW, "action": "drop", "after_effect": not is_theirs})
    job = turn(operations.start_job(action=Action.NEW_VERSION, vdisk=vdisk(), version=None, by=admin))
    if is_theirs:
        lab.post("clock", {"forward_seconds": 3600})
        pvs.new_maintenance_version(vdisk().guid)
    monkeypatch.setattr(asking, "SETTLE", timedelta(0))

    job = finish(job)

    assert job.state == (JobState.FAILED if is_theirs else JobState.SUCCEEDED), job.outcome
    assert ("not when this job asked" in job.outcome) == is_theirs


# --- the number is known, and was given anew


def test_another_version_of_the_same_number_is_not_deleted(failed: Job, admin: User, pvs: ProvisioningFarm) -> None:
    theirs = made_anew_by_hand(failed, pvs)
    rerunning.clean_up(failed, admin)

    job = finish(failed)

    assert theirs in numbers(pvs)
    assert "it was made at" in job.kept


@pytest.mark.parametrize("position", [None, 2])
def test_another_version_of_the_same_number_is_not_taken_for_its_own(
    failed: Job, admin: User, pvs: ProvisioningFarm, position: int | None
) -> None:
    theirs = made_anew_by_hand(failed, pvs)
    if position:
        rerunning.restart_job(failed, position, admin)
    else:
        rerunning.resume_job(failed, admin)

    job = finish(failed)

    assert job.state == JobState.FAILED
    assert "it was made at" in job.outcome
    assert pvs.version(vdisk().guid, theirs).description == ""


def test_the_same_number_made_by_another_job_is_not_deleted(
    failed: Job, admin: User, do: Do, pvs: ProvisioningFarm
) -> None:
    synced()
    assert do(Action.DELETE_VERSION, NAME, failed.version_number).state == JobState.SUCCEEDED
    other = do(Action.NEW_VERSION, NAME)
    assert other.version_number == failed.version_number
    rerunning.clean_up(failed, admin)

    job = finish(failed)

    assert other.version_number in numbers(pvs)
    assert f"portal job {other.pk}" in job.kept


def test_its_own_version_that_is_in_test_by_now_stays(failed: Job, admin: User, pvs: ProvisioningFarm) -> None:
    pvs.promote(vdisk().guid, to="test")
    rerunning.clean_up(failed, admin)

    job = finish(failed)

    assert failed.version_number in numbers(pvs)
    assert job.kept == ""
    assert "is not in maintenance any more, and stays" in job.outcome


def test_what_it_left_is_known_after_a_restart(failed: Job, admin: User, do: Do, pvs: ProvisioningFarm) -> None:
    synced()
    made = failed.version_number
    assert do(Action.BOOT_MAINTENANCE, NAME, made).state == JobState.SUCCEEDED
    file = pvs.version(vdisk().guid, made or 0).file_name
    rerunning.restart_job(failed, 2, admin)
    operations.cancel_job(job=Job.objects.get(pk=failed.pk), by=admin)

    job = finish(failed)

    assert job.state == JobState.CANCELLED
    assert f"version {made} of {NAME}" in job.kept
    assert file in job.kept
    assert made in numbers(pvs)


# --- deleting


def test_only_the_version_that_was_meant_is_deleted(
    do: Do, admin: User, lab: LabProcess, pvs: ProvisioningFarm
) -> None:
    made = do(Action.NEW_VERSION, NAME).version_number
    assert made is not None
    lab.post("faults", {"cmdlet": "Remove-PvsDiskVersion", "action": "drop", "count": 50})
    job = do(Action.DELETE_VERSION, NAME, made)
    assert job.state == JobState.FAILED
    lab.post("faults/clear")
    theirs = made_anew_by_hand(job, pvs)
    rerunning.resume_job(job, admin)

    job = finish(job)

    assert theirs in numbers(pvs)
    assert job.state == JobState.FAILED
    assert "is another one than this job was to delete" in job.outcome


def test_an_unanswered_deletion_is_found_to_have_worked(do: Do, lab: LabProcess, pvs: ProvisioningFarm) -> None:
    made = do(Action.NEW_VERSION, NAME).version_number
    lab.post("faults", {"cmdlet": "Remove-PvsDiskVersion", "action": "drop", "after_effect": True})

    job = do(Action.DELETE_VERSION, NAME, made)

    assert (job.state, made in numbers(pvs)) == (JobState.SUCCEEDED, False)
