"""Searches across images that people keep, and what they found."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0012_packages"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Watch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("words", models.CharField(max_length=120)),
                ("category", models.CharField(blank=True, help_text="Empty: any.", max_length=20)),
                (
                    "comparison",
                    models.CharField(
                        choices=[
                            ("any", "any version"),
                            ("below", "below"),
                            ("at", "at"),
                            ("from", "at or above"),
                            ("above", "above"),
                        ],
                        default="any",
                        max_length=8,
                    ),
                ),
                ("version", models.CharField(blank=True, max_length=60)),
                ("by_mail", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="watches", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "vdisk",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="watches",
                        to="lifecycle.vdisk",
                    ),
                ),
            ],
            options={
                "ordering": ["words", "version", "id"],
                "permissions": [("manage_watch", "Can keep searches across images and be told what they find")],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("found", models.JSONField(default=list)),
                ("count", models.PositiveIntegerField(default=0)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("seen_at", models.DateTimeField(blank=True, null=True)),
                ("mailed_at", models.DateTimeField(blank=True, null=True)),
                ("mail_tries", models.PositiveSmallIntegerField(default=0)),
                (
                    "content",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="lifecycle.imagecontent"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="lifecycle.version"
                    ),
                ),
                (
                    "watch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="lifecycle.watch"
                    ),
                ),
            ],
            options={
                "ordering": ["-made_at", "-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=models.CheckConstraint(
                condition=models.Q(("words", ""), _negated=True), name="a_watch_looks_for_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("comparison", "any"), ("version", "")),
                    models.Q(models.Q(("comparison", "any"), _negated=True), models.Q(("version", ""), _negated=True)),
                    _connector="OR",
                ),
                name="a_watch_compares_with_a_version_or_not_at_all",
            ),
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=models.CheckConstraint(
                condition=models.Q(("comparison__in", ["any", "below", "at", "from", "above"])),
                name="a_watch_compares_in_a_known_way",
            ),
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "category__in",
                        [
                            "",
                            "signs",
                            "system",
                            "platform",
                            "programs",
                            "updates",
                            "patches",
                            "services",
                            "drivers",
                            "features",
                            "tasks",
                            "appx",
                            "office",
                            "hidden-programs",
                            "hidden",
                        ],
                    )
                ),
                name="a_watch_has_a_known_category",
            ),
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=models.UniqueConstraint(
                fields=("owner", "words", "category", "comparison", "version", "vdisk"),
                name="a_search_is_kept_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(condition=models.Q(("seen_at", None)), fields=["watch"], name="notice_unseen"),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(condition=models.Q(("mailed_at", None)), fields=["id"], name="notice_unmailed"),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                fields=("watch", "version", "content"), name="a_watch_tells_once_of_a_version_and_its_contents"
            ),
        ),
    ]
