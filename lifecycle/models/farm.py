"""The PVS farm as the portal last saw it, and how the portal reaches it."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from lifecycle.secrets import SecretTextField
from lifecycle.states import ServerStatus


class Mirrored(models.Model):
    """A row that mirrors an object of PVS; ``gone_at`` is set when PVS no longer has it."""

    guid = models.UUIDField()
    name = models.CharField(max_length=255)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Farm(models.Model):
    name = models.CharField(max_length=50, unique=True)
    guid = models.UUIDField(null=True, blank=True, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC", help_text="Of the PVS servers, whose dates carry none.")
    automatic_merge = models.BooleanField(default=False)
    max_versions = models.PositiveIntegerField(default=5)
    merge_access = models.PositiveSmallIntegerField(default=2)
    auditing = models.BooleanField(default=False)
    sync_every_seconds = models.PositiveIntegerField(default=60)
    synced_at = models.DateTimeField(null=True, blank=True)
    sync_due_at = models.DateTimeField(default=timezone.now)
    sync_lease_token = models.PositiveBigIntegerField(default=0, help_text="Counts the readers; fences out a late one.")
    sync_lease_until = models.DateTimeField(null=True, blank=True)
    sync_error = models.TextField(blank=True)
    turned_away_at = models.DateTimeField(
        null=True, blank=True, help_text="PVS refused the account; not tried again until the connection is set anew."
    )

    class Meta:
        permissions = [("manage_farm", "Can set up the connection to a farm")]
        constraints = [
            models.CheckConstraint(condition=Q(sync_every_seconds__gte=1), name="farm_sync_interval_is_positive")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_stale(self) -> bool:
        """The picture is older than three sync intervals (at least half a minute), or there is none."""
        if self.synced_at is None:
            return True
        return timezone.now() - self.synced_at > max(
            timedelta(seconds=30), 3 * timedelta(seconds=self.sync_every_seconds)
        )


class FarmConnection(models.Model):
    """One PVS server through which the portal talks to the farm; tried in order of ``position``."""

    class Transport(models.TextChoices):
        KERBEROS = "kerberos", "Kerberos"
        NTLM = "ntlm", "NTLM"
        BASIC = "basic", "Basic (local accounts, over TLS)"

    class Verify(models.TextChoices):
        CA_FILE = "ca-file", "certificate authority file"
        PINNED = "pinned", "pinned certificate"
        OFF = "validate-off", "validate off"

    farm = models.ForeignKey(Farm, on_delete=models.CASCADE, related_name="connections")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=64, blank=True, help_text="What people call the server, e.g. PVS01.")
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(default=5986)
    transport = models.CharField(max_length=16, choices=Transport, default=Transport.KERBEROS)
    username = models.CharField(max_length=255)
    password = SecretTextField()
    verify = models.CharField(max_length=16, choices=Verify, default=Verify.CA_FILE)
    ca_file = models.CharField(max_length=1024, blank=True, help_text="PEM file on the machine of the workers.")
    fingerprint = models.CharField(max_length=95, blank=True, help_text="SHA-256 of the server's certificate, hex.")

    class Meta:
        ordering = ["farm", "position"]
        constraints = [
            models.UniqueConstraint(fields=["farm", "position"], name="one_connection_per_position"),
            models.CheckConstraint(
                condition=Q(verify="ca-file", fingerprint="") & ~Q(ca_file="")
                | Q(verify="pinned") & ~Q(fingerprint="")
                | Q(verify="validate-off"),
                name="connection_says_how_tls_is_verified",
            ),
            models.CheckConstraint(
                condition=~Q(transport="basic", verify="validate-off"),
                name="basic_needs_a_verified_certificate",
                violation_error_message="Basic sends the password as it is: the server's certificate must be verified.",
            ),
            models.CheckConstraint(
                condition=Q(transport__in=["kerberos", "ntlm", "basic"]), name="connection_transport_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.host}:{self.port}"


class Site(Mirrored):
    farm = models.ForeignKey(Farm, on_delete=models.CASCADE, related_name="sites")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["farm", "guid"], name="site_is_mirrored_once")]


class Store(Mirrored):
    farm = models.ForeignKey(Farm, on_delete=models.CASCADE, related_name="stores")
    path = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["farm", "guid"], name="store_is_mirrored_once")]


class Server(Mirrored):
    farm = models.ForeignKey(Farm, on_delete=models.CASCADE, related_name="servers")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="servers")
    status = models.PositiveSmallIntegerField(choices=ServerStatus, default=ServerStatus.UNKNOWN)
    device_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["farm", "guid"], name="server_is_mirrored_once")]


class Collection(Mirrored):
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="collections")
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["site", "guid"], name="collection_is_mirrored_once")]


class SyncRun(models.Model):
    """One look at the farm: how long, how many remote calls, what came of it."""

    farm = models.ForeignKey(Farm, on_delete=models.CASCADE, related_name="sync_runs")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    calls = models.PositiveIntegerField(default=0)
    round_trips = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["farm", "-started_at"])]
        constraints = [
            models.CheckConstraint(condition=Q(ended_at__gte=F("started_at")), name="sync_run_ends_after_start")
        ]

    def __str__(self) -> str:
        return f"{self.farm_id} at {self.started_at:%Y-%m-%d %H:%M:%S}"
