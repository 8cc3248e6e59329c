"""What becomes of an appointed time of a schedule: a job, or the reason why not. Each is written down once.

``ScheduleRun`` has one row for a schedule and a time; whoever else looks at the clock in the same moment finds it. All
that hangs on a time is one transaction: the job, the row, what the schedule learns and when it comes next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from lifecycle import cron, operations, schedules, windows
from lifecycle.errors import Incomplete, LifecycleError, NotAllowed, NotNow
from lifecycle.facts import ChainFacts
from lifecycle.models import AuditEntry, Job, Schedule, ScheduleRun, VDisk
from lifecycle.progress import lasting
from lifecycle.states import Action, JobState, RunOutcome

MOST_COUNTED = 1000
"""Missed times are counted up to here; a portal that was down for a year need not know it to the minute."""
TICK = timedelta(microseconds=1)
LATE = timedelta(minutes=1)


@dataclass(frozen=True)
class Answer:
    """What came of a time; ``job`` where one was started."""

    outcome: RunOutcome
    words: str = ""
    job: Job | None = None


def due(now: datetime) -> list[int]:
    """Schedules whose time has come, the oldest first; one look into a small index."""
    return list(Schedule.objects.filter(next_at__lte=now).order_by("next_at").values_list("pk", flat=True))


def keep(schedule_id: int, now: datetime) -> ScheduleRun | None:
    """Do what the appointed time asks for and set the next one.

    None when somebody else is at it or nothing is due, and while a job on the vDisk has to end before it can be told
    whether this one is possible: then the time stays due until it is too late for it.
    """
    with transaction.atomic():
        row = _take(schedule_id, now)
        if row is None:
            return None
        try:
            return _keep(row, now)
        except Incomplete as error:  # a time zone that this machine no longer knows: no use in trying on
            row.failures = max(row.failures, row.stop_after)
            schedules.stop(row, f"Its times cannot be read, so it stopped itself. {error}", by=None)
            return None


def give_up(schedule_id: int, now: datetime) -> None:
    """After a fault of the portal itself: the time counts as failed, so that the next ones are not lost to it."""
    with transaction.atomic():
        row = _take(schedule_id, now)
        if row and row.next_at and not _is_kept(row):
            _write(row, row.next_at, Answer(RunOutcome.REFUSED, "A fault of the portal; its own log says more."))
        if row:
            _come_again(row, now)


def run_now(schedule: Schedule, *, by: User, now: datetime) -> Job:
    """A person starts it out of turn, in their own name. Outside its window it does not run."""
    schedules.check_manager(by)
    with transaction.atomic():
        row = schedules.locked(schedule)
        if row.window and windows.opened_at(row.window, now) is None:
            raise NotNow(f"The window “{row.window}” is closed now. Start it from the vDisk, if it cannot wait.")
        if words := _still_at_it(row):
            raise NotNow(words)
        job = _start(row, by)
        words = f"Started out of turn by {by.get_full_name() or by.get_username()}."
        ScheduleRun.objects.create(schedule=row, due_at=now, outcome=RunOutcome.STARTED, words=words, job=job)
        AuditEntry.objects.record(by=by, action="schedule.run", on=row, job=job)
    return job


def too_late(now: datetime) -> list[tuple[int, str]]:
    """Jobs that wait in the queue and whose window has closed before their turn came, each with the words for it."""
    runs = ScheduleRun.objects.filter(_IN_QUEUE, schedule__window__isnull=False).select_related("schedule__window")
    found = [(run, why) for run in runs.order_by("job") if (why := _closed(run, now))]
    return [(run.job_id, why) for run, why in found if run.job_id is not None]


def why_not_begin(job: Job, now: datetime) -> str:
    """Why a job that is about to begin must not: its maintenance window has closed. Empty when it may."""
    if job.schedule_id is None or job.started_at is not None:
        return ""
    run = ScheduleRun.objects.filter(job=job, schedule__window__isnull=False).select_related("schedule__window").first()
    return _closed(run, now) if run else ""


_IN_QUEUE = Q(job__state=JobState.WAITING, job__started_at=None)


def _closed(run: ScheduleRun, now: datetime) -> str:
    window = run.schedule.window
    if window is None or now < windows.closes_at(window, run.due_at):
        return ""
    return f"The maintenance window “{window}” closed before its turn came, so it was not begun."


def _take(schedule_id: int, now: datetime) -> Schedule | None:
    rows = Schedule.objects.select_for_update(of=("self",), skip_locked=True).select_related("vdisk", "window", "owner")
    return rows.filter(pk=schedule_id, next_at__lte=now).first()


def _keep(row: Schedule, now: datetime) -> ScheduleRun | None:
    if _is_kept(row):
        _come_again(row, now)
        return None
    wanted = _latest(row, now)
    answer = _answer(row) if wanted else None
    if wanted and answer is None:
        return None
    run = _note_missed(row, wanted, now)
    if wanted and answer:
        if answer.outcome == RunOutcome.STARTED and now - wanted >= LATE:
            answer = replace(answer, words=f"Started {lasting((now - wanted).total_seconds())} late.")
        run = _write(row, wanted, answer)
    _come_again(row, now)
    return run


def _is_kept(row: Schedule) -> bool:
    assert row.next_at is not None
    return ScheduleRun.objects.filter(schedule=row, due_at=row.next_at).exists()


def _latest(row: Schedule, now: datetime) -> datetime | None:
    """The newest appointed time that is not too long ago to be kept; those before it are missed."""
    assert row.next_at is not None
    earliest = now - schedules.grace(row)
    last = cron.last_time(*schedules.clock(row), since=max(row.next_at, earliest + TICK), until=now)
    return last or (row.next_at if row.next_at > earliest else None)


def _note_missed(row: Schedule, wanted: datetime | None, now: datetime) -> ScheduleRun | None:
    """One row for all the times from the first one that nobody kept up to the one that is ``wanted``."""
    first = row.next_at
    assert first is not None
    if wanted and wanted <= first:
        return None
    until = wanted - TICK if wanted else now
    count = cron.count_times(*schedules.clock(row), since=first, until=until, most=MOST_COUNTED)
    late = int(schedules.grace(row) / timedelta(minutes=1))
    words = f"It did not start within {late} min: the portal was away, or the vDisk was busy."
    if count > 1:
        more = f"{count - 1} times" if count < MOST_COUNTED else f"at least {count - 1} times"
        words += f" The same goes for {more} after it, until {until:%Y-%m-%d %H:%M} UTC."
    return _write(row, first, Answer(RunOutcome.MISSED, words))


def _answer(row: Schedule) -> Answer | None:
    """What is to be said to the time; None: it cannot be told yet."""
    if why_not := _why_not_for(row.owner):
        return Answer(RunOutcome.REFUSED, why_not)
    if words := _still_at_it(row):
        return Answer(RunOutcome.MISSED, words)
    if row.skip_unchanged and row.fingerprint and row.fingerprint == schedules.fingerprint_of(_chain(row)):
        return Answer(RunOutcome.UNCHANGED, f"{row.vdisk.name} is as it was when this last succeeded.")
    try:
        return Answer(RunOutcome.STARTED, job=_start(row, row.owner))
    except NotNow as error:
        busy = Job.objects.active().filter(vdisk=row.vdisk_id, writes=True).exists()
        return None if busy else Answer(RunOutcome.REFUSED, str(error))
    except LifecycleError as error:
        return Answer(RunOutcome.REFUSED, str(error))


def _start(row: Schedule, by: User) -> Job:
    action = Action(row.kind)
    if why_not := schedules.SCHEDULABLE[action]:
        raise NotAllowed(why_not)
    return operations.start_job(
        action=action,
        vdisk=row.vdisk,
        version=_version(action, _chain(row)),
        by=by,
        reason=row.reason,
        queues=True,
        schedule=row,
    )


def _version(action: Action, chain: ChainFacts) -> int | None:
    """The version that the job is about, found when its time comes; None when it concerns the vDisk."""
    if action in (Action.BOOT_MAINTENANCE, Action.PROMOTE_TEST):
        if chain.maintenance is None:
            raise NotNow(f"{chain.name} has no maintenance version.")
        return chain.maintenance.number
    if action == Action.BOOT_TEST:
        if not chain.tests:
            raise NotNow(f"{chain.name} has no version in test.")
        return chain.tests[-1].number
    return None


def _chain(row: Schedule) -> ChainFacts:
    return VDisk.objects.get(pk=row.vdisk_id).chain()


def _why_not_for(owner: User) -> str:
    who = f"{owner.get_full_name() or owner.get_username()}, in whose name it runs,"
    if not owner.is_active:
        return f"{who} has left. Whoever saves it anew takes it over."
    if not owner.has_perms(["lifecycle.manage_schedule", "lifecycle.operate_version"]):
        return f"{who} has no role any more that may do this. Whoever saves it anew takes it over."
    return ""


def _still_at_it(row: Schedule) -> str:
    job = Job.objects.active().filter(schedule=row).order_by("pk").first()
    return f"Job {job.pk} of an earlier time is still {job.get_state_display()}." if job else ""


def _write(row: Schedule, due_at: datetime, answer: Answer) -> ScheduleRun:
    run = ScheduleRun.objects.create(
        schedule=row, due_at=due_at, outcome=answer.outcome, words=answer.words, job=answer.job
    )
    if answer.outcome == RunOutcome.REFUSED:
        schedules.failed(row, answer.words)
    return run


def _come_again(row: Schedule, now: datetime) -> None:
    if row.paused_at is None:
        row.next_at = schedules.next_at(row, now)
        row.save(update_fields=["next_at"])
