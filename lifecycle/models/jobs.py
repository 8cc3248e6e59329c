"""Jobs: what workers do for people. The rows say what is running; a broker message never does."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from lifecycle.models.farm import Farm
from lifecycle.models.vdisks import VDisk
from lifecycle.states import ACTIVE_JOB_STATES, JobState, OnFailure, Reading, StepState, UndoCause

_ACTIVE = Q(state__in=sorted(ACTIVE_JOB_STATES))


class JobQuerySet(models.QuerySet["Job"]):
    def active(self) -> Self:
        return self.filter(_ACTIVE)

    def for_list(self) -> Self:
        return self.select_related("vdisk", "requested_by").order_by("-created_at", "-id")


class Job(models.Model):
    """``context`` holds what the steps produced so far. ``lease_token`` fences out a worker that lost its lease.

    A job waits until it holds all that it ``needs`` (lifecycle/claims.py); ``admitted_at`` says since when it does.
    """

    uid = models.UUIDField(
        default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False, help_text="Marks what it builds."
    )
    kind = models.CharField(max_length=40)
    recipe = models.CharField(max_length=80, blank=True, help_text="What durations are compared by, beside the kind.")
    host = models.CharField(max_length=255, blank=True, help_text="The outside system it works on, by name.")
    title = models.CharField(max_length=200)
    farm = models.ForeignKey(Farm, on_delete=models.PROTECT, related_name="jobs")
    vdisk = models.ForeignKey(VDisk, null=True, blank=True, on_delete=models.PROTECT, related_name="jobs")
    version_number = models.PositiveIntegerField(null=True, blank=True)
    change = models.ForeignKey(
        "lifecycle.ChangeRequest", null=True, blank=True, on_delete=models.PROTECT, related_name="jobs"
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs")
    reason = models.TextField(blank=True)
    parameters = models.JSONField(default=dict)
    context = models.JSONField(default=dict)
    writes = models.BooleanField(default=True, help_text="Changes the vDisk; only one such job runs per vDisk.")
    queues = models.BooleanField(
        default=False, help_text="Waits behind another job on its vDisk, instead of being refused."
    )
    needs = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    admitted_at = models.DateTimeField(null=True, blank=True)
    schedule = models.ForeignKey(
        "lifecycle.Schedule", null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    runs = models.PositiveIntegerField(default=1, help_text="Started so many times: once, and again at each resume.")
    state = models.CharField(max_length=16, choices=JobState, default=JobState.WAITING)
    outcome = models.TextField(blank=True, help_text="One or two sentences: what came of it.")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(db_default=Now(), help_text="By the database's clock.")
    dispatched_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lines = models.PositiveBigIntegerField(default=0, help_text="Log lines written so far.")
    on_failure = models.CharField(max_length=8, choices=OnFailure, default=OnFailure.KEEP)
    undo_cause = models.CharField(max_length=12, choices=UndoCause, blank=True)
    kept = models.TextField(blank=True, help_text="What a failed job left in place, and where, in words.")
    kept_until = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)
    cleaned_up_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["due_at"], condition=_ACTIVE, name="job_due"),
            models.Index(fields=["-created_at", "-id"]),
            models.Index(
                fields=["requested_by", "-admitted_at"], condition=Q(admitted_at__isnull=False), name="job_last_let_in"
            ),
            models.Index(fields=["kept_until"], condition=Q(kept_until__isnull=False), name="job_keeps"),
            models.Index(
                fields=["kind", "recipe", "host", "-ended_at"],
                condition=Q(state=JobState.SUCCEEDED, runs=1),
                name="job_durations",
            ),
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="job_ended"),
            models.Index(fields=["kept_until"], condition=~Q(kept="") & Q(cleaned_up_at=None), name="job_left_overs"),
        ]
        permissions = [("cancel_job", "Can cancel a job"), ("resume_job", "Can resume, restart and clean up a job")]
        constraints = [
            # the holds keep two writing jobs apart; this one refuses the second click, when nothing was to be queued
            models.UniqueConstraint(
                fields=["vdisk"],
                condition=_ACTIVE & Q(writes=True, queues=False),
                name="one_writing_job_per_vdisk_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["kind", "vdisk", "version_number"],
                condition=_ACTIVE & Q(kind__in=[Reading.INSPECT, Reading.HASH]),
                name="one_reading_of_a_version_at_a_time",
            ),
            models.CheckConstraint(condition=Q(on_failure__in=OnFailure.values), name="job_on_failure_is_known"),
            models.CheckConstraint(condition=Q(undo_cause__in=["", *UndoCause.values]), name="job_undo_cause_is_known"),
            models.CheckConstraint(
                condition=~Q(state=JobState.UNDOING) | ~Q(undo_cause=""), name="job_says_why_it_undoes"
            ),
            models.UniqueConstraint(fields=["change"], condition=_ACTIVE, name="one_running_job_per_change"),
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_is_known"),
            models.CheckConstraint(
                condition=Q(ended_at=None) & _ACTIVE | Q(ended_at__isnull=False) & ~_ACTIVE,
                name="job_has_an_end_when_it_is_over",
            ),
        ]

    def __str__(self) -> str:
        return f"job {self.pk}: {self.title}"

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_JOB_STATES

    @property
    def is_cancelling(self) -> bool:
        return self.is_active and self.cancel_requested_at is not None


class Hold(models.Model):
    """A job has one of the places of a resource until it ends. What counts as a place: lifecycle/claims.py."""

    resource = models.CharField(max_length=120)
    slot = models.PositiveSmallIntegerField()
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="holds")
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["resource", "slot"]
        constraints = [
            models.UniqueConstraint(fields=["resource", "slot"], name="a_place_is_held_once"),
            models.UniqueConstraint(fields=["job", "resource"], name="a_job_holds_one_place_of_a_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.resource} held by job {self.job_id}"


class JobStep(models.Model):
    """One step of a job. ``saved`` is the step's own memory, ``progress`` a percentage or None.

    ``about`` is what the step says of itself (builders/engine/steps.py), for pages and rules: ``repeat`` (a Repeat),
    ``limit``, ``silence`` and ``poll`` (seconds), ``retries`` (times), ``needs`` and ``produces`` (names), ``undo`` (in
    words, or empty), ``stands`` (whether its result still holds when a later step is begun anew), ``remembers`` (names
    in ``saved`` that outlive a restart), ``belongs_to_job`` (whether expiry may remove what it made).
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=60)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=16, choices=StepState, default=StepState.PENDING)
    saved: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    message = models.TextField(blank=True)
    progress = models.PositiveSmallIntegerField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="Transient failures in a row.")
    error_code = models.IntegerField(null=True, blank=True, help_text="The return code of PVS, when it refused.")
    error_words = models.TextField(blank=True)
    about: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    sign_at = models.DateTimeField(null=True, blank=True, help_text="Last sign of life from outside.")
    seconds = models.FloatField(null=True, blank=True, help_text="How long it took, once it is done.")
    profile = models.CharField(max_length=480, blank=True, help_text="Steps of one profile are compared in duration.")

    class Meta:
        ordering = ["job", "position"]
        indexes = [
            models.Index(fields=["profile", "-ended_at"], condition=Q(state=StepState.DONE), name="step_durations")
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], name="one_step_per_position"),
            models.CheckConstraint(condition=Q(state__in=StepState.values), name="step_state_is_known"),
            models.CheckConstraint(condition=Q(progress=None) | Q(progress__lte=100), name="progress_is_a_percentage"),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(started_at=None) | Q(ended_at__gte=F("started_at")),
                name="step_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.title}"


class JobLogLine(models.Model):
    """One line of a job's log; never edited. ``number`` counts from 1 within the job."""

    class Level(models.TextChoices):
        INFO = "info", "info"
        WARNING = "warning", "warning"
        ERROR = "error", "error"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="log")
    number = models.PositiveBigIntegerField()
    step_position = models.PositiveSmallIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=8, choices=Level, default=Level.INFO)
    text = models.TextField()

    class Meta:
        ordering = ["job", "number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="log_lines_are_numbered_once")]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.level} {self.text}"
