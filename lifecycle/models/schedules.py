"""Schedules: kinds of jobs that run at times, and what came of each of these times."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from lifecycle.models.vdisks import VDisk
from lifecycle.states import RunOutcome


class Window(models.Model):
    """A maintenance window: opens at the times of ``cron`` in ``time_zone`` and stays open for ``minutes``."""

    name = models.CharField(max_length=80, unique=True)
    cron = models.CharField(max_length=120, help_text="Five fields: minute, hour, day of month, month, day of week.")
    time_zone = models.CharField(max_length=64, default="UTC")
    minutes = models.PositiveIntegerField(default=120)

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=Q(minutes__gte=1), name="window_is_open_for_a_while")]

    def __str__(self) -> str:
        return self.name


class Schedule(models.Model):
    """Runs ``kind`` for a vDisk, on behalf of its owner, at the times of ``cron`` or when ``window`` opens."""

    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=40)
    vdisk = models.ForeignKey(VDisk, on_delete=models.CASCADE, related_name="schedules")
    reason = models.TextField(blank=True)
    cron = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    window = models.ForeignKey(Window, null=True, blank=True, on_delete=models.PROTECT, related_name="schedules")
    late_minutes = models.PositiveIntegerField(default=60, help_text="Starts up to so much later, or not at all.")
    skip_unchanged = models.BooleanField(default=False)
    stop_after = models.PositiveSmallIntegerField(default=3, help_text="Pauses itself after so many failures in a row.")
    failures = models.PositiveSmallIntegerField(default=0)
    fingerprint = models.CharField(max_length=64, blank=True, help_text="Of the vDisk, when it last succeeded.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="schedules")
    created_at = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(null=True, blank=True, help_text="Empty while it is paused.")
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_why = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]
        permissions = [("manage_schedule", "Can make, change, pause and remove schedules")]
        indexes = [models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="schedule_due")]
        constraints = [
            models.CheckConstraint(
                condition=Q(window=None) & ~Q(cron="") | Q(window__isnull=False, cron=""),
                name="schedule_has_times_or_a_window",
            ),
            models.CheckConstraint(condition=Q(stop_after__gte=1), name="schedule_stops_after_one_failure_or_more"),
            models.CheckConstraint(
                condition=Q(paused_at=None) | Q(next_at=None), name="a_paused_schedule_has_no_next_time"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ScheduleRun(models.Model):
    """One appointed time of a schedule, written once, whoever looks at the clock."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="appointments")
    due_at = models.DateTimeField()
    at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=12, choices=RunOutcome)
    words = models.TextField(blank=True)
    job = models.ForeignKey("lifecycle.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-due_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["schedule", "due_at"], name="an_appointed_time_runs_once"),
            models.CheckConstraint(condition=Q(outcome__in=RunOutcome.values), name="run_outcome_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} at {self.due_at:%Y-%m-%d %H:%M}: {self.outcome}"
