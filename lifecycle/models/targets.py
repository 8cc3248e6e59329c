"""Targets, what they may boot, what they run, and what they ran before."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q

from lifecycle.models.farm import Collection, Farm, Mirrored, Server
from lifecycle.models.vdisks import VDisk
from lifecycle.states import TargetType
from lifecycle.verdicts import VerdictCode


class TargetQuerySet(models.QuerySet["Target"]):
    def present(self) -> Self:
        return self.filter(gone_at=None)

    def search(self, text: str) -> Self:
        """By any part of name, MAC (any separator) or IP. An empty text finds all."""
        text = text.strip()
        if not text:
            return self
        found = Q(name__icontains=text) | Q(ip__startswith=text)
        digits = text.replace(":", "").replace("-", "").replace(".", "").upper()
        if digits and all(digit in "0123456789ABCDEF" for digit in digits):
            found |= Q(mac_digits__contains=digits)
        return self.filter(found)

    def for_list(self) -> Self:
        """All that one row of a list shows, in one query."""
        return self.select_related("collection", "server", "booted_vdisk")


class Target(Mirrored):
    """A target device (``PvsDevice``) with its live status (``PvsDeviceInfo``)."""

    farm = models.ForeignKey(Farm, on_delete=models.CASCADE, related_name="targets")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="targets")
    mac = models.CharField(max_length=17)
    mac_digits = models.CharField(max_length=12, help_text="The MAC without separators, for searching.")
    type = models.PositiveSmallIntegerField(choices=TargetType)
    enabled = models.BooleanField(default=True)
    active = models.BooleanField(default=False)
    ip = models.CharField(max_length=45, blank=True)
    server = models.ForeignKey(Server, null=True, blank=True, on_delete=models.SET_NULL, related_name="targets")
    booted_vdisk = models.ForeignKey(
        VDisk, null=True, blank=True, on_delete=models.SET_NULL, related_name="booted_targets"
    )
    booted_version = models.PositiveIntegerField(null=True, blank=True)
    retries = models.PositiveIntegerField(null=True, blank=True)
    booted_at = models.DateTimeField(null=True, blank=True, help_text="When the portal first saw this boot.")
    verdict = models.CharField(max_length=16, choices=VerdictCode, default=VerdictCode.OFF)
    verdict_words = models.TextField(blank=True)
    verdict_since = models.DateTimeField(null=True, blank=True)
    expected_version = models.PositiveIntegerField(null=True, blank=True)
    assigned_names = models.CharField(max_length=300, blank=True)
    vdisks = models.ManyToManyField(VDisk, through="Assignment", related_name="targets")

    objects = TargetQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        indexes = [
            models.Index(fields=["name"]),
            models.Index(fields=["mac_digits"]),
            models.Index(fields=["ip"]),
            models.Index(fields=["booted_vdisk", "booted_version"]),
        ]
        constraints = [models.UniqueConstraint(fields=["farm", "guid"], name="target_is_mirrored_once")]


class Assignment(models.Model):
    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="assignments")
    vdisk = models.ForeignKey(VDisk, on_delete=models.CASCADE, related_name="assignments")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["target", "vdisk"], name="vdisk_is_assigned_once_to_target")]

    def __str__(self) -> str:
        return f"{self.target_id} boots {self.vdisk_id}"


class Boot(models.Model):
    """One stay of a target on one version. ``seen_at`` is when the portal noticed; PVS keeps no boot time."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="boots")
    vdisk = models.ForeignKey(VDisk, null=True, on_delete=models.SET_NULL, related_name="boots")
    vdisk_name = models.CharField(max_length=255)
    number = models.PositiveIntegerField()
    server_name = models.CharField(max_length=64, blank=True)
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-seen_at", "-id"]
        indexes = [models.Index(fields=["target", "-seen_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["target"], condition=Q(ended_at=None), name="target_runs_one_version_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target_id} on {self.vdisk_name} {self.number}"
