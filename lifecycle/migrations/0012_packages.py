"""The package catalogue; the database sees to it that a revision never changes."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

FORWARD = """
CREATE TRIGGER package_revision_never_changes BEFORE UPDATE OR DELETE ON lifecycle_packagerevision
    FOR EACH ROW EXECUTE FUNCTION lifecycle_refuse_change();
CREATE TRIGGER source_file_never_changes BEFORE UPDATE OR DELETE ON lifecycle_sourcefile
    FOR EACH ROW EXECUTE FUNCTION lifecycle_refuse_change();
CREATE TRIGGER package_link_never_changes BEFORE UPDATE OR DELETE ON lifecycle_packagelink
    FOR EACH ROW EXECUTE FUNCTION lifecycle_refuse_change();
CREATE TRIGGER package_test_never_changes BEFORE UPDATE OR DELETE ON lifecycle_packagetest
    FOR EACH ROW EXECUTE FUNCTION lifecycle_refuse_change();

-- a revision says how many parts it has, so that none comes later
CREATE FUNCTION lifecycle_revision_is_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM lifecycle_sourcefile WHERE revision_id = NEW.revision_id)
     + (SELECT count(*) FROM lifecycle_packagelink WHERE revision_id = NEW.revision_id)
     > (SELECT parts FROM lifecycle_packagerevision WHERE id = NEW.revision_id) THEN
        RAISE EXCEPTION 'the revision is whole; it gets no further part' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER source_file_is_of_its_revision AFTER INSERT ON lifecycle_sourcefile
    FOR EACH ROW EXECUTE FUNCTION lifecycle_revision_is_whole();
CREATE TRIGGER package_link_is_of_its_revision AFTER INSERT ON lifecycle_packagelink
    FOR EACH ROW EXECUTE FUNCTION lifecycle_revision_is_whole();

-- whose revision it is stands in two rows each; they must agree
ALTER TABLE lifecycle_packagelink ADD CONSTRAINT link_names_the_package_of_its_revision
    FOREIGN KEY (revision_id, package_id) REFERENCES lifecycle_packagerevision (id, package_id)
    DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE lifecycle_package ADD CONSTRAINT current_revision_is_of_the_package
    FOREIGN KEY (current_id, id) REFERENCES lifecycle_packagerevision (id, package_id)
    DEFERRABLE INITIALLY DEFERRED;

-- files and other packages name it by its key
CREATE FUNCTION lifecycle_package_key_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the key of a package is fixed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER package_key_is_fixed BEFORE UPDATE OF key ON lifecycle_package
    FOR EACH ROW WHEN (NEW.key IS DISTINCT FROM OLD.key) EXECUTE FUNCTION lifecycle_package_key_is_fixed();
"""

BACKWARD = """
DROP TRIGGER package_key_is_fixed ON lifecycle_package;
DROP FUNCTION lifecycle_package_key_is_fixed();
ALTER TABLE lifecycle_package DROP CONSTRAINT current_revision_is_of_the_package;
ALTER TABLE lifecycle_packagelink DROP CONSTRAINT link_names_the_package_of_its_revision;
DROP TRIGGER package_link_is_of_its_revision ON lifecycle_packagelink;
DROP TRIGGER source_file_is_of_its_revision ON lifecycle_sourcefile;
DROP FUNCTION lifecycle_revision_is_whole();
DROP TRIGGER package_test_never_changes ON lifecycle_packagetest;
DROP TRIGGER package_link_never_changes ON lifecycle_packagelink;
DROP TRIGGER source_file_never_changes ON lifecycle_sourcefile;
DROP TRIGGER package_revision_never_changes ON lifecycle_packagerevision;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0010_image_contents"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Package",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(help_text="Its name in files; never changes.", max_length=80, unique=True)),
                (
                    "owner",
                    models.CharField(blank=True, help_text="The person or team that answers for it.", max_length=150),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "draft"), ("ready", "ready"), ("retired", "retired")],
                        default="draft",
                        max_length=8,
                    ),
                ),
                ("state_words", models.TextField(blank=True, help_text="Why it was retired, or fell back to draft.")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="packages",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["key"],
                "permissions": [("manage_package", "Can make, revise and retire packages and upload installers")],
            },
        ),
        migrations.CreateModel(
            name="PackageRevision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("name", models.CharField(max_length=200)),
                ("vendor", models.CharField(blank=True, max_length=200)),
                ("version", models.CharField(blank=True, max_length=80)),
                (
                    "architecture",
                    models.CharField(
                        choices=[
                            ("x64", "64-bit (x64)"),
                            ("x86", "32-bit (x86)"),
                            ("arm64", "64-bit (ARM)"),
                            ("any", "any"),
                        ],
                        default="x64",
                        max_length=8,
                    ),
                ),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("driver", "driver"),
                            ("runtime", "runtime"),
                            ("agent", "agent"),
                            ("app", "application"),
                            ("vda", "VDA"),
                            ("patch", "patch"),
                            ("pvs", "PVS target device"),
                        ],
                        default="app",
                        max_length=8,
                    ),
                ),
                (
                    "installer",
                    models.CharField(
                        choices=[
                            ("msi", "Windows Installer (MSI)"),
                            ("burn", "WiX bundle (Burn)"),
                            ("inno", "Inno Setup"),
                            ("nsis", "NSIS"),
                            ("installshield", "InstallShield"),
                            ("msu", "Windows update (MSU)"),
                            ("msix", "MSIX or AppX"),
                            ("script", "script"),
                            ("other", "other or unknown"),
                        ],
                        default="other",
                        max_length=16,
                    ),
                ),
                ("install_command", models.TextField(blank=True)),
                ("uninstall_command", models.TextField(blank=True)),
                (
                    "detection_kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("uninstall-entry", "entry of the installed programs"),
                            ("product-code", "MSI product code"),
                            ("file-version", "version of a file"),
                            ("registry-value", "registry value"),
                            ("service", "service"),
                        ],
                        max_length=16,
                    ),
                ),
                ("detection", models.JSONField(default=dict)),
                (
                    "success_codes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "reboot_codes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                ("minutes", models.PositiveIntegerField(default=30, help_text="How long the installation may take.")),
                ("licence_note", models.TextField(blank=True)),
                ("notes", models.TextField(blank=True)),
                ("reason", models.TextField(blank=True, help_text="Why there is this revision.")),
                ("parts", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="revisions", to="lifecycle.package"
                    ),
                ),
            ],
            options={
                "ordering": ["package", "-number"],
            },
        ),
        migrations.CreateModel(
            name="PackageLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(choices=[("needs", "needs"), ("conflicts", "conflicts with")], max_length=10),
                ),
                (
                    "other",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="links_to", to="lifecycle.package"
                    ),
                ),
                (
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lifecycle.package"
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links",
                        to="lifecycle.packagerevision",
                    ),
                ),
            ],
            options={
                "ordering": ["revision", "kind", "other"],
            },
        ),
        migrations.AddField(
            model_name="package",
            name="current",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="current_of",
                to="lifecycle.packagerevision",
            ),
        ),
        migrations.CreateModel(
            name="PackageTest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("passed", models.BooleanField()),
                ("note", models.TextField(blank=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="package_tests",
                        to="lifecycle.job",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tests",
                        to="lifecycle.packagerevision",
                    ),
                ),
            ],
            options={
                "ordering": ["-at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="SourceFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                ("name", models.CharField(max_length=150)),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                ("size", models.PositiveBigIntegerField()),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="lifecycle.packagerevision",
                    ),
                ),
            ],
            options={
                "ordering": ["revision", "position"],
            },
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=150)),
                ("size", models.PositiveBigIntegerField()),
                (
                    "sha256",
                    models.CharField(blank=True, help_text="What it must be; empty: not known before.", max_length=64),
                ),
                (
                    "mark",
                    models.CharField(
                        blank=True, help_text="Tells the file from another of its name and size.", max_length=80
                    ),
                ),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["-started_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Installer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("name", models.CharField(max_length=150)),
                ("size", models.PositiveBigIntegerField()),
                ("facts", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[("in-place", "in place"), ("missing", "missing"), ("differs", "its checksum differs")],
                        default="in-place",
                        max_length=10,
                    ),
                ),
                ("checked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("uploaded_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["-uploaded_at", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="installer_has_a_sha256"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["in-place", "missing", "differs"])),
                        name="installer_state_is_known",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="packagerevision",
            constraint=models.UniqueConstraint(fields=("package", "number"), name="one_revision_per_number"),
        ),
        migrations.AddConstraint(
            model_name="packagerevision",
            constraint=models.UniqueConstraint(fields=("id", "package"), name="a_revision_is_of_one_package"),
        ),
        migrations.AddConstraint(
            model_name="packagerevision",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="revision_numbers_begin_at_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="packagerevision",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="revision_has_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="packagerevision",
            constraint=models.CheckConstraint(
                condition=models.Q(("phase__in", ["driver", "runtime", "agent", "app", "vda", "patch", "pvs"])),
                name="revision_phase_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="packagerevision",
            constraint=models.CheckConstraint(
                condition=models.Q(("architecture__in", ["x64", "x86", "arm64", "any"])),
                name="revision_architecture_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="packagerevision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "installer__in",
                        ["msi", "burn", "inno", "nsis", "installshield", "msu", "msix", "script", "other"],
                    )
                ),
                name="revision_installer_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="packagerevision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "detection_kind__in",
                        ["uninstall-entry", "product-code", "file-version", "registry-value", "service"],
                    ),
                    models.Q(("detection", {}), ("detection_kind", "")),
                    _connector="OR",
                ),
                name="revision_detection_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="packagerevision",
            constraint=models.CheckConstraint(
                condition=models.Q(("minutes__gte", 1)), name="revision_has_a_time_limit"
            ),
        ),
        migrations.AddConstraint(
            model_name="packagerevision",
            constraint=models.CheckConstraint(
                condition=models.Q(("success_codes__len__gte", 1)), name="revision_has_a_success_code"
            ),
        ),
        migrations.AddConstraint(
            model_name="packagelink",
            constraint=models.UniqueConstraint(fields=("revision", "other"), name="one_link_per_revision_and_package"),
        ),
        migrations.AddConstraint(
            model_name="packagelink",
            constraint=models.CheckConstraint(
                condition=models.Q(("package", models.F("other")), _negated=True), name="no_package_links_to_itself"
            ),
        ),
        migrations.AddConstraint(
            model_name="packagelink",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["needs", "conflicts"])), name="link_kind_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["draft", "ready", "retired"])), name="package_state_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(condition=models.Q(("key", ""), _negated=True), name="package_has_a_key"),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "ready"), _negated=True),
                    models.Q(("current__isnull", False), models.Q(("owner", ""), _negated=True)),
                    _connector="OR",
                ),
                name="a_ready_package_has_a_revision_and_an_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="packagetest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("job__isnull", False),
                    models.Q(("by__isnull", False), models.Q(("note", ""), _negated=True)),
                    _connector="OR",
                ),
                name="a_test_without_a_job_says_who_and_how",
            ),
        ),
        migrations.AddConstraint(
            model_name="sourcefile",
            constraint=models.UniqueConstraint(fields=("revision", "position"), name="one_file_per_position"),
        ),
        migrations.AddConstraint(
            model_name="sourcefile",
            constraint=models.UniqueConstraint(
                models.F("revision"),
                django.db.models.functions.text.Lower("name"),
                name="one_file_of_a_name_per_revision",
            ),
        ),
        migrations.AddConstraint(
            model_name="sourcefile",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="file_has_a_sha256"
            ),
        ),
        migrations.AddConstraint(
            model_name="sourcefile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("name__regex", '^[^/\\\\:*?\\"<>|\\x01-\\x1f]+$'),
                    models.Q(("name__in", [".", ".."]), _negated=True),
                ),
                name="file_has_a_plain_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256", ""), ("sha256__regex", "^[0-9a-f]{64}$"), _connector="OR"),
                name="upload_expects_a_sha256",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
