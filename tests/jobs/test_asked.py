"""What PVS was asked for and has not shown, what goes on by design, and what is looked at again before a late call."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from builders.adapters.pvs.farm import ProvisioningFarm
from builders.engine.context import StepContext
from builders.farms import open_farm
from builders.jobs.steps import asking
from builders.jobs.steps.power import BootMaintenanceTarget
from builders.sync.run import sync_now
from lifecycle import operations, rerunning
from lifecycle.models import Farm, Job, VDisk
from lifecycle.states import Action, JobState
from tests.jobs.conftest import TURNS, Do, finish, turn
from tests.labprocess import LabProcess

pytestmark = pytest.mark.django_db
NAME = "W11-CAD"
Patch = pytest.MonkeyPatch


def vdisk() -> VDisk:
    return VDisk.objects.get(name=NAME)


def synced() -> None:
    farm = Farm.objects.get()
    assert sync_now(farm.pk, open_farm(farm))


def start(action: Action, by: User, version: int | None = None) -> Job:
    return operations.start_job(action=action, vdisk=vdisk(), version=version, by=by)


def until_asked(job: Job, key: str) -> Job:
    for _ in range(TURNS):
        if job.steps.filter(key=key, saved__has_key="asked").exists():
            return job
        job = turn(job)
    raise AssertionError(f"PVS is not asked: {list(job.log.values_list('text', flat=True))[-3:]}")


def accepts_and_does_nothing(monkeypatch: Patch, call: str) -> None:
    monkeypatch.setattr(ProvisioningFarm, call, lambda *_, **__: None)


@pytest.fixture
def made(do: Do) -> int:
    number = do(Action.NEW_VERSION, NAME).version_number
    assert number is not None
    return number


# --- asked, and not shown yet


def test_what_pvs_accepted_and_does_not_show_is_waited_for_and_then_told(
    made: int, admin: User, monkeypatch: Patch
) -> None:
    accepts_and_does_nothing(monkeypatch, "promote")
    job = until_asked(start(Action.PROMOTE_TEST, admin, made), "promote")
    operations.cancel_job(job=job, by=admin)
    assert turn(job).state == JobState.UNDOING

    monkeypatch.setattr(asking, "SETTLE", timedelta(0))
    job = finish(job)

    assert job.state == JobState.CANCELLED
    assert f"of {NAME}: PVS was asked and may still do it" in job.kept


def test_after_a_day_it_is_not_done_any_more(made: int, admin: User, monkeypatch: Patch) -> None:
    accepts_and_does_nothing(monkeypatch, "promote")
    monkeypatch.setattr(asking, "SETTLE", timedelta(0))
    job = until_asked(start(Action.PROMOTE_TEST, admin, made), "promote")
    operations.cancel_job(job=job, by=admin)
    job = finish(job)
    assert job.kept
    monkeypatch.setattr(asking, "DOUBT", timedelta(0))
    rerunning.clean_up(job, admin)

    assert finish(job).kept == ""


def test_a_promotion_that_comes_after_the_cancelling_is_told(
    made: int, admin: User, lab: LabProcess, pvs: ProvisioningFarm
) -> None:
    lab.post("faults", {"cmdlet": "Invoke-PvsPromoteDiskVersion", "action": "drop"})
    job = until_asked(start(Action.PROMOTE_TEST, admin, made), "promote")
    operations.cancel_job(job=job, by=admin)
    job = turn(job)
    assert job.state == JobState.UNDOING

    pvs.promote(vdisk().guid, to="test")  # the lost call takes effect now
    job = finish(job)

    assert (job.state, job.kept) == (JobState.CANCELLED, "")
    assert f"Version {made} is in test" in job.outcome


def test_a_call_that_never_got_there_leaves_nothing(
    made: int, do: Do, lab: LabProcess, monkeypatch: Patch, admin: User
) -> None:
    lab.post("faults", {"cmdlet": "Invoke-PvsPromoteDiskVersion", "action": "fail", "code": 148})

    job = do(Action.PROMOTE_TEST, NAME, made)

    assert (job.state, job.kept) == (JobState.FAILED, "")


def test_a_merge_that_pvs_accepted_and_does_not_show_is_told(farm: Farm, admin: User, monkeypatch: Patch) -> None:
    accepts_and_does_nothing(monkeypatch, "merge")
    job = until_asked(start(Action.MERGE_BASE, admin), "merge")
    operations.cancel_job(job=job, by=admin)
    assert turn(job).state == JobState.UNDOING

    monkeypatch.setattr(asking, "SETTLE", timedelta(0))
    job = finish(job)

    assert job.state == JobState.CANCELLED
    assert "PVS was asked to merge and may still do it" in job.kept


def test_a_merge_that_goes_on_is_for_a_person_until_it_has_ended(
    farm: Farm, admin: User, pvs: ProvisioningFarm
) -> None:
    job = until_asked(start(Action.MERGE_BASE, admin), "merge")
    operations.cancel_job(job=job, by=admin)
    job = finish(job)
    assert "into which PVS goes on merging" in job.kept
    for _ in range(600):
        if not any(version.access.name.startswith("MERGE") for version in pvs.versions(vdisk().guid)):
            break
        time.sleep(0.05)
    rerunning.clean_up(job, admin)

    job = finish(job)

    assert job.kept == ""
    assert f"of {NAME} was merged and is in test" in job.outcome


def test_each_call_of_a_merge_is_made_right_after_a_write_under_the_lease(
    farm: Farm, admin: User, lab: LabProcess, monkeypatch: Patch
) -> None:
    """A worker that lost its lease meanwhile is stopped by that write."""
    done: list[str] = []

    def noted(name: str, function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            done.append(name)
            return function(*arguments, **options)

        return call

    monkeypatch.setattr(StepContext, "intend", noted("intend", StepContext.intend))
    monkeypatch.setattr(ProvisioningFarm, "versions", noted("look", ProvisioningFarm.versions))
    monkeypatch.setattr(ProvisioningFarm, "merge", noted("merge", ProvisioningFarm.merge))
    lab.post("faults", {"cmdlet": "Merge-PvsDisk", "action": "drop", "count": 2})

    assert finish(start(Action.MERGE_BASE, admin)).state == JobState.SUCCEEDED

    before = [done[place - 1] for place, what in enumerate(done) if what == "merge"]
    assert before == ["intend"] * 3


# --- much later


def forbid(monkeypatch: Patch, call: str) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError(f"{call} was asked for")

    monkeypatch.setattr(ProvisioningFarm, call, refuse)


def test_a_resumed_override_is_checked_again(
    made: int, do: Do, admin: User, approver: User, lab: LabProcess, pvs: ProvisioningFarm, monkeypatch: Patch
) -> None:
    disk = vdisk().guid
    pvs.promote(disk, to="test")
    pvs.promote(disk, to="production", test_version=made)
    synced()
    lab.post("faults", {"cmdlet": "Set-PvsOverrideVersion", "action": "drop", "count": 50})
    job = do(Action.SET_OVERRIDE, NAME, made)
    assert job.state == JobState.FAILED
    lab.post("faults/clear")
    pvs.revert(disk, to="test", version=made)
    forbid(monkeypatch, "set_override")
    rerunning.resume_job(job, admin)

    job = finish(job)

    assert job.state == JobState.FAILED
    assert "Only a released production version can be the override" in job.outcome


def test_a_resumed_revert_is_checked_again(
    made: int, do: Do, admin: User, lab: LabProcess, pvs: ProvisioningFarm, monkeypatch: Patch
) -> None:
    disk = vdisk().guid
    pvs.promote(disk, to="test")
    pvs.promote(disk, to="production", test_version=made)
    synced()
    lab.post("faults", {"cmdlet": "Invoke-PvsRevertDiskVersion", "action": "drop", "count": 50})
    job = do(Action.REVERT_TEST, NAME, made)
    assert job.state == JobState.FAILED
    lab.post("faults/clear")
    newer = pvs.new_maintenance_version(disk).version
    pvs.promote(disk, to="test")
    pvs.promote(disk, to="production", test_version=newer)
    forbid(monkeypatch, "revert")
    rerunning.resume_job(job, admin)

    job = finish(job)

    assert job.state == JobState.FAILED
    assert "A newer version is in production" in job.outcome


# --- what goes on by design


def test_a_failed_promotion_says_which_target_it_shut_down(made: int, do: Do, lab: LabProcess, admin: User) -> None:
    assert do(Action.BOOT_MAINTENANCE, NAME, made).state == JobState.SUCCEEDED
    lab.post("faults", {"cmdlet": "Invoke-PvsPromoteDiskVersion", "action": "fail", "code": 148})

    job = do(Action.PROMOTE_TEST, NAME, made)

    assert (job.state, job.kept) == (JobState.FAILED, "")
    assert "was told to shut down and stays off" in job.outcome


def test_a_target_that_pvs_refused_to_start_was_not_started(made: int, do: Do, lab: LabProcess) -> None:
    synced()
    lab.post("faults", {"cmdlet": "Start-PvsDeviceBoot", "action": "fail", "code": 148})

    job = do(Action.BOOT_MAINTENANCE, NAME, made)

    assert (job.state, job.kept) == (JobState.FAILED, "")
    assert "started" not in job.outcome


def test_what_was_started_is_known_after_a_restart(made: int, admin: User, monkeypatch: Patch) -> None:
    monkeypatch.setattr(BootMaintenanceTarget, "limit", timedelta(0))
    job = finish(start(Action.BOOT_MAINTENANCE, admin, made))
    assert (job.state, job.kept) == (JobState.FAILED, "")
    assert "was started and goes on" in job.outcome
    rerunning.restart_job(job, 2, admin)
    assert "asked" not in job.steps.get(key="boot-maintenance").saved
    operations.cancel_job(job=Job.objects.get(pk=job.pk), by=admin)

    job = finish(job)

    assert (job.state, job.kept) == (JobState.CANCELLED, "")
    assert "was started and goes on" in job.outcome


def test_a_job_that_fails_after_its_promotion_says_that_it_was_done(made: int, admin: User, monkeypatch: Patch) -> None:
    job = start(Action.PROMOTE_TEST, admin, made)
    monkeypatch.setattr("builders.jobs.steps.refresh.sync_now", lambda *_: 1 / 0)

    job = finish(job)

    assert job.state == JobState.ERRORED
    assert f"Version {made} is in test; test targets boot it at their next start." in job.outcome
    assert job.kept == ""
