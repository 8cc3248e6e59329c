"""Writes a job's progress down, under its lease: step rows, log lines, the end. Every write is fenced."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from builders.engine.announce import announce
from builders.engine.leases import Lease
from lifecycle import operations, topics
from lifecycle.models import Job, JobLogLine, JobStep
from lifecycle.states import JobState, StepState

Level = JobLogLine.Level


class Recorder:
    """One worker's pen for one job. Raises LeaseLost when another worker has the job."""

    def __init__(self, lease: Lease, job: Job) -> None:
        self.lease = lease
        self.job = job

    def log(self, text: str, *, step: JobStep | None = None, level: str = Level.INFO) -> None:
        """Append one line; its number follows the last one, whoever wrote that."""
        with transaction.atomic():
            self._append(text, step, level)
            announce(topics.job(self.job.pk))

    def save_step(self, step: JobStep, *, line: str = "", level: str = Level.INFO, **changes: Any) -> None:
        """Change a step's row and say so in the log, together or not at all."""
        with transaction.atomic():
            self._append(line, step, level) if line else self.lease.renew()
            for name, value in changes.items():
                setattr(step, name, value)
            step.save(update_fields=list(changes))
            announce(topics.job(self.job.pk))

    def finish_step(self, step: JobStep, message: str, produces: Mapping[str, Any]) -> None:
        with transaction.atomic():
            self.job.context |= dict(produces)
            self.lease.write(context=self.job.context)
            self.save_step(
                step,
                line=message or f"{step.title}: done",
                state=StepState.DONE,
                message=message,
                progress=None,
                ended_at=timezone.now(),
            )

    def postpone(self, seconds: float) -> None:
        """Give the job back until ``seconds`` from now."""
        self.lease.write(
            due_at=Now() + timedelta(seconds=seconds), dispatched_at=None, lease_until=None, lease_owner=""
        )

    def set_version(self, number: int) -> None:
        """The version this job is about became known."""
        self.lease.write(version_number=number)
        self.job.version_number = number

    def set_state(self, state: JobState, **changes: Any) -> None:
        self.lease.write(state=state, **changes)
        self.job.state = state
        announce(topics.job(self.job.pk), topics.JOBS)

    def end(self, state: JobState, outcome: str) -> None:
        """The last write of a job, with what hangs on it: its change request and the audit row."""
        with transaction.atomic():
            now = timezone.now()
            # why it succeeded or failed is said already, by its last step
            said = state in (JobState.SUCCEEDED, JobState.FAILED) and self.job.steps.exists()
            level = Level.INFO if state in (JobState.SUCCEEDED, JobState.CANCELLED) else Level.ERROR
            self._append(f"The job has {state.label}." if said else outcome, None, level)
            self.job.steps.filter(state=StepState.PENDING).update(state=StepState.SKIPPED)
            self.lease.write(
                state=state, outcome=outcome, ended_at=now, lease_until=None, lease_owner="", dispatched_at=None
            )
            self.job.refresh_from_db()
            operations.job_ended(self.job)
            self._announce_end()

    def _append(self, text: str, step: JobStep | None, level: str) -> None:
        self.lease.write(lines=F("lines") + 1)
        number = Job.objects.values_list("lines", flat=True).get(pk=self.job.pk)
        position = step.position if step else None
        JobLogLine.objects.create(job=self.job, number=number, step_position=position, level=level, text=text)

    def _announce_end(self) -> None:
        names = [topics.job(self.job.pk), topics.JOBS]
        if self.job.vdisk_id:
            names.append(topics.vdisk(self.job.vdisk_id))
        if self.job.change_id:
            names += [topics.change(self.job.change_id), topics.CHANGES]
        announce(*names)
