"""Failed jobs through the engine: what is kept, going on, beginning again, reminders, expiry, cleaning up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from builders.adapters.errors import Refused, Unreachable
from builders.engine import keeping
from builders.engine.context import StepContext
from builders.engine.steps import Done, StepFailed, Wait
from lifecycle import rerunning
from lifecycle.models import AuditEntry, Hold, Job
from lifecycle.states import JobState, StepState, UndoCause
from tests.engine.conftest import Scripted, advance, cancel, due, lose, texts

pytestmark = pytest.mark.django_db


class Vm(Scripted):
    """Makes a VM, which is the portal's own unless the test says otherwise."""

    belongs_to_job = True
    stands = True

    def __init__(self, *answers: Any, undo: Any = "VM was removed", **attributes: Any) -> None:
        super().__init__("vm", *(answers or [Done("made", {"vm": "vm-1"})]), undo=self._count, **attributes)
        self.produces = {"vm": str}  # type: ignore[misc]
        self.answer = undo
        self.removed = 0

    def _count(self, _ctx: StepContext) -> Any:
        self.removed += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def leaves(self, ctx: StepContext) -> str:
        return f"VM {ctx.produced('vm') or 'of unknown name'} on host A"


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root")


def let_in(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(admitted_at=timezone.now(), due_at=timezone.now())


# --- what is kept


def test_a_failed_job_says_what_it_left_where_and_until_when(job: Job) -> None:
    job = advance(job, Vm(), Scripted("install", StepFailed("no medium")))

    assert (job.state, job.kept) == (JobState.FAILED, "VM vm-1 on host A")
    assert job.kept_until is not None
    assert timedelta(hours=71) < job.kept_until - timezone.now() <= timedelta(hours=72)


def test_a_job_that_left_nothing_keeps_nothing(job: Job) -> None:
    job = advance(job, Scripted("install", StepFailed("no medium")))

    assert (job.kept, job.kept_until) == ("", None)


def test_the_failed_step_itself_may_have_left_something(job: Job) -> None:
    job = advance(job, Vm(StepFailed("half made")))

    assert job.kept == "VM of unknown name on host A"


def test_a_fault_of_ours_keeps_too(job: Job) -> None:
    job = advance(job, Vm(), Scripted("install", ZeroDivisionError()))

    assert (job.state, job.kept) == (JobState.ERRORED, "VM vm-1 on host A")
    assert job.steps.get(key="install").state == StepState.FAILED


def test_steps_that_changed_meanwhile_leave_a_mark_to_look_for(job: Job) -> None:
    advance(job, Vm(), Scripted("install", Wait(0, "…")))

    job = advance(job, Scripted("other"))

    assert f"vdisk-portal:{job.uid}:" in job.kept


def test_holds_go_with_the_failure(job: Job) -> None:
    Hold.objects.create(resource="vdisk:1", slot=1, job=job)

    advance(job, Scripted("install", StepFailed("no medium")))

    assert not Hold.objects.exists()


# --- going on, beginning again


def test_a_resumed_job_repeats_only_the_failed_step_and_knows_what_it_saved(job: Job, root: User) -> None:
    def fail(ctx: StepContext) -> Done:
        ctx.intend(unpacked="D:\\setup")
        raise StepFailed("no medium")

    vm = Vm()
    install = Scripted("install", fail, lambda ctx: Done(f"{ctx.produced('vm')} from {ctx.saved['unpacked']}"))
    job = advance(job, vm, install)
    rerunning.resume_job(job, root)
    let_in(job)

    job = advance(job, vm, install)

    assert (job.state, job.runs, vm.calls) == (JobState.SUCCEEDED, 2, 1)
    assert job.outcome == "vm-1 from D:\\setup"
    assert (job.kept, job.kept_until) == ("", None)
    numbers = list(job.log.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert job.steps.get(key="install").seconds is None, "it says nothing of how long such a step takes"
    assert job.steps.get(key="vm").seconds is not None


def test_a_resumed_job_is_not_touched_before_it_is_let_in(job: Job, root: User) -> None:
    Job.objects.filter(pk=job.pk).update(writes=True)
    install = Scripted("install", StepFailed("no medium"), Done())
    job = advance(job, install)
    other = Job.objects.create(
        kind="scripted", title="Other", farm=job.farm, requested_by=root, admitted_at=timezone.now(), writes=False
    )
    Hold.objects.create(resource=f"vdisk:{job.vdisk_id}", slot=1, job=other)
    rerunning.resume_job(job, root)

    assert advance(job, install).state == JobState.WAITING
    assert install.calls == 1
    Hold.objects.all().delete()
    assert advance(job, install).state == JobState.SUCCEEDED


def test_time_before_the_resuming_does_not_count_against_the_limit(job: Job, root: User) -> None:
    install = Scripted("install", Wait(0, "…"), StepFailed("no medium"), Wait(0, "…"), limit=timedelta(minutes=5))
    advance(job, install)
    job = advance(job, install)
    job.steps.update(started_at=timezone.now() - timedelta(hours=1))
    rerunning.resume_job(job, root)
    let_in(job)

    assert advance(job, install).is_active


def test_a_restarted_job_does_again_what_it_had_done(job: Job, root: User) -> None:
    vm = Vm(Done("made", {"vm": "vm-1"}), Done("made", {"vm": "vm-2"}))
    install = Scripted("install", StepFailed("no medium"), lambda ctx: Done(f"on {ctx.produced('vm')}"))
    job = advance(job, Scripted("check", stands=True), vm, install)
    rerunning.restart_job(job, 2, root)
    let_in(job)

    job = advance(job, Scripted("check", stands=True), vm, install)

    assert (job.outcome, vm.calls) == ("on vm-2", 2)


def test_a_resumed_job_that_is_cancelled_takes_back_all_it_did_before(job: Job, root: User) -> None:
    vm, install = Vm(), Scripted("install", StepFailed("no medium"))
    job = advance(job, vm, install)
    rerunning.resume_job(job, root)
    cancel(job)
    let_in(job)

    job = advance(job, vm, install)

    assert (job.state, vm.removed, job.kept) == (JobState.CANCELLED, 1, "")


def test_a_worker_lost_between_the_failure_of_a_step_and_the_end_of_its_job_repeats_nothing(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    from builders.engine.recorder import Recorder

    install = Scripted("install", StepFailed("no medium"))
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "end", lambda *_a, **_k: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            advance(job, install)
    lose(job)

    job = advance(job, install)

    assert (job.state, job.outcome, install.calls) == (JobState.FAILED, "no medium", 1)


# --- words that stay


def test_what_is_left_stays_named_while_a_resumed_job_works(job: Job, root: User) -> None:
    install = Scripted("install", StepFailed("no medium"), Wait(0, "…"), StepFailed("no room"), Done())
    job = advance(job, Vm(), install)
    rerunning.resume_job(job, root)
    let_in(job)

    job = advance(job, Vm(), install)
    assert (job.is_active, job.kept) == (True, "VM vm-1 on host A")
    job = advance(job, Vm(), install)
    assert (job.outcome, job.kept) == ("no room", "VM vm-1 on host A")
    rerunning.resume_job(job, root)
    let_in(job)
    job = advance(job, Vm(), install)
    assert (job.state, job.kept, job.kept_until) == (JobState.SUCCEEDED, "", None)


def test_a_plan_that_changed_while_the_job_waited_keeps_the_words_of_what_is_left(job: Job, root: User) -> None:
    job = advance(job, Vm(), Scripted("install", StepFailed("no medium")))
    rerunning.resume_job(job, root)
    let_in(job)

    job = advance(job, Scripted("other"))

    assert (job.state, job.kept) == (JobState.FAILED, "VM vm-1 on host A")
    assert "changed since it was started" in job.outcome


def test_a_resumed_job_that_is_cancelled_while_its_plan_changed_is_cancelled(job: Job, root: User) -> None:
    job = advance(job, Vm(), Scripted("install", StepFailed("no medium")))
    rerunning.resume_job(job, root)
    cancel(job)
    let_in(job)

    job = advance(job, Scripted("other"))

    assert (job.state, job.kept) == (JobState.CANCELLED, "VM vm-1 on host A")
    assert job.outcome.startswith("Cancelled by the portal. It could not take back what it did:")


def test_a_clean_up_that_cannot_go_on_keeps_the_reason_of_the_failure(job: Job, root: User) -> None:
    job = advance(job, Vm(), Scripted("install", StepFailed("no medium")))
    rerunning.clean_up(job, root)
    let_in(job)

    job = advance(job, Scripted("other"))

    assert (job.state, job.kept) == (JobState.FAILED, "VM vm-1 on host A")
    assert job.outcome.startswith(
        "no medium. It could not take back what it did: The steps of this kind of job changed"
    )


def test_a_clean_up_of_a_cancelled_job_that_cannot_go_on_leaves_it_cancelled(job: Job, root: User) -> None:
    stuck = Vm(undo=Refused("host A said no", code=5))
    advance(job, stuck, Scripted("slow", Wait(60, "…")))
    cancel(job)
    job = advance(job, stuck, Scripted("slow"))
    rerunning.clean_up(job, root)
    let_in(job)

    job = advance(job, Scripted("other"))

    assert (job.state, job.kept) == (JobState.CANCELLED, "VM vm-1 on host A (host A said no)")
    assert job.outcome.startswith("Cancelled by the portal. Left in place: VM vm-1")
    assert "The steps of this kind of job changed" in job.outcome


# --- reminder and expiry


@pytest.fixture
def kept(job: Job) -> Job:
    return advance(job, Vm(), Scripted("install", StepFailed("no medium")))


def until(job: Job, **left: float) -> None:
    Job.objects.filter(pk=job.pk).update(kept_until=timezone.now() + timedelta(**left))


@pytest.mark.parametrize(
    ("kept_hours_ago", "left", "is_due"),
    [(47, 25, False), (49, 23, True), (2, 6, False), (5, 4, True), (0.1, 23, False)],
)
def test_the_reminder_comes_a_day_before_or_when_half_of_a_shorter_time_is_over(
    kept: Job, kept_hours_ago: float, left: float, is_due: bool
) -> None:
    Job.objects.update(ended_at=timezone.now() - timedelta(hours=kept_hours_ago))
    until(kept, hours=left)

    assert keeping.remind_of_what_is_kept() == int(is_due)
    assert keeping.remind_of_what_is_kept() == 0

    reminders = AuditEntry.objects.filter(action="job.remind")
    assert reminders.count() == int(is_due)
    if is_due:
        assert reminders.get().detail["kept"] == "VM vm-1 on host A"
        assert texts(kept)[-1].endswith("only: VM vm-1 on host A")
        assert Job.objects.get().reminded_at


def test_nothing_expires_before_its_time(kept: Job) -> None:
    assert keeping.expire_what_is_kept() == 0
    assert Job.objects.get().state == JobState.FAILED


def test_what_is_the_portals_own_is_removed_when_its_time_is_over(kept: Job) -> None:
    until(kept, seconds=-1)

    assert keeping.expire_what_is_kept() == 1
    assert keeping.expire_what_is_kept() == 0
    job = Job.objects.get()
    assert (job.state, job.undo_cause) == (JobState.WAITING, UndoCause.EXPIRED)
    let_in(job)
    vm = Vm()
    job = advance(job, vm, Scripted("install"))

    assert (job.state, vm.removed, job.kept, job.kept_until) == (JobState.FAILED, 1, "", None)
    assert job.outcome == "no medium. It was cleaned up when the time to keep it was over."
    assert job.cleaned_up_at
    assert AuditEntry.objects.latest("id").action == "job.cleaned-up"


def test_what_is_not_the_portals_own_is_left_for_a_person_to_decide(job: Job) -> None:
    vm = Vm(belongs_to_job=False)
    job = advance(job, vm, Scripted("install", StepFailed("no medium")))
    until(job, seconds=-1)

    assert keeping.expire_what_is_kept() == 1
    assert keeping.expire_what_is_kept() == 0

    job = Job.objects.get()
    assert (job.state, job.kept, job.kept_until) == (JobState.FAILED, "VM vm-1 on host A", None)
    assert vm.removed == 0
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.detail["kept"]) == ("job.decide", "VM vm-1 on host A")
    assert "a person must decide" in texts(job)[-1]


def test_of_both_kinds_only_the_portals_own_is_removed(job: Job) -> None:
    class Version(Vm):
        belongs_to_job = False

        def leaves(self, ctx: StepContext) -> str:
            return "version 5 in maintenance"

    def steps() -> tuple[Scripted, ...]:
        version = Version(Done("made"))
        version.key, version.produces = "version", {}  # type: ignore[misc]
        return version, Vm(), Scripted("install", StepFailed("no medium"))

    job = advance(job, *steps())
    until(job, seconds=-1)
    keeping.expire_what_is_kept()
    let_in(job)
    version, vm, install = steps()

    job = advance(job, version, vm, install)

    assert (vm.removed, version.removed) == (1, 0)
    assert (job.kept, job.kept_until, job.cleaned_up_at) == ("version 5 in maintenance", None, None)
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"job.decide", "job.cleaned-up"}


# --- cleaning up on request


def test_a_person_may_have_it_cleaned_up_whoever_it_belongs_to(job: Job, root: User) -> None:
    vm = Vm(belongs_to_job=False)
    job = advance(job, vm, Scripted("install", StepFailed("no medium")))
    rerunning.clean_up(job, root)
    let_in(job)

    job = advance(job, vm, Scripted("install"))

    assert (job.state, vm.removed, job.kept) == (JobState.FAILED, 1, "")
    assert job.outcome == "no medium. It was cleaned up."
    assert job.cleaned_up_at


def test_what_could_not_be_cleaned_up_may_be_tried_again(job: Job, root: User) -> None:
    stuck = Vm(undo=Refused("host A said no", code=5))
    job = advance(job, stuck, Scripted("install", StepFailed("no medium")))
    rerunning.clean_up(job, root)
    let_in(job)
    job = advance(job, stuck, Scripted("install"))
    assert job.kept == "VM vm-1 on host A (host A said no)"
    assert job.cleaned_up_at is None
    assert "but not all" in job.outcome

    rerunning.clean_up(job, root)
    let_in(job)
    job = advance(job, Vm(), Scripted("install"))

    assert (job.state, job.kept) == (JobState.FAILED, "")


def test_what_a_cancelled_job_left_may_be_tried_again_and_it_stays_cancelled(job: Job, root: User) -> None:
    stuck = Vm(undo=Refused("host A said no", code=5))
    advance(job, stuck, Scripted("slow", Wait(60, "…")))
    cancel(job)
    job = advance(job, stuck, Scripted("slow"))
    assert job.kept
    rerunning.clean_up(job, root)
    let_in(job)

    job = advance(job, Vm(), Scripted("slow"))

    assert (job.state, job.kept, job.outcome) == (JobState.CANCELLED, "", "Cancelled by the portal.")
    assert job.cleaned_up_at


def test_a_host_that_is_away_while_cleaning_up_is_tried_again(job: Job, root: User) -> None:
    vm = Vm(undo=Unreachable("away"))
    job = advance(job, vm, Scripted("install", StepFailed("no medium")))
    rerunning.clean_up(job, root)
    let_in(job)
    job = advance(job, vm, Scripted("install"))
    assert job.state == JobState.UNDOING

    vm.answer = "VM was removed"
    due(job)
    assert advance(job, vm, Scripted("install")).kept == ""
