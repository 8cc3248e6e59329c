"""What was read out of the images. Contents are not edited, and a version shows only those of its own files."""

import django.db.models.deletion
import django.utils.timezone
import lifecycle.secrets
from django.conf import settings
from django.db import migrations, models


FORWARD = """
CREATE TRIGGER content_is_never_edited BEFORE UPDATE ON lifecycle_imagecontent
    FOR EACH ROW EXECUTE FUNCTION lifecycle_refuse_change();
CREATE TRIGGER file_comparison_is_never_edited BEFORE UPDATE ON lifecycle_filecomparison
    FOR EACH ROW EXECUTE FUNCTION lifecycle_refuse_change();

-- a version never shows the contents of another state of its files
CREATE FUNCTION lifecycle_content_is_of_its_image() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.content_id IS NOT NULL AND NEW.fingerprint IS DISTINCT FROM
       (SELECT fingerprint FROM lifecycle_imagecontent WHERE id = NEW.content_id) THEN
        RAISE EXCEPTION 'content of another fingerprint than its image' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER content_is_of_its_image BEFORE INSERT OR UPDATE ON lifecycle_versionimage
    FOR EACH ROW EXECUTE FUNCTION lifecycle_content_is_of_its_image();
"""
BACKWARD = """
DROP TRIGGER content_is_of_its_image ON lifecycle_versionimage;
DROP FUNCTION lifecycle_content_is_of_its_image();
DROP TRIGGER file_comparison_is_never_edited ON lifecycle_filecomparison;
DROP TRIGGER content_is_never_edited ON lifecycle_imagecontent;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0009_needs_of_old_jobs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ContentItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "category",
                    models.CharField(help_text="A category of lifecycle/contents.py.", max_length=20),
                ),
                ("key", models.CharField(max_length=300)),
                ("name", models.CharField(max_length=300)),
                ("version", models.CharField(blank=True, max_length=120)),
                ("sort_key", models.CharField(blank=True, db_collation="C", max_length=200)),
                ("publisher", models.CharField(blank=True, max_length=300)),
                ("kind", models.CharField(blank=True, max_length=20)),
                ("scope", models.CharField(blank=True, max_length=20)),
                ("view", models.CharField(blank=True, max_length=20)),
                ("source", models.TextField(blank=True)),
            ],
            options={
                "ordering": ["content", "category", "key", "id"],
            },
        ),
        migrations.CreateModel(
            name="FileComparison",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("before", models.CharField(max_length=64)),
                ("after", models.CharField(max_length=64)),
                ("reader_version", models.CharField(max_length=20)),
                ("result", models.JSONField(default=dict)),
                ("partial", models.BooleanField(default=False)),
                ("seconds", models.FloatField(default=0.0)),
                ("taken_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["-taken_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="ImageContent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("fingerprint", models.CharField(max_length=64)),
                ("reader_version", models.CharField(max_length=20)),
                ("report", models.JSONField(default=dict)),
                ("partial", models.BooleanField(default=False)),
                ("seconds", models.FloatField(default=0.0)),
                ("bytes_read", models.PositiveBigIntegerField(default=0)),
                ("taken_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["-taken_at", "-id"],
                "permissions": [
                    ("view_content", "Can see what is in an image"),
                    ("inspect_image", "Can have an image read or hashed"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ImageReading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.PositiveBigIntegerField(default=0)),
                ("owner", models.CharField(blank=True, max_length=120)),
                ("starts", models.PositiveSmallIntegerField(default=0)),
                ("beat_at", models.DateTimeField(blank=True, help_text="By the database's clock.", null=True)),
                ("progress", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("words", models.TextField(blank=True)),
                ("stop_asked", models.BooleanField(default=False)),
                ("result", models.JSONField(default=dict)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="StoreAccess",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("local", "folder of the workers' machine"), ("smb", "Windows share")], max_length=8
                    ),
                ),
                ("path", models.CharField(blank=True, max_length=1024)),
                ("host", models.CharField(blank=True, help_text="Of the share.", max_length=255)),
                ("port", models.PositiveIntegerField(default=445)),
                ("share", models.CharField(blank=True, max_length=255)),
                ("username", models.CharField(blank=True, max_length=255)),
                ("password", lifecycle.secrets.SecretTextField(blank=True, default="")),
                ("encrypt", models.BooleanField(default=True, help_text="Encrypted on the way; signed in any case.")),
                (
                    "turned_away_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="The account was refused; not tried again until the access is set anew.",
                        null=True,
                    ),
                ),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["store", models.OrderBy(models.F("server"), nulls_last=True)],
            },
        ),
        migrations.CreateModel(
            name="VersionImage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("fingerprint", models.CharField(blank=True, max_length=64)),
                ("links", models.JSONField(default=list)),
                ("mirrored", models.CharField(blank=True, max_length=64)),
                ("looked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "read_from",
                    models.CharField(blank=True, help_text="The server whose files were read, by name.", max_length=64),
                ),
                (
                    "problem",
                    models.TextField(blank=True, help_text="Why the last look or reading came to nothing, in words."),
                ),
                (
                    "tries",
                    models.PositiveSmallIntegerField(default=0, help_text="Looks in a row that came to nothing."),
                ),
                ("retry_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reader_version",
                    models.CharField(blank=True, help_text="Of the last look, whatever came of it.", max_length=20),
                ),
                ("hashes", models.JSONField(default=list)),
                ("hashed_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("state__in", ["running", "undoing", "waiting"]), ("kind__in", ["inspect-image", "hash-image"])
                ),
                fields=("kind", "vdisk", "version_number"),
                name="one_reading_of_a_version_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="filecomparison",
            constraint=models.UniqueConstraint(
                fields=("before", "after", "reader_version"), name="file_comparison_is_stored_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="filecomparison",
            constraint=models.CheckConstraint(
                condition=models.Q(("after__regex", "^[0-9a-f]{64}$"), ("before__regex", "^[0-9a-f]{64}$")),
                name="file_comparison_has_fingerprints",
            ),
        ),
        migrations.AddConstraint(
            model_name="imagecontent",
            constraint=models.UniqueConstraint(fields=("fingerprint", "reader_version"), name="content_is_stored_once"),
        ),
        migrations.AddConstraint(
            model_name="imagecontent",
            constraint=models.CheckConstraint(
                condition=models.Q(("fingerprint__regex", "^[0-9a-f]{64}$")), name="content_has_a_fingerprint"
            ),
        ),
        migrations.AddConstraint(
            model_name="imagecontent",
            constraint=models.CheckConstraint(
                condition=models.Q(("reader_version", ""), _negated=True), name="content_names_its_reader"
            ),
        ),
        migrations.AddField(
            model_name="contentitem",
            name="content",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="items", to="lifecycle.imagecontent"
            ),
        ),
        migrations.AddField(
            model_name="imagereading",
            name="job",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="reading", to="lifecycle.job"
            ),
        ),
        migrations.AddField(
            model_name="storeaccess",
            name="server",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: any server.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="accesses",
                to="lifecycle.server",
            ),
        ),
        migrations.AddField(
            model_name="storeaccess",
            name="store",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="accesses", to="lifecycle.store"
            ),
        ),
        migrations.AddField(
            model_name="versionimage",
            name="content",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="version_images",
                to="lifecycle.imagecontent",
            ),
        ),
        migrations.AddField(
            model_name="versionimage",
            name="version",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="image", to="lifecycle.version"
            ),
        ),
        migrations.AddIndex(
            model_name="contentitem",
            index=models.Index(fields=["category", "key", "sort_key"], name="content_item_by_name"),
        ),
        migrations.AddIndex(
            model_name="contentitem",
            index=models.Index(fields=["key"], name="content_item_begins", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddConstraint(
            model_name="contentitem",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("category", ""), _negated=True), models.Q(("key", ""), _negated=True)),
                name="content_item_says_what_it_is",
            ),
        ),
        migrations.AddConstraint(
            model_name="imagereading",
            constraint=models.CheckConstraint(
                condition=models.Q(("progress", None), ("progress__lte", 100), _connector="OR"),
                name="reading_is_a_percentage",
            ),
        ),
        migrations.AddConstraint(
            model_name="storeaccess",
            constraint=models.UniqueConstraint(
                fields=("store", "server"), name="one_access_per_store_and_server", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="storeaccess",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("host", ""), ("kind", "local"), ("path__startswith", "/"), ("share", ""), ("username", "")
                    ),
                    models.Q(
                        ("kind", "smb"),
                        models.Q(("share", ""), _negated=True),
                        models.Q(("host", ""), _negated=True),
                        models.Q(("username", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="store_access_is_a_folder_or_a_share",
                violation_error_message="Name an absolute folder, or a host, a share and an account.",
            ),
        ),
        migrations.AddConstraint(
            model_name="storeaccess",
            constraint=models.CheckConstraint(
                condition=models.Q(("port__gte", 1), ("port__lte", 65535)), name="store_access_port_is_a_port"
            ),
        ),
        migrations.AddConstraint(
            model_name="versionimage",
            constraint=models.CheckConstraint(
                condition=models.Q(("fingerprint", ""), ("fingerprint__regex", "^[0-9a-f]{64}$"), _connector="OR"),
                name="image_fingerprint_is_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="versionimage",
            constraint=models.CheckConstraint(
                condition=models.Q(("content", None), models.Q(("fingerprint", ""), _negated=True), _connector="OR"),
                name="image_with_content_has_a_fingerprint",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
