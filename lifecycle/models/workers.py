"""The processes that do the work, as they report themselves. Who is silent for too long counts as dead."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class Worker(models.Model):
    """One life of a process: a worker, or the beat that hands out what is due.

    ``busy`` lists what it works on: ``{"job": id or None, "task": name, "since": iso time}``. ``sessions`` lists its
    remote sessions: ``{"host": name, "open": n, "in_use": n, "limit": n, "resting": bool}``.
    """

    class Role(models.TextChoices):
        WORKER = "worker", "worker"
        BEAT = "beat", "beat"

    role = models.CharField(max_length=8, choices=Role, default=Role.WORKER)
    name = models.CharField(max_length=160, help_text="Celery's own name for it.")
    machine = models.CharField(max_length=255)
    process = models.PositiveIntegerField()
    threads = models.PositiveIntegerField(default=1)
    release = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True, blank=True, help_text="It said goodbye.")
    busy: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    sessions: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    memory_mib = models.FloatField(null=True, blank=True)
    drain_asked_at = models.DateTimeField(null=True, blank=True, help_text="It is to take no more work.")
    drain_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    drained_at = models.DateTimeField(null=True, blank=True, help_text="It has nothing in hand: stop it now.")

    class Meta:
        ordering = ["role", "machine", "process"]
        permissions = [
            ("view_operations", "Can see workers, queues, locks and metrics"),
            ("drain_worker", "Can drain a worker for an update"),
        ]
        indexes = [models.Index(fields=["-seen_at"])]

    def __str__(self) -> str:
        return f"{self.role} {self.machine}:{self.process}"
