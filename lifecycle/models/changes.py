"""Change requests: one person asks that a version goes to production, another one decides."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from lifecycle.errors import NotNow, StaleState
from lifecycle.models.audit import AuditEntry
from lifecycle.models.vdisks import VDisk
from lifecycle.states import CHANGE_TRANSITIONS, LIVE_CHANGE_STATES, ChangeEvent, ChangeState


class ChangeQuerySet(models.QuerySet["ChangeRequest"]):
    def open(self) -> Self:
        return self.filter(state=ChangeState.OPEN)

    def for_list(self) -> Self:
        return self.select_related("vdisk", "requested_by").order_by("-requested_at", "-id")


class ChangeRequest(models.Model):
    """A request to promote a test version. ``links`` and ``fingerprint`` say exactly what was asked about."""

    vdisk = models.ForeignKey(VDisk, on_delete=models.PROTECT, related_name="changes")
    version_number = models.PositiveIntegerField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requested_changes"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    reason = models.TextField()
    ticket = models.CharField(max_length=80, blank=True)
    go_live_at = models.DateTimeField(null=True, blank=True, help_text="Empty: as soon as it is approved.")
    fingerprint = models.CharField(max_length=64)
    links: models.JSONField[list[Any]] = models.JSONField(default=list)
    state = models.CharField(max_length=16, choices=ChangeState, default=ChangeState.OPEN)
    state_words = models.TextField(blank=True, help_text="Why it lapsed or failed.")
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at", "-id"]
        permissions = [("approve_promotion", "Can approve or reject the promotion of a version to production")]
        constraints = [
            models.UniqueConstraint(
                fields=["vdisk", "version_number"],
                condition=Q(state__in=sorted(LIVE_CHANGE_STATES)),
                name="one_live_change_per_version",
            ),
            models.CheckConstraint(condition=Q(state__in=ChangeState.values), name="change_state_is_known"),
            models.CheckConstraint(condition=~Q(reason=""), name="change_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.vdisk.name} version {self.version_number} to production"

    @property
    def is_live(self) -> bool:
        return self.state in LIVE_CHANGE_STATES

    def move(self, event: ChangeEvent, *, by: User | None, words: str = "") -> None:
        """The one gate to ``state``. NotNow when the table has no such way; StaleState when someone was first."""
        before = ChangeState(self.state)
        after = CHANGE_TRANSITIONS.get((before, event))
        if after is None:
            raise NotNow(f"The request cannot be changed any more: it is {before.label}.")
        ended_at = None if after in LIVE_CHANGE_STATES else timezone.now()
        detail = {"from": before, "to": after, "words": words}
        with transaction.atomic():
            AuditEntry.objects.hold_chain()
            moved = ChangeRequest.objects.filter(pk=self.pk, state=before).update(
                state=after, state_words=words, ended_at=ended_at
            )
            if moved:
                AuditEntry.objects.record(by=by, action=f"change.{event}", on=self, change=self, detail=detail)
        if not moved:
            self.refresh_from_db(fields=["state", "state_words", "ended_at"])
            raise StaleState(f"Someone else was first: the request is {self.get_state_display()}.")
        self.state, self.state_words, self.ended_at = after, words, ended_at


class Decision(models.Model):
    """What an approver said. The row repeats the requester so that the database can keep the two apart."""

    class Verdict(models.TextChoices):
        APPROVED = "approved", "approved"
        REJECTED = "rejected", "rejected"

    change = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="decisions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    verdict = models.CharField(max_length=16, choices=Verdict)
    reason = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=64)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["change", "by"], name="one_decision_per_person_and_change"),
            models.CheckConstraint(condition=~Q(by=F("requested_by")), name="nobody_decides_on_their_own_request"),
            models.CheckConstraint(
                condition=Q(verdict="approved") | Q(verdict="rejected") & ~Q(reason=""),
                name="a_rejection_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.by} {self.verdict} at {self.at:%Y-%m-%d %H:%M}"
