"""Schedules and maintenance windows: what may be scheduled, when it comes, and what people do with them.

What becomes of an appointed time is in lifecycle/appointments.py. Everybody locks in one order, so that no two wait for
each other: rows of jobs, then of schedules, then the audit trail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from lifecycle import cron, fingerprints
from lifecycle.errors import Incomplete, NotAllowed, NotNow
from lifecycle.facts import ChainFacts
from lifecycle.models import AuditEntry, Job, Schedule, VDisk, Window
from lifecycle.states import Action, JobState

_A_PERSON = "A person decides on it, each time, and says why"

SCHEDULABLE: dict[Action, str] = {
    # empty: it may; otherwise why not
    Action.NEW_VERSION: "",
    Action.BOOT_MAINTENANCE: "",
    Action.PROMOTE_TEST: "",
    Action.BOOT_TEST: "",
    Action.MERGE: "",
    Action.MERGE_BASE: "",
    Action.PROMOTE_PRODUCTION: "A promotion to production needs an approved request; that request can name a date.",
    Action.REVERT_TEST: f"{_A_PERSON}: production targets boot another version afterwards.",
    Action.REVERT_MAINTENANCE: f"{_A_PERSON}: what was tested is opened for writing again.",
    Action.SET_OVERRIDE: f"{_A_PERSON}: production targets boot another version afterwards.",
    Action.CLEAR_OVERRIDE: f"{_A_PERSON}: production targets boot another version afterwards.",
    Action.RESCHEDULE: "The portal does not do this; what was approved includes the date.",
    Action.DELETE_VERSION: f"{_A_PERSON}: what is deleted does not come back.",
}
LATEST = timedelta(days=7)
FAILED = frozenset({JobState.FAILED, JobState.ERRORED})


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a person says of a schedule. Either ``cron`` with ``time_zone``, or ``window``."""

    name: str
    kind: Action
    vdisk: VDisk
    reason: str = ""
    cron: str = ""
    time_zone: str = "UTC"
    window: Window | None = None
    late_minutes: int = 60
    skip_unchanged: bool = False
    stop_after: int = 3

    def checked(self, now: datetime) -> Terms:
        """Tidied up. Incomplete names the field that makes no sense."""
        if not self.name.strip():
            raise Incomplete("name", "Give it a name; pages and the audit trail call it so.")
        if why_not := SCHEDULABLE[self.kind]:
            raise Incomplete("kind", why_not)
        if not 1 <= self.late_minutes <= LATEST // timedelta(minutes=1):
            raise Incomplete("late_minutes", "Choose from 1 minute to 7 days (10080 minutes).")
        if self.stop_after < 1:
            raise Incomplete("stop_after", "Choose 1 or more.")
        if self.window and self.cron.strip():
            raise Incomplete("cron", "It runs when its window opens; leave the times empty, or choose no window.")
        if self.window is None:
            cron.check(self.cron, self.time_zone, now)
        tidy = " ".join(self.cron.split())
        return replace(self, name=self.name.strip(), reason=self.reason.strip(), cron=tidy)

    def values(self) -> dict[str, Any]:
        """By the names of the row's columns."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"kind": self.kind.value}


def make(terms: Terms, *, by: User) -> Schedule:
    check_manager(by)
    now = timezone.now()
    schedule = Schedule(**terms.checked(now).values(), owner=by)
    schedule.next_at = next_at(schedule, now)
    with one_of_a_name(schedule.name), transaction.atomic():
        schedule.save(force_insert=True)
        _note("schedule.create", schedule, by, describe(schedule))
    return schedule


def change(schedule: Schedule, terms: Terms, *, by: User) -> None:
    """From now on it runs in the name of who changed it: nobody lets another person answer for what they wrote."""
    check_manager(by)
    now = timezone.now()
    values = terms.checked(now).values()
    with one_of_a_name(terms.name), transaction.atomic():
        row = locked(schedule)
        before = describe(row)
        if (row.kind, row.vdisk_id) != (values["kind"], terms.vdisk.pk):
            row.fingerprint = ""
        for name, value in values.items():
            setattr(row, name, value)
        row.owner, row.failures = by, 0
        row.next_at = None if row.paused_at else next_at(row, now)
        row.save()
        after = describe(row)
        changed = {name: f"{before[name]} → {after[name]}" for name in after if before[name] != after[name]}
        _note("schedule.change", row, by, changed)


def pause(schedule: Schedule, *, by: User, reason: str = "") -> None:
    check_manager(by)
    with transaction.atomic():
        row = locked(schedule)
        if row.paused_at:
            raise NotNow(f"It is paused already. {row.paused_why}")
        who = by.get_full_name() or by.get_username()
        stop(row, f"{who} paused it" + (f": {reason.strip()}" if reason.strip() else "."), by=by)


def resume(schedule: Schedule, *, by: User) -> None:
    """What was missed meanwhile is not made up for. As after a change, it runs in the name of who resumed it."""
    check_manager(by)
    with transaction.atomic():
        row = locked(schedule)
        if row.paused_at is None:
            raise NotNow("It is not paused.")
        detail = {"was": row.paused_why}
        if row.owner != by:
            detail["owner"] = f"{row.owner.get_username()} → {by.get_username()}"
        row.owner, row.paused_at, row.paused_why, row.failures = by, None, "", 0
        row.next_at = next_at(row, timezone.now())
        row.save(update_fields=["owner", "paused_at", "paused_why", "failures", "next_at"])
        _note("schedule.resume", row, by, detail)


def remove(schedule: Schedule, *, by: User) -> None:
    """Its jobs stay, and so does what the audit trail says; its list of appointed times goes with it."""
    check_manager(by)
    with transaction.atomic():
        Job.objects.filter(schedule=schedule).update(schedule=None)
        row = locked(schedule)
        _note("schedule.remove", row, by, describe(row))
        row.delete()


def stop(row: Schedule, why: str, *, by: User | None) -> None:
    """Pause a locked row; ``by`` None: the portal itself does, after failures."""
    row.paused_at, row.paused_why, row.next_at = timezone.now(), why, None
    row.save(update_fields=["paused_at", "paused_why", "next_at", "failures"])
    _note("schedule.pause", row, by, {"why": why})


def failed(row: Schedule, why: str) -> None:
    """One more failure of a locked row; the last of so many in a row stops it."""
    row.failures += 1
    if row.failures >= row.stop_after and row.paused_at is None:
        times = "The last time failed" if row.failures == 1 else f"It failed {row.failures} times in a row"
        stop(row, f"{times}, so it stopped itself. {why}".strip(), by=None)
    else:
        row.save(update_fields=["failures"])


def job_ended(job: Job) -> None:
    """The schedule of a job learns what came of it, before the audit trail is held."""
    if job.schedule_id is None:
        return
    row = Schedule.objects.select_for_update(of=("self",)).filter(pk=job.schedule_id).first()
    if row is None:
        return
    if job.state == JobState.SUCCEEDED:
        row.failures, row.fingerprint = 0, fingerprint_of(VDisk.objects.get(pk=row.vdisk_id).chain())
        row.save(update_fields=["failures", "fingerprint"])
    elif job.state in FAILED and job.runs == 1:  # resumed by a person and failed again: the same time, counted once
        failed(row, f"Job {job.pk}: {job.outcome}")


def fingerprint_of(chain: ChainFacts) -> str:
    """Of the newest chain: that of the highest version, with all beneath it. Empty for a vDisk without versions."""
    return fingerprints.fingerprint(chain, chain.highest.number) if chain.highest else ""


def stopped() -> list[Schedule]:
    """Those that stopped themselves; a person has to look at them."""
    return list(Schedule.objects.filter(paused_at__isnull=False, failures__gte=F("stop_after")).order_by("name"))


def clock(of: Schedule) -> tuple[str, str]:
    """Its times: cron fields and time zone, its own or those of its window."""
    return (of.window.cron, of.window.time_zone) if of.window else (of.cron, of.time_zone)


def next_at(of: Schedule, after: datetime) -> datetime | None:
    return cron.next_time(*clock(of), after)


def grace(of: Schedule) -> timedelta:
    """So much later than appointed it may still start: until the window closes, or as late as it says."""
    return timedelta(minutes=of.window.minutes if of.window else of.late_minutes)


def describe(of: Schedule) -> dict[str, Any]:
    """Its terms as plain values, for the audit trail."""
    return {
        "name": of.name,
        "kind": str(of.kind),
        "vdisk": of.vdisk.name,
        "reason": of.reason,
        "times": f"when “{of.window}” opens" if of.window else f"{of.cron} ({of.time_zone})",
        "late minutes": of.late_minutes,
        "skips when unchanged": "yes" if of.skip_unchanged else "no",
        "stops after failures": of.stop_after,
        "owner": of.owner.get_username(),
    }


def locked(schedule: Schedule) -> Schedule:
    """The row as it is now, held until the transaction ends. NotNow when somebody removed it."""
    row = Schedule.objects.select_for_update(of=("self",)).select_related("vdisk", "window", "owner")
    found = row.filter(pk=schedule.pk).first()
    if found is None:
        raise NotNow(f"“{schedule.name}” was removed meanwhile.")
    return found


def check_manager(by: User) -> None:
    if not by.has_perm("lifecycle.manage_schedule"):
        raise NotAllowed("Your role does not manage schedules.")


@contextmanager
def one_of_a_name(name: str) -> Iterator[None]:
    """Around a transaction that writes a name which only one may bear."""
    try:
        yield
    except IntegrityError as error:
        if "name" not in str(error):
            raise
        raise Incomplete("name", f"There is one called “{name.strip()}” already; choose another name.") from error


def _note(action: str, on: Schedule, by: User | None, detail: dict[str, Any]) -> None:
    AuditEntry.objects.record(by=by, action=action, on=on, detail=detail)
