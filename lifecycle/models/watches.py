"""Searches that somebody keeps, and what they found when new contents came in."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.utils import timezone

from lifecycle.contents import Category
from lifecycle.models.images import ImageContent
from lifecycle.models.vdisks import VDisk, Version


class Comparison(models.TextChoices):
    """How the version found must stand to the version asked for."""

    ANY = "any", "any version"
    BELOW = "below", "below"
    AT = "at", "at"
    FROM = "from", "at or above"
    ABOVE = "above", "above"


class Watch(models.Model):
    """A kept search, its owner's own. ``words`` are all to be in the name of what is found."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="watches")
    words = models.CharField(max_length=120)
    category = models.CharField(max_length=20, blank=True, help_text="Empty: any.")
    comparison = models.CharField(max_length=8, choices=Comparison, default=Comparison.ANY)
    version = models.CharField(max_length=60, blank=True)
    vdisk = models.ForeignKey(VDisk, null=True, blank=True, on_delete=models.CASCADE, related_name="watches")
    by_mail = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["words", "version", "id"]
        permissions = [("manage_watch", "Can keep searches across images and be told what they find")]
        constraints = [
            models.CheckConstraint(condition=~Q(words=""), name="a_watch_looks_for_something"),
            models.CheckConstraint(
                condition=Q(comparison="any", version="") | ~Q(comparison="any") & ~Q(version=""),
                name="a_watch_compares_with_a_version_or_not_at_all",
            ),
            models.CheckConstraint(
                condition=Q(comparison__in=Comparison.values), name="a_watch_compares_in_a_known_way"
            ),
            models.CheckConstraint(
                condition=Q(category__in=["", *(str(each) for each in Category)]), name="a_watch_has_a_known_category"
            ),
            models.UniqueConstraint(
                fields=["owner", "words", "category", "comparison", "version", "vdisk"],
                nulls_distinct=False,
                name="a_search_is_kept_once",
            ),
        ]

    def __str__(self) -> str:
        where = f" in {self.vdisk.name}" if self.vdisk else ""
        return f"{self.words}{self.bound}{where}"

    @property
    def bound(self) -> str:
        """`` below 12.4``; nothing for any version."""
        return "" if self.comparison == Comparison.ANY else f" {self.get_comparison_display()} {self.version}"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def of(self, user: User) -> Self:
        return self.filter(watch__owner=user)

    def unseen(self) -> Self:
        return self.filter(seen_at=None)


class Notice(models.Model):
    """What a watch found in the contents of one version, told once. ``found``: names with versions."""

    watch = models.ForeignKey(Watch, on_delete=models.CASCADE, related_name="notices")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="notices")
    content = models.ForeignKey(ImageContent, on_delete=models.CASCADE, related_name="notices")
    found: models.JSONField[list[str]] = models.JSONField(default=list)
    count = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    mail_tries = models.PositiveSmallIntegerField(default=0)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-made_at", "-id"]
        indexes = [
            models.Index(fields=["watch"], condition=Q(seen_at=None), name="notice_unseen"),
            models.Index(fields=["id"], condition=Q(mailed_at=None), name="notice_unmailed"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["watch", "version", "content"], name="a_watch_tells_once_of_a_version_and_its_contents"
            ),
        ]

    def __str__(self) -> str:
        return f"notice {self.pk} of watch {self.watch_id}"
