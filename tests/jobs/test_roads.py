"""Each kind of job against the lab: works, is refused in words, finds what a lost answer left behind."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from builders.adapters.pvs.enums import InventoryState
from builders.adapters.pvs.farm import ProvisioningFarm
from builders.farms import open_farm
from builders.sync.run import sync_now
from lifecycle import operations
from lifecycle.errors import NotNow
from lifecycle.models import ChangeRequest, Farm, Job, Target, VDisk
from lifecycle.states import Action, ChangeState, JobState, StepState
from lifecycle.verdicts import VerdictCode
from tests.jobs.conftest import Do, finish, turn
from tests.labprocess import LabProcess

pytestmark = pytest.mark.django_db
NAME = "W11-CAD"


def vdisk() -> VDisk:
    return VDisk.objects.get(name=NAME)


def number(job: Job) -> int:
    assert job.state == JobState.SUCCEEDED, job.outcome
    assert job.version_number is not None
    return job.version_number


def to_test(do: Do) -> int:
    made = number(do(Action.NEW_VERSION, NAME))
    number(do(Action.PROMOTE_TEST, NAME, made))
    return made


def test_a_version_travels_from_maintenance_to_production(do: Do, admin: User, approver: User, lab: LabProcess) -> None:
    made = number(do(Action.NEW_VERSION, NAME, reason="November patches"))
    found = vdisk().versions.get(number=made, gone_at=None)
    assert "November patches" in found.description
    assert "admin" in found.description

    number(do(Action.BOOT_MAINTENANCE, NAME, made))
    assert Target.objects.filter(booted_vdisk__name=NAME, booted_version=made, type=2).count() == 1

    number(do(Action.PROMOTE_TEST, NAME, made))
    assert not Target.objects.filter(booted_version=made, booted_vdisk__name=NAME, type=2, active=True).exists()

    number(do(Action.BOOT_TEST, NAME, made))
    assert Target.objects.filter(booted_vdisk__name=NAME, booted_version=made, type=1).count() >= 2

    change = operations.request_promotion(vdisk=vdisk(), version=made, by=admin, reason="tested", ticket="CHG-1")
    job = finish(operations.approve(change=change, by=approver))
    assert job.state == JobState.SUCCEEDED, job.outcome
    change.refresh_from_db()
    assert change.state == ChangeState.DONE
    old = Target.objects.filter(booted_vdisk__name=NAME, type=0, active=True)
    assert set(old.values_list("verdict", flat=True)) == {VerdictCode.OLD}

    lab.post("targets/restart", {"vdisk": NAME})
    farm = Farm.objects.get()
    were_running = old.count()
    for _ in range(200):
        assert sync_now(farm.pk, open_farm(farm))
        if old.filter(verdict=VerdictCode.RIGHT).count() == were_running:
            break
        time.sleep(0.1)
    assert were_running
    assert old.count() == were_running
    assert set(old.values_list("booted_version", "verdict")) == {(made, VerdictCode.RIGHT)}


def test_a_promotion_with_a_date_waits_for_it(do: Do, admin: User, approver: User) -> None:
    made = to_test(do)
    when = timezone.now().replace(second=0, microsecond=0) + timedelta(days=2)
    change = operations.request_promotion(vdisk=vdisk(), version=made, by=admin, reason="tested", go_live_at=when)

    job = finish(operations.approve(change=change, by=approver))

    assert job.state == JobState.SUCCEEDED, job.outcome
    found = vdisk().versions.get(number=made, gone_at=None)
    assert found.is_pending
    assert found.scheduled_at == when


def test_the_approval_does_not_count_for_a_version_that_was_written_to(
    do: Do, admin: User, approver: User, pvs: ProvisioningFarm, lab: LabProcess
) -> None:
    made = to_test(do)
    change = operations.request_promotion(vdisk=vdisk(), version=made, by=admin, reason="tested")
    job = operations.approve(change=change, by=approver)
    disk = vdisk().guid
    pvs.revert(disk, to="maintenance")
    time.sleep(1.1)  # PVS tells file times to the second
    lab.post("write", {"vdisk": NAME})
    pvs.promote(disk, to="test")

    job = finish(job)

    assert job.state == JobState.FAILED
    assert "no longer counts" in job.outcome
    change.refresh_from_db()
    assert change.state == ChangeState.LAPSED
    assert pvs.version(disk, made).access.word == "test"


def test_a_promotion_waits_for_replication(do: Do, admin: User, approver: User, lab: LabProcess) -> None:
    lab.post("replication", {"mode": "hold"})
    made = to_test(do)
    change = operations.request_promotion(vdisk=vdisk(), version=made, by=admin, reason="tested")
    job = operations.approve(change=change, by=approver)

    job = turn(job)
    step = job.steps.get(key="replication")
    assert step.state == StepState.WAITING
    assert "version file missing" in step.message
    lab.post("replication", {"mode": "run"})

    assert finish(job).state == JobState.SUCCEEDED


def test_revert_and_override_change_what_production_boots(do: Do, admin: User, approver: User) -> None:
    made = to_test(do)
    change = operations.request_promotion(vdisk=vdisk(), version=made, by=admin, reason="tested")
    assert finish(operations.approve(change=change, by=approver)).state == JobState.SUCCEEDED

    job = do(Action.SET_OVERRIDE, NAME, made - 1)
    assert "boot it at their next restart" in job.outcome
    job = do(Action.CLEAR_OVERRIDE, NAME, made - 1)
    assert f"boot version {made} next" in job.outcome
    job = do(Action.REVERT_TEST, NAME, made)
    assert f"boot version {made - 1} next" in job.outcome
    assert number(do(Action.REVERT_MAINTENANCE, NAME, made)) == made
    assert number(do(Action.DELETE_VERSION, NAME, made)) == made
    assert not vdisk().versions.filter(number=made, gone_at=None).exists()


def test_a_merge_ends_in_test(do: Do, farm: Farm) -> None:
    job = do(Action.MERGE, "W11-Office") if _mergeable("W11-Office") else do(Action.MERGE_BASE, NAME)

    merged = number(job)
    assert job.vdisk is not None
    assert job.vdisk.versions.get(number=merged, gone_at=None).access == 7


def _mergeable(name: str) -> bool:
    from lifecycle.transitions import judge

    return judge(Action.MERGE, VDisk.objects.get(name=name).chain()).allowed


def test_a_change_behind_the_portals_back_is_refused_with_the_code(do: Do, pvs: ProvisioningFarm) -> None:
    pvs.new_maintenance_version(vdisk().guid)  # somebody in the console; the mirror does not know

    job = do(Action.NEW_VERSION, NAME)

    assert job.state == JobState.FAILED
    assert "only one" in job.outcome
    assert "code 160" in job.outcome


def test_a_refusal_of_the_server_shows_its_code_and_words(do: Do, lab: LabProcess) -> None:
    fault = {"cmdlet": "New-PvsDiskMaintenanceVersion", "action": "fail", "code": 148, "message": "no space on PVS01"}
    lab.post("faults", fault)

    job = do(Action.NEW_VERSION, NAME)

    step = job.steps.get(key="create")
    assert job.state == JobState.FAILED
    assert step.error_code == 148
    assert "no space on PVS01" in step.error_words


def test_a_lost_answer_is_found_to_have_worked(do: Do, lab: LabProcess) -> None:
    lab.post("faults", {"cmdlet": "New-PvsDiskMaintenanceVersion", "action": "drop", "after_effect": True})
    before = vdisk().versions.filter(gone_at=None).count()

    job = do(Action.NEW_VERSION, NAME)

    assert job.state == JobState.SUCCEEDED, job.outcome
    assert vdisk().versions.filter(gone_at=None).count() == before + 1
    assert job.steps.get(key="create").attempts == 2


@pytest.mark.parametrize("code", [16, 177])
def test_busy_codes_mean_wait(do: Do, lab: LabProcess, code: int) -> None:
    lab.post("faults", {"cmdlet": "Invoke-PvsPromoteDiskVersion", "action": "fail", "code": code})

    made = to_test(do)

    assert vdisk().versions.get(number=made, gone_at=None).access == 7


def test_a_server_that_is_down_hands_over_to_the_other(do: Do, lab: LabProcess) -> None:
    lab.post("servers/PVS01/power", {"on": False})
    try:
        assert do(Action.NEW_VERSION, NAME).state == JobState.SUCCEEDED
    finally:
        lab.post("servers/PVS01/power", {"on": True})


def test_cancelling_a_new_version_takes_it_away_again(do: Do, admin: User, lab: LabProcess) -> None:
    lab.post("faults", {"cmdlet": "Set-PvsDiskVersion", "action": "fail", "code": 16, "count": 50})
    job = operations.start_job(action=Action.NEW_VERSION, vdisk=vdisk(), version=None, by=admin)
    job = turn(job)
    assert job.steps.get(key="create").state == StepState.DONE

    operations.cancel_job(job=job, by=admin)
    job = finish(job)

    assert job.state == JobState.CANCELLED
    assert job.vdisk is not None
    farm = Farm.objects.get()
    assert sync_now(farm.pk, open_farm(farm))
    assert not vdisk().versions.filter(gone_at=None, access__in=(1, 2)).exists()


def test_two_writing_jobs_on_one_vdisk_are_refused(farm: Farm, admin: User) -> None:
    operations.start_job(action=Action.NEW_VERSION, vdisk=vdisk(), version=None, by=admin)

    with pytest.raises(NotNow, match="Another job works on"):
        operations.start_job(action=Action.NEW_VERSION, vdisk=vdisk(), version=None, by=admin)

    assert ChangeRequest.objects.count() == 0


def test_a_promotion_cancelled_after_pvs_has_done_it_counts_as_done(
    do: Do, admin: User, approver: User, lab: LabProcess
) -> None:
    made = to_test(do)
    change = operations.request_promotion(vdisk=vdisk(), version=made, by=admin, reason="tested")
    job = operations.approve(change=change, by=approver)
    Farm.objects.update(sync_lease_until=timezone.now() + timedelta(minutes=1))  # another sync holds the last step up
    while not Job.objects.get(pk=job.pk).steps.filter(key="promote", state=StepState.DONE).exists():
        Job.objects.filter(pk=job.pk).update(due_at=timezone.now())
        job = turn(job)

    operations.cancel_job(job=job, by=admin)
    job = finish(job)

    change.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert "in production" in job.outcome
    assert change.state == ChangeState.DONE


def test_a_promotion_waits_while_no_server_shows_the_file(
    do: Do, admin: User, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = to_test(do)
    change = operations.request_promotion(vdisk=vdisk(), version=made, by=admin, reason="tested")
    job = operations.approve(change=change, by=approver)
    seen = ProvisioningFarm.inventory
    monkeypatch.setattr(
        ProvisioningFarm,
        "inventory",
        lambda self, disk: tuple(replace(copy, state=InventoryState.SERVER_NOT_REACHABLE) for copy in seen(self, disk)),
    )

    job = turn(job)

    assert job.steps.get(key="compare").state == StepState.WAITING
    change.refresh_from_db()
    assert change.state == ChangeState.APPROVED
    monkeypatch.undo()
    assert finish(job).state == JobState.SUCCEEDED


def test_an_approval_ends_when_the_version_is_reopened_while_its_promotion_waits(
    do: Do, admin: User, approver: User, lab: LabProcess, pvs: ProvisioningFarm
) -> None:
    lab.post("replication", {"mode": "hold"})
    made = to_test(do)
    change = operations.request_promotion(vdisk=vdisk(), version=made, by=admin, reason="tested")
    job = turn(operations.approve(change=change, by=approver))
    assert job.steps.get(key="replication").state == StepState.WAITING

    pvs.revert(vdisk().guid, to="maintenance")  # somebody in the console
    job = finish(Job.objects.get(pk=job.pk))

    change.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "no longer in test" in job.outcome
    assert change.state == ChangeState.LAPSED


def test_a_boot_of_test_targets_does_not_wait_for_a_version_that_left_test(
    do: Do, admin: User, lab: LabProcess, pvs: ProvisioningFarm
) -> None:
    lab.post("replication", {"mode": "hold"})
    made = to_test(do)
    job = turn(operations.start_job(action=Action.BOOT_TEST, vdisk=vdisk(), version=made, by=admin))
    pvs.revert(vdisk().guid, to="maintenance")

    job = finish(job)

    assert (job.state, "no longer in test" in job.outcome) == (JobState.FAILED, True)
