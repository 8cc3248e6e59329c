"""What the portal read out of the images: how it reaches their files, what each version holds, and who reads now."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from lifecycle.models.farm import Server, Store
from lifecycle.models.jobs import Job
from lifecycle.models.vdisks import Version
from lifecycle.secrets import SecretTextField


class StoreAccess(models.Model):
    """How the workers reach the files of a store, on one server or, where ``server`` is empty, on any.

    ``path`` is the folder of the disk files: absolute on the workers' machine, or below the share.
    """

    class Kind(models.TextChoices):
        LOCAL = "local", "folder of the workers' machine"
        SMB = "smb", "Windows share"

    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="accesses")
    server = models.ForeignKey(
        Server, null=True, blank=True, on_delete=models.CASCADE, related_name="accesses", help_text="Empty: any server."
    )
    kind = models.CharField(max_length=8, choices=Kind)
    path = models.CharField(max_length=1024, blank=True)
    host = models.CharField(max_length=255, blank=True, help_text="Of the share.")
    port = models.PositiveIntegerField(default=445)
    share = models.CharField(max_length=255, blank=True)
    username = models.CharField(max_length=255, blank=True)
    password = SecretTextField(blank=True, default="")
    encrypt = models.BooleanField(default=True, help_text="Encrypted on the way; signed in any case.")
    turned_away_at = models.DateTimeField(
        null=True, blank=True, help_text="The account was refused; not tried again until the access is set anew."
    )
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["store", F("server").asc(nulls_last=True)]
        constraints = [
            models.UniqueConstraint(
                fields=["store", "server"], name="one_access_per_store_and_server", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(kind="local", path__startswith="/", share="", host="", username="")
                | Q(kind="smb") & ~Q(share="") & ~Q(host="") & ~Q(username=""),
                name="store_access_is_a_folder_or_a_share",
                violation_error_message="Name an absolute folder, or a host, a share and an account.",
            ),
            models.CheckConstraint(condition=Q(port__gte=1, port__lte=65535), name="store_access_port_is_a_port"),
        ]

    def __str__(self) -> str:
        return f"{self.store.name} on {self.server.name if self.server else 'any server'}: {self.place}"

    @property
    def place(self) -> str:
        if self.kind == self.Kind.LOCAL:
            return self.path
        folder = self.path.replace("/", "\\").strip("\\")
        return f"\\\\{self.host}\\{self.share}" + (f"\\{folder}" if folder else "")


class ImageContent(models.Model):
    """What one reader found in one state of an image; never edited. ``report`` is the JSON of docs/image-contents.md.

    A partial one gives way when the same reader comes further; a whole one stays.
    """

    fingerprint = models.CharField(max_length=64)
    reader_version = models.CharField(max_length=20)
    report: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    partial = models.BooleanField(default=False)
    seconds = models.FloatField(default=0.0)
    bytes_read = models.PositiveBigIntegerField(default=0)
    taken_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-taken_at", "-id"]
        permissions = [
            ("view_content", "Can see what is in an image"),
            ("inspect_image", "Can have an image read or hashed"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["fingerprint", "reader_version"], name="content_is_stored_once"),
            models.CheckConstraint(condition=Q(fingerprint__regex="^[0-9a-f]{64}$"), name="content_has_a_fingerprint"),
            models.CheckConstraint(condition=~Q(reader_version=""), name="content_names_its_reader"),
        ]

    def __str__(self) -> str:
        return f"content {self.fingerprint[:12]} by reader {self.reader_version}"


class VersionImage(models.Model):
    """The files of a version as the portal last saw them from inside, and what was read out of them.

    ``links``: facts of each file, base first, each with ``number`` and ``file`` as PVS names them. ``mirrored`` is the
    fingerprint of what PVS told of the chain at that time: while it is the same, nobody needs to look again.
    """

    version = models.OneToOneField(Version, on_delete=models.CASCADE, related_name="image")
    fingerprint = models.CharField(max_length=64, blank=True)
    links: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    mirrored = models.CharField(max_length=64, blank=True)
    content = models.ForeignKey(
        ImageContent, null=True, blank=True, on_delete=models.PROTECT, related_name="version_images"
    )
    looked_at = models.DateTimeField(null=True, blank=True)
    read_from = models.CharField(max_length=64, blank=True, help_text="The server whose files were read, by name.")
    problem = models.TextField(blank=True, help_text="Why the last look or reading came to nothing, in words.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="Looks in a row that came to nothing.")
    retry_at = models.DateTimeField(null=True, blank=True)
    reader_version = models.CharField(max_length=20, blank=True, help_text="Of the last look, whatever came of it.")
    hashes: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    """BLAKE3 of whole files, base first: ``file``, ``size``, ``blake3``, and ``identity`` as it was at that time."""
    hashed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(fingerprint="") | Q(fingerprint__regex="^[0-9a-f]{64}$"), name="image_fingerprint_is_one"
            ),
            models.CheckConstraint(
                condition=Q(content=None) | ~Q(fingerprint=""), name="image_with_content_has_a_fingerprint"
            ),
        ]

    def __str__(self) -> str:
        return f"image of version {self.version_id}"


class ContentItem(models.Model):
    """One line of a report, to search by. ``key`` is the name as it is compared, ``sort_key`` the version so."""

    content = models.ForeignKey(ImageContent, on_delete=models.CASCADE, related_name="items")
    category = models.CharField(max_length=20, help_text="A category of lifecycle/contents.py.")
    key = models.CharField(max_length=300)
    name = models.CharField(max_length=300)
    version = models.CharField(max_length=120, blank=True)
    sort_key = models.CharField(max_length=200, blank=True, db_collation="C")
    publisher = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=20, blank=True)
    scope = models.CharField(max_length=20, blank=True)
    view = models.CharField(max_length=20, blank=True)
    source = models.TextField(blank=True)

    class Meta:
        ordering = ["content", "category", "key", "id"]
        indexes = [
            models.Index(fields=["category", "key", "sort_key"], name="content_item_by_name"),
            models.Index(fields=["key"], name="content_item_begins", opclasses=["varchar_pattern_ops"]),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(category="") & ~Q(key=""), name="content_item_says_what_it_is"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


class FileComparison(models.Model):
    """The files that differ between two states of images, asked for by a person; never edited."""

    before = models.CharField(max_length=64)
    after = models.CharField(max_length=64)
    reader_version = models.CharField(max_length=20)
    result: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    partial = models.BooleanField(default=False)
    seconds = models.FloatField(default=0.0)
    taken_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-taken_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["before", "after", "reader_version"], name="file_comparison_is_stored_once"
            ),
            models.CheckConstraint(
                condition=Q(before__regex="^[0-9a-f]{64}$", after__regex="^[0-9a-f]{64}$"),
                name="file_comparison_has_fingerprints",
            ),
        ]

    def __str__(self) -> str:
        return f"files of {self.before[:12]} and {self.after[:12]}"


class ImageReading(models.Model):
    """A reading that is under way in some worker, for one job. Who has it renews ``beat_at``; ``token`` fences out
    one that was thought dead. ``result`` is what the job's step takes over at the end."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="reading")
    token = models.PositiveBigIntegerField(default=0)
    owner = models.CharField(max_length=120, blank=True)
    starts = models.PositiveSmallIntegerField(default=0)
    beat_at = models.DateTimeField(null=True, blank=True, help_text="By the database's clock.")
    progress = models.PositiveSmallIntegerField(null=True, blank=True)
    words = models.TextField(blank=True)
    stop_asked = models.BooleanField(default=False)
    result: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(progress=None) | Q(progress__lte=100), name="reading_is_a_percentage"),
        ]

    def __str__(self) -> str:
        return f"reading of job {self.job_id}"
