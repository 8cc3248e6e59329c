"""What the database itself refuses, whoever asks and however."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from lifecycle import operations
from lifecycle.models import AuditEntry, ChangeRequest, Decision, FarmConnection, Job, JobLogLine, JobStep, VDisk
from lifecycle.states import ACTIVE_JOB_STATES, Action, ChangeState, JobState, StepState
from tests.lifecycle.ground import IN_TEST


def refused(words: str) -> Any:
    return pytest.raises(DatabaseError, match=words)


def sql(text: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(text, values)


def decide(change: ChangeRequest, by: User, requested_by: User, **values: Any) -> None:
    row = {"verdict": "approved", "reason": ""} | values
    sql(
        "INSERT INTO lifecycle_decision (change_id, by_id, requested_by_id, at, verdict, reason, fingerprint) "
        "VALUES (%s, %s, %s, now(), %s, %s, %s)",
        change.pk,
        by.pk,
        requested_by.pk,
        row["verdict"],
        row["reason"],
        change.fingerprint,
    )


@pytest.fixture
def job(vdisk: VDisk, admin: User) -> Job:
    return operations.start_job(action=Action.NEW_VERSION, vdisk=vdisk, version=None, by=admin)


# --- decisions


def test_nobody_decides_on_their_own_request(change: ChangeRequest, admin: User) -> None:
    with refused("nobody_decides_on_their_own_request"):
        decide(change, admin, admin)


def test_a_decision_names_the_true_requester(change: ChangeRequest, admin: User, approver: User) -> None:
    with refused("another requester"):
        decide(change, admin, approver)


def test_a_decision_is_given_once(change: ChangeRequest, admin: User, approver: User) -> None:
    decide(change, approver, admin)

    with refused("one_decision_per_person_and_change"):
        decide(change, approver, admin)


@pytest.mark.parametrize(("verdict", "reason"), [("rejected", ""), ("maybe", "x"), ("", "x")])
def test_a_decision_is_an_approval_or_a_rejection_with_a_reason(
    verdict: str, reason: str, change: ChangeRequest, admin: User, approver: User
) -> None:
    with refused("a_rejection_has_a_reason"):
        decide(change, approver, admin, verdict=verdict, reason=reason)


@pytest.mark.parametrize(
    "column", ["verdict = 'rejected'", "reason = 'y'", "fingerprint = 'f'", "at = now()", "by_id = 1"]
)
def test_a_decision_is_never_rewritten(column: str, change: ChangeRequest, admin: User, approver: User) -> None:
    decide(change, approver, admin)

    with refused("append-only"):
        sql(f"UPDATE lifecycle_decision SET {column}")
    with refused("append-only"):
        Decision.objects.all().delete()


# --- changes


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("requested_by_id", "approver"),
        ("fingerprint", "f" * 64),
        ("version_number", 1),
        ("links", "[]"),
        ("reason", "another one"),
        ("ticket", "CHG-2"),
        ("go_live_at", "2030-01-01"),
        ("requested_at", "2030-01-01"),
    ],
)
def test_what_a_change_asks_for_and_who_asks_is_fixed(
    column: str, value: Any, change: ChangeRequest, approver: User
) -> None:
    with refused("is fixed"):
        sql(f"UPDATE lifecycle_changerequest SET {column} = %s", approver.pk if value == "approver" else value)


def test_what_becomes_of_a_change_is_not_fixed(change: ChangeRequest) -> None:
    sql("UPDATE lifecycle_changerequest SET state = 'lapsed', state_words = 'x', ended_at = now()")

    assert ChangeRequest.objects.get().state == ChangeState.LAPSED


@pytest.mark.parametrize("state", [ChangeState.OPEN, ChangeState.APPROVED])
def test_one_change_lives_per_version(state: ChangeState, change: ChangeRequest) -> None:
    ChangeRequest.objects.update(state=state)

    with refused("one_live_change_per_version"), transaction.atomic():
        ChangeRequest.objects.create(
            vdisk=change.vdisk, version_number=IN_TEST, requested_by=change.requested_by, reason="x", fingerprint="f"
        )


def test_changes_of_two_versions_may_live(change: ChangeRequest) -> None:
    ChangeRequest.objects.create(
        vdisk=change.vdisk, version_number=3, requested_by=change.requested_by, reason="x", fingerprint="f"
    )


def test_the_state_of_a_change_is_a_known_one(change: ChangeRequest) -> None:
    with refused("change_state_is_known"):
        sql("UPDATE lifecycle_changerequest SET state = 'blessed'")


def test_a_change_has_a_reason(vdisk: VDisk, admin: User) -> None:
    with refused("change_has_a_reason"), transaction.atomic():
        ChangeRequest.objects.create(vdisk=vdisk, version_number=9, requested_by=admin, reason="", fingerprint="f")


# --- jobs


@pytest.mark.parametrize("state", sorted(ACTIVE_JOB_STATES))
def test_one_writing_job_runs_per_vdisk(state: JobState, job: Job) -> None:
    Job.objects.update(state=state, undo_cause="cancelled" if state == JobState.UNDOING else "")

    with refused("one_writing_job_per_vdisk_at_a_time"), transaction.atomic():
        Job.objects.create(
            kind="merge", title="x", farm=job.farm, vdisk=job.vdisk, requested_by=job.requested_by, writes=True
        )


def test_one_job_runs_per_change(change: ChangeRequest, approver: User) -> None:
    job = operations.approve(change=change, by=approver)

    with refused("one_running_job_per_change"), transaction.atomic():
        Job.objects.create(kind="x", title="x", farm=job.farm, change=change, requested_by=approver, writes=False)


def test_the_state_of_a_job_is_a_known_one(job: Job) -> None:
    with refused("job_state_is_known|job_has_an_end"):
        sql("UPDATE lifecycle_job SET state = 'lost', ended_at = now()")


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("has_end", [True, False])
def test_a_job_has_an_end_exactly_when_it_is_over(state: JobState, has_end: bool, job: Job) -> None:
    def update() -> None:
        ended_at = timezone.now() if has_end else None
        sql("UPDATE lifecycle_job SET state = %s, ended_at = %s, undo_cause = 'asked'", state.value, ended_at)

    if has_end == (state not in ACTIVE_JOB_STATES):
        update()
        return
    with refused("job_has_an_end_when_it_is_over"):
        update()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": "odd"}, "step_state_is_known"),
        ({"progress": 101}, "progress_is_a_percentage"),
        ({"progress": -1}, "progress"),
        ({"position": 1}, "one_step_per_position"),
        ({"started_at": timezone.now(), "ended_at": timezone.now() - timedelta(hours=1)}, "step_ends_after_start"),
    ],
)
def test_a_step_makes_sense(values: dict[str, Any], words: str, job: Job) -> None:
    JobStep.objects.create(job=job, position=1, key="a", title="A", state=StepState.DONE, progress=100)

    with refused(words), transaction.atomic():
        JobStep.objects.create(job=job, **({"position": 2, "key": "b", "title": "B"} | values))


def test_a_line_of_a_log_is_never_rewritten(job: Job) -> None:
    JobLogLine.objects.create(job=job, number=1, text="Created")

    with refused("append-only"):
        sql("UPDATE lifecycle_joblogline SET text = 'x'")
    with refused("log_lines_are_numbered_once"), transaction.atomic():
        JobLogLine.objects.create(job=job, number=1, text="Again")


# --- audit


def test_the_audit_trail_is_append_only(change: ChangeRequest) -> None:
    with refused("append-only"):
        sql("UPDATE lifecycle_auditentry SET actor_name = 'somebody else'")
    with refused("append-only"):
        sql("DELETE FROM lifecycle_auditentry")
    with refused("append-only"), transaction.atomic():
        AuditEntry.objects.update(action="x")
    with refused("append-only"), transaction.atomic():
        AuditEntry.objects.all().delete()


def test_two_rows_never_follow_the_same_one(change: ChangeRequest) -> None:
    entry = AuditEntry.objects.get()
    twin = AuditEntry(at=entry.at, actor_name="x", action="x", previous=entry.previous, hash="f" * 64)

    with pytest.raises(IntegrityError, match="previous"), transaction.atomic():
        twin.save()


@pytest.mark.parametrize("who", ["change", "admin"])
def test_what_the_trail_speaks_of_is_kept(who: str, change: ChangeRequest, admin: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        (change if who == "change" else admin).delete()


# --- connections


@pytest.mark.parametrize(
    "values",
    [
        {"verify": "ca-file", "ca_file": ""},
        {"verify": "ca-file", "ca_file": "/ca.pem", "fingerprint": "AA"},
        {"verify": "pinned"},
        {"verify": "never", "ca_file": "/ca.pem"},
        {"verify": "validate-off", "transport": "telnet"},
    ],
)
def test_a_connection_says_how_it_is_verified(values: dict[str, str], vdisk: VDisk) -> None:
    with refused("connection_"), transaction.atomic():
        FarmConnection.objects.create(farm=vdisk.farm, host="pvs01", username="x", password="x", **values)
