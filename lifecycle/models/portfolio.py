"""What a person decided about a program that images hold: which package installs it, or why it needs none."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from lifecycle.models.packages import Package


class ProgramRule(models.Model):
    """Holds for every version of the program, in every image. ``key`` is ``lifecycle.contents.program_key``."""

    key = models.CharField(max_length=300, unique=True)
    name = models.CharField(max_length=300, help_text="As an image showed it when the decision was made.")
    publisher = models.CharField(max_length=300, blank=True)
    package = models.ForeignKey(Package, null=True, blank=True, on_delete=models.PROTECT, related_name="program_rules")
    needs_none = models.CharField(max_length=250, blank=True, help_text="Why a rebuild does without a package for it.")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "key"]
        constraints = [
            models.CheckConstraint(condition=~Q(key=""), name="program_rule_names_a_program"),
            models.CheckConstraint(
                condition=Q(package=None) & ~Q(needs_none="") | Q(package__isnull=False, needs_none=""),
                name="program_rule_is_a_package_or_a_reason",
                violation_error_message="Choose a package, or say why none is needed.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
