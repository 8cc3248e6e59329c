"""Failed jobs against the lab: going on, beginning again, taking back; each thing is in the farm once or not at all."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from builders.adapters.pvs.farm import ProvisioningFarm
from builders.engine.steps import StepFailed
from builders.farms import open_farm
from builders.jobs.steps import asking
from builders.jobs.steps.refresh import RefreshMirror
from builders.sync.run import sync_now
from lifecycle import operations, rerunning
from lifecycle.errors import NotNow
from lifecycle.models import ChangeRequest, Farm, Job, VDisk
from lifecycle.states import Action, ChangeState, JobState, StepState
from tests import factories
from tests.jobs.conftest import Do, finish, turn
from tests.labprocess import LabProcess

pytestmark = pytest.mark.django_db
NAME = "W11-CAD"


def vdisk() -> VDisk:
    return VDisk.objects.get(name=NAME)


def numbers(pvs: ProvisioningFarm) -> set[int]:
    return {version.version for version in pvs.versions(vdisk().guid)}


def refuse(lab: LabProcess, cmdlet: str, count: int = 1) -> None:
    lab.post("faults", {"cmdlet": cmdlet, "action": "fail", "code": 148, "message": "no space", "count": count})


@pytest.fixture
def failed(do: Do, lab: LabProcess) -> Job:
    """A new version was made, and describing it was refused."""
    refuse(lab, "Set-PvsDiskVersion")
    job = do(Action.NEW_VERSION, NAME)
    assert job.state == JobState.FAILED
    return job


def test_it_says_which_version_it_left_and_where(failed: Job) -> None:
    found = vdisk()

    assert f"of {NAME} in store {found.store.name}" in failed.kept
    assert f"version {failed.version_number} " in failed.kept
    assert failed.kept_until


def test_it_goes_on_from_the_failed_step(failed: Job, admin: User, pvs: ProvisioningFarm) -> None:
    before = numbers(pvs)
    rerunning.resume_job(failed, admin)

    job = finish(failed)

    assert job.state == JobState.SUCCEEDED, job.outcome
    assert numbers(pvs) == before
    assert "admin" in pvs.version(vdisk().guid, job.version_number or 0).description


def test_begun_again_it_adopts_the_version_that_is_there(failed: Job, admin: User, pvs: ProvisioningFarm) -> None:
    before = numbers(pvs)
    rerunning.restart_job(failed, 2, admin, "look again")

    job = finish(failed)

    assert job.state == JobState.SUCCEEDED, job.outcome
    assert numbers(pvs) == before


def test_it_is_cleaned_up_on_request(failed: Job, admin: User, pvs: ProvisioningFarm) -> None:
    made = failed.version_number
    assert made in numbers(pvs)
    rerunning.clean_up(failed, admin)

    job = finish(failed)

    assert (job.state, job.kept) == (JobState.FAILED, "")
    assert made not in numbers(pvs)


def test_a_version_that_a_target_runs_is_not_deleted(failed: Job, admin: User, pvs: ProvisioningFarm, do: Do) -> None:
    made = failed.version_number
    farm = Farm.objects.get()
    assert sync_now(farm.pk, open_farm(farm))
    assert do(Action.BOOT_MAINTENANCE, NAME, made).state == JobState.SUCCEEDED
    rerunning.clean_up(failed, admin)

    job = finish(failed)

    assert made in numbers(pvs)
    assert "runs it; shut it down first" in job.kept
    assert f"version {made} " in job.kept


def test_a_version_whose_answer_was_lost_is_deleted_when_the_job_is_cancelled(
    admin: User, farm: Farm, lab: LabProcess, pvs: ProvisioningFarm
) -> None:
    before = numbers(pvs)
    lab.post("faults", {"cmdlet": "New-PvsDiskMaintenanceVersion", "action": "drop", "after_effect": True})
    job = turn(operations.start_job(action=Action.NEW_VERSION, vdisk=vdisk(), version=None, by=admin))
    assert job.steps.get(key="create").state == StepState.WAITING
    assert numbers(pvs) != before
    operations.cancel_job(job=job, by=admin)

    job = finish(job)

    assert (job.state, job.kept) == (JobState.CANCELLED, "")
    assert numbers(pvs) == before


def test_a_version_that_appears_after_the_cancelling_is_deleted(
    farm: Farm, admin: User, lab: LabProcess, pvs: ProvisioningFarm
) -> None:
    """The call's answer was lost, and PVS was still at it when the undo first looked."""
    before = numbers(pvs)
    job = operations.start_job(action=Action.NEW_VERSION, vdisk=vdisk(), version=None, by=admin)
    lab.post("faults", {"cmdlet": "New-PvsDiskMaintenanceVersion", "action": "drop"})  # nothing of it happens yet
    while not job.steps.filter(key="create", failures__gt=0).exists():
        job = turn(job)
    assert numbers(pvs) == before

    operations.cancel_job(job=job, by=admin)
    job = turn(job)
    assert job.is_active, "it looks for what the lost call may still make"
    late = pvs.new_maintenance_version(vdisk().guid)  # the lost call takes effect now
    job = finish(job)

    assert job.state == JobState.CANCELLED
    assert late.version not in numbers(pvs), job.outcome
    assert numbers(pvs) == before


def test_a_job_whose_call_nobody_answered_and_that_made_nothing_is_cancelled_in_the_end(
    farm: Farm, admin: User, lab: LabProcess, pvs: ProvisioningFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = numbers(pvs)
    job = operations.start_job(action=Action.NEW_VERSION, vdisk=vdisk(), version=None, by=admin)
    lab.post("faults", {"cmdlet": "New-PvsDiskMaintenanceVersion", "action": "drop"})
    while not job.steps.filter(key="create", failures__gt=0).exists():
        job = turn(job)
    operations.cancel_job(job=job, by=admin)
    assert turn(job).is_active

    monkeypatch.setattr(asking, "SETTLE", timedelta(0))  # the minute is over
    job = finish(job)

    assert job.state == JobState.CANCELLED
    assert job.kept == ""
    assert numbers(pvs) == before


def test_a_refused_call_left_nothing(do: Do, lab: LabProcess, pvs: ProvisioningFarm) -> None:
    before = numbers(pvs)
    refuse(lab, "New-PvsDiskMaintenanceVersion")

    job = do(Action.NEW_VERSION, NAME)

    assert (job.state, job.kept, job.kept_until) == (JobState.FAILED, "", None)
    assert numbers(pvs) == before


def test_a_boot_that_is_cancelled_says_what_runs_on(admin: User, do: Do, lab: LabProcess) -> None:
    made = do(Action.NEW_VERSION, NAME).version_number
    job = turn(operations.start_job(action=Action.BOOT_MAINTENANCE, vdisk=vdisk(), version=made, by=admin))
    operations.cancel_job(job=job, by=admin)

    job = finish(job)

    assert job.state == JobState.CANCELLED, job.outcome
    assert "was started and goes on" in job.outcome
    assert job.kept == ""


def test_a_failed_promotion_goes_on_under_its_approval(
    do: Do, admin: User, approver: User, lab: LabProcess, pvs: ProvisioningFarm
) -> None:
    made = do(Action.NEW_VERSION, NAME).version_number
    assert made is not None
    assert do(Action.PROMOTE_TEST, NAME, made).state == JobState.SUCCEEDED
    change = operations.request_promotion(vdisk=vdisk(), version=made, by=admin, reason="tested")
    refuse(lab, "Invoke-PvsPromoteDiskVersion")
    job = finish(operations.approve(change=change, by=approver))
    change.refresh_from_db()
    assert (job.state, change.state) == (JobState.FAILED, ChangeState.FAILED)

    rerunning.resume_job(job, admin)
    change.refresh_from_db()
    assert change.state == ChangeState.APPROVED
    job = finish(job)

    change.refresh_from_db()
    assert (job.state, change.state) == (JobState.SUCCEEDED, ChangeState.DONE), job.outcome
    assert pvs.version(vdisk().guid, made).access.word == "production"


def test_a_resumed_promotion_compares_with_the_approval_again(
    do: Do, admin: User, approver: User, lab: LabProcess, pvs: ProvisioningFarm
) -> None:
    made = do(Action.NEW_VERSION, NAME).version_number
    assert made is not None
    do(Action.PROMOTE_TEST, NAME, made)
    change = operations.request_promotion(vdisk=vdisk(), version=made, by=admin, reason="tested")
    refuse(lab, "Invoke-PvsPromoteDiskVersion")
    job = finish(operations.approve(change=change, by=approver))
    disk = vdisk().guid
    pvs.revert(disk, to="maintenance")
    time.sleep(1.1)  # PVS tells file times to the second
    lab.post("write", {"vdisk": NAME})
    pvs.promote(disk, to="test")
    rerunning.resume_job(job, admin)

    job = finish(job)

    change.refresh_from_db()
    assert (job.state, change.state) == (JobState.FAILED, ChangeState.LAPSED)
    assert pvs.version(disk, made).access.word == "test"


def in_test(do: Do, admin: User) -> ChangeRequest:
    """A version in test with a request for it."""
    made = do(Action.NEW_VERSION, NAME).version_number
    assert made is not None
    assert do(Action.PROMOTE_TEST, NAME, made).state == JobState.SUCCEEDED
    return operations.request_promotion(vdisk=vdisk(), version=made, by=admin, reason="tested")


def test_a_request_that_is_carried_out_already_promotes_nothing(
    do: Do, admin: User, approver: User, pvs: ProvisioningFarm
) -> None:
    change = in_test(do, admin)
    job = operations.approve(change=change, by=approver)
    ChangeRequest.objects.update(state=ChangeState.DONE)

    job = finish(job)

    assert (job.state, job.outcome[:43]) == (JobState.FAILED, "This promotion has no approved request; it ")
    assert pvs.version(vdisk().guid, change.version_number).access.word == "test"


def test_a_roll_back_while_the_resumed_promotion_waited_ends_it(
    do: Do, admin: User, approver: User, lab: LabProcess, pvs: ProvisioningFarm
) -> None:
    change = in_test(do, admin)
    refuse(lab, "Invoke-PvsPromoteDiskVersion")
    job = finish(operations.approve(change=change, by=approver))
    rerunning.resume_job(job, admin)
    factories.job(vdisk(), admin, kind=Action.REVERT_TEST, state=JobState.SUCCEEDED, title="Roll back")

    job = finish(job)

    assert job.state == JobState.FAILED
    assert "The approval no longer counts. Job" in job.outcome
    assert "“Roll back”, came after it" in job.outcome
    assert pvs.version(vdisk().guid, change.version_number).access.word == "test"


def test_what_was_promoted_and_rolled_back_is_not_promoted_again_by_the_same_approval(
    do: Do, admin: User, approver: User, pvs: ProvisioningFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promotion was carried out; only the refreshing of the mirror after it failed."""
    change = in_test(do, admin)
    with monkeypatch.context() as patch:
        patch.setattr(RefreshMirror, "run", lambda *_: (_ for _ in ()).throw(StepFailed("no room")))
        job = finish(operations.approve(change=change, by=approver))
    change.refresh_from_db()
    assert (job.state, change.state) == (JobState.FAILED, ChangeState.DONE)
    assert "used up" in rerunning.why_not_restart(job, 1)
    assert rerunning.why_not_resume(job) == ""
    farm = Farm.objects.get()
    assert sync_now(farm.pk, open_farm(farm))
    assert do(Action.REVERT_TEST, NAME, change.version_number).state == JobState.SUCCEEDED

    for position in range(1, 6):
        with pytest.raises(NotNow):
            rerunning.restart_job(job, position, admin)
    with pytest.raises(NotNow, match="came after it"):
        rerunning.resume_job(job, admin)

    assert pvs.version(vdisk().guid, change.version_number).access.word == "test"
