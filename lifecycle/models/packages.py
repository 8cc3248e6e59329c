"""The package catalogue: what can be installed without a person, as revisions that never change."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Lower
from django.utils import timezone

from lifecycle.errors import NotNow, StaleState
from lifecycle.models.audit import AuditEntry
from lifecycle.package_kinds import (
    PACKAGE_TRANSITIONS,
    Architecture,
    DetectionKind,
    FileState,
    InstallerKind,
    LinkKind,
    PackageEvent,
    PackageState,
    Phase,
)

_SHA256 = r"^[0-9a-f]{64}$"
_PLAIN_NAME = r"^[^/\\:*?\"<>|\x01-\x1f]+$"


class PackageQuerySet(models.QuerySet["Package"]):
    def in_use(self) -> Self:
        """Drafts and ready ones, with a revision."""
        return self.exclude(state=PackageState.RETIRED).filter(current__isnull=False)

    def for_list(self) -> Self:
        return self.select_related("current").order_by("current__name", "key")

    def search(self, text: str) -> Self:
        """Those that have all words of ``text`` in key, name, vendor, version or owner."""
        found = self
        for word in text.split():
            found = found.filter(
                Q(key__icontains=word)
                | Q(owner__icontains=word)
                | Q(current__name__icontains=word)
                | Q(current__vendor__icontains=word)
                | Q(current__version__icontains=word)
            )
        return found


class Package(models.Model):
    """A program that can be installed. ``current`` is its newest revision; ``owner`` answers for it."""

    key = models.SlugField(max_length=80, unique=True, help_text="Its name in files; never changes.")
    owner = models.CharField(max_length=150, blank=True, help_text="The person or team that answers for it.")
    state = models.CharField(max_length=8, choices=PackageState, default=PackageState.DRAFT)
    state_words = models.TextField(blank=True, help_text="Why it was retired, or fell back to draft.")
    current = models.OneToOneField(
        "lifecycle.PackageRevision", null=True, blank=True, on_delete=models.PROTECT, related_name="current_of"
    )
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="packages")

    objects = PackageQuerySet.as_manager()

    class Meta:
        ordering = ["key"]
        permissions = [("manage_package", "Can make, revise and retire packages and upload installers")]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=PackageState.values), name="package_state_is_known"),
            models.CheckConstraint(condition=~Q(key=""), name="package_has_a_key"),
            models.CheckConstraint(
                condition=~Q(state=PackageState.READY) | Q(current__isnull=False) & ~Q(owner=""),
                name="a_ready_package_has_a_revision_and_an_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    def move(self, event: PackageEvent, *, by: User, words: str = "") -> None:
        """The one gate to ``state``. NotNow when the table has no such way; StaleState when someone was first."""
        before = PackageState(self.state)
        after = PACKAGE_TRANSITIONS.get((before, event))
        if after is None:
            raise NotNow(f"The package is {before.label}, so this is not possible.")
        with transaction.atomic():
            moved = Package.objects.filter(pk=self.pk, state=before).update(state=after, state_words=words)
            if moved:
                detail = {"from": str(before), "to": str(after), "words": words}
                AuditEntry.objects.record(by=by, action=f"package.{event}", on=self, detail=detail)
        if not moved:
            self.refresh_from_db(fields=["state", "state_words"])
            raise StaleState(f"Someone else was first: the package is {self.get_state_display()}.")
        self.state, self.state_words = after, words


class RevisionQuerySet(models.QuerySet["PackageRevision"]):
    def with_test(self) -> Self:
        """With ``tested_at`` and ``test_passed`` of the newest test; None for one that was never tested."""
        newest = PackageTest.objects.filter(revision=OuterRef("pk")).order_by("-at", "-id")
        return self.annotate(
            tested_at=Subquery(newest.values("at")[:1]), test_passed=Subquery(newest.values("passed")[:1])
        )


class PackageRevision(models.Model):
    """All that is needed to install one version of a program. Never changed, never deleted.

    ``detection`` holds the texts of the rule, as lifecycle/packages/detection.py reads them. ``parts`` counts the files
    and links that belong to it, so that none can be added later.
    """

    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    vendor = models.CharField(max_length=200, blank=True)
    version = models.CharField(max_length=80, blank=True)
    architecture = models.CharField(max_length=8, choices=Architecture, default=Architecture.X64)
    phase = models.CharField(max_length=8, choices=Phase, default=Phase.APP)
    installer = models.CharField(max_length=16, choices=InstallerKind, default=InstallerKind.OTHER)
    install_command = models.TextField(blank=True)
    uninstall_command = models.TextField(blank=True)
    detection_kind = models.CharField(max_length=16, choices=DetectionKind, blank=True)
    detection: models.JSONField[dict[str, str]] = models.JSONField(default=dict)
    success_codes: ArrayField[list[int], list[int]] = ArrayField(models.BigIntegerField(), default=list)
    reboot_codes: ArrayField[list[int], list[int]] = ArrayField(models.BigIntegerField(), default=list)
    minutes = models.PositiveIntegerField(default=30, help_text="How long the installation may take.")
    licence_note = models.TextField(blank=True)
    notes = models.TextField(blank=True)
    reason = models.TextField(blank=True, help_text="Why there is this revision.")
    parts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    objects = RevisionQuerySet.as_manager()

    class Meta:
        ordering = ["package", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["package", "number"], name="one_revision_per_number"),
            models.UniqueConstraint(fields=["id", "package"], name="a_revision_is_of_one_package"),
            models.CheckConstraint(condition=Q(number__gte=1), name="revision_numbers_begin_at_one"),
            models.CheckConstraint(condition=~Q(name=""), name="revision_has_a_name"),
            models.CheckConstraint(condition=Q(phase__in=Phase.values), name="revision_phase_is_known"),
            models.CheckConstraint(
                condition=Q(architecture__in=Architecture.values), name="revision_architecture_is_known"
            ),
            models.CheckConstraint(condition=Q(installer__in=InstallerKind.values), name="revision_installer_is_known"),
            models.CheckConstraint(
                condition=Q(detection_kind__in=DetectionKind.values) | Q(detection_kind="", detection={}),
                name="revision_detection_is_known",
            ),
            models.CheckConstraint(condition=Q(minutes__gte=1), name="revision_has_a_time_limit"),
            models.CheckConstraint(condition=Q(success_codes__len__gte=1), name="revision_has_a_success_code"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


class SourceFile(models.Model):
    """One file that an installation needs, by name and content. The first one is the installer itself."""

    revision = models.ForeignKey(PackageRevision, on_delete=models.PROTECT, related_name="files")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=150)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["revision", "position"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "position"], name="one_file_per_position"),
            models.UniqueConstraint("revision", Lower("name"), name="one_file_of_a_name_per_revision"),
            models.CheckConstraint(condition=Q(sha256__regex=_SHA256), name="file_has_a_sha256"),
            models.CheckConstraint(
                condition=Q(name__regex=_PLAIN_NAME) & ~Q(name__in=[".", ".."]), name="file_has_a_plain_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PackageLink(models.Model):
    """A revision needs, or cannot stand beside, another package. The row repeats the package of its revision, which a
    foreign key over both holds true, so that the database can refuse a package that looks at itself."""

    revision = models.ForeignKey(PackageRevision, on_delete=models.PROTECT, related_name="links")
    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="+")
    other = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="links_to")
    kind = models.CharField(max_length=10, choices=LinkKind)

    class Meta:
        ordering = ["revision", "kind", "other"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "other"], name="one_link_per_revision_and_package"),
            models.CheckConstraint(condition=~Q(package=F("other")), name="no_package_links_to_itself"),
            models.CheckConstraint(condition=Q(kind__in=LinkKind.values), name="link_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.package_id} {self.kind} {self.other_id}"


class PackageTest(models.Model):
    """That a revision was seen to install, by a job or by a person who says how. Never changed, never deleted."""

    revision = models.ForeignKey(PackageRevision, on_delete=models.PROTECT, related_name="tests")
    at = models.DateTimeField(default=timezone.now)
    passed = models.BooleanField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey("lifecycle.Job", null=True, on_delete=models.PROTECT, related_name="package_tests")
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(job__isnull=False) | Q(by__isnull=False) & ~Q(note=""),
                name="a_test_without_a_job_says_who_and_how",
            )
        ]

    def __str__(self) -> str:
        return f"{'passed' if self.passed else 'failed'} {self.at:%Y-%m-%d %H:%M}"


class Installer(models.Model):
    """A file in the package folder, under its digest. ``facts`` is what the file says of itself."""

    sha256 = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=150)
    size = models.PositiveBigIntegerField()
    facts: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=FileState, default=FileState.IN_PLACE)
    checked_at = models.DateTimeField(default=timezone.now)
    uploaded_at = models.DateTimeField(default=timezone.now)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-uploaded_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=_SHA256), name="installer_has_a_sha256"),
            models.CheckConstraint(condition=Q(state__in=FileState.values), name="installer_state_is_known"),
        ]

    def __str__(self) -> str:
        return self.name


class Upload(models.Model):
    """An installer on its way. What has come so far is the size of its partial file."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=150)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True, help_text="What it must be; empty: not known before.")
    mark = models.CharField(max_length=80, blank=True, help_text="Tells the file from another of its name and size.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(sha256="") | Q(sha256__regex=_SHA256), name="upload_expects_a_sha256")
        ]

    def __str__(self) -> str:
        return self.name
