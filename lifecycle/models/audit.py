"""The audit trail: append-only, each row holds the hash of the one before."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, models, transaction
from django.utils import timezone

if TYPE_CHECKING:
    from lifecycle.models.changes import ChangeRequest
    from lifecycle.models.jobs import Job

logger = logging.getLogger(__name__)

GENESIS = "0" * 64
_CHAIN_LOCK = 0x7644_6973_6B41  # any constant: one writer at a time extends the chain


class AuditManager(models.Manager["AuditEntry"]):
    def record(
        self,
        *,
        by: User | None,
        action: str,
        on: models.Model | None = None,
        on_name: str = "",
        job: Job | None = None,
        change: ChangeRequest | None = None,
        detail: dict[str, Any] | None = None,
    ) -> AuditEntry:
        """Append one row within the caller's transaction. ``by`` None: the portal itself. No secrets in ``detail``."""
        with transaction.atomic():
            self.hold_chain()
            last = self.order_by("-id").values_list("hash", flat=True).first()
            entry = AuditEntry(
                at=timezone.now(),
                actor=by,
                actor_name=by.get_username() if by else "portal",
                action=action,
                object_type=on._meta.model_name or "" if on is not None else "",
                object_id=str(on.pk) if on is not None else "",
                object_name=(on_name or (str(on) if on is not None else ""))[:255],
                job=job,
                change=change,
                detail=detail or {},
                previous=last or GENESIS,
            )
            entry.hash = entry.compute_hash()
            entry.save(force_insert=True)
            # a copy outside the database: rows cut off the end of the chain leave no gap in the chain itself
            transaction.on_commit(lambda: logger.info("audit row %s: %s", entry.pk, entry.hash))
            return entry

    def hold_chain(self) -> None:
        """Be the only writer until the transaction ends; ``record`` does it by itself.

        Everybody locks in one order, so that no two wait for each other: rows of jobs, then this, then rows of changes.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CHAIN_LOCK])

    def verify(self) -> AuditEntry | None:
        """The first row that does not fit the chain, or None when all is whole. Reads every row."""
        previous = GENESIS
        for entry in self.order_by("id").iterator(chunk_size=2000):
            if entry.previous != previous or entry.hash != entry.compute_hash():
                return entry
            previous = entry.hash
        return None


class AuditEntry(models.Model):
    """Who did what to which object, when, and under which job or change. Never edited, never deleted."""

    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="audit_entries"
    )
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=40, blank=True)
    object_name = models.CharField(max_length=255, blank=True)
    job = models.ForeignKey("lifecycle.Job", null=True, on_delete=models.PROTECT, related_name="audit_entries")
    change = models.ForeignKey(
        "lifecycle.ChangeRequest", null=True, on_delete=models.PROTECT, related_name="audit_entries"
    )
    detail = models.JSONField(default=dict)
    previous = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    objects = AuditManager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["object_type", "object_id"]), models.Index(fields=["actor_name"])]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor_name} {self.action} {self.object_name}"

    def compute_hash(self) -> str:
        """SHA-256, hex, over this row and the hash of the row before."""
        body = [
            self.previous,
            self.at.isoformat(),
            self.actor_id,
            self.actor_name,
            self.action,
            self.object_type,
            self.object_id,
            self.object_name,
            self.job_id,
            self.change_id,
            self.detail,
        ]
        return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
