"""Decisions of people: which package installs a program that images hold, or why none is needed."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0013_watches"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ProgramRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=300, unique=True)),
                (
                    "name",
                    models.CharField(help_text="As an image showed it when the decision was made.", max_length=300),
                ),
                ("publisher", models.CharField(blank=True, max_length=300)),
                (
                    "needs_none",
                    models.CharField(
                        blank=True, help_text="Why a rebuild does without a package for it.", max_length=250
                    ),
                ),
                ("decided_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "decided_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "package",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="program_rules",
                        to="lifecycle.package",
                    ),
                ),
            ],
            options={
                "ordering": ["name", "key"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("key", ""), _negated=True), name="program_rule_names_a_program"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("package", None), models.Q(("needs_none", ""), _negated=True)),
                            models.Q(("needs_none", ""), ("package__isnull", False)),
                            _connector="OR",
                        ),
                        name="program_rule_is_a_package_or_a_reason",
                        violation_error_message="Choose a package, or say why none is needed.",
                    ),
                ],
            },
        ),
    ]
