"""What is asked for and what was decided is fixed by the database; a verdict's words have no length to run into."""

from django.db import migrations, models

FORWARD = """
CREATE TRIGGER decision_is_append_only BEFORE UPDATE OR DELETE ON lifecycle_decision
    FOR EACH ROW EXECUTE FUNCTION lifecycle_refuse_change();

-- the approver reads all of these, and the links say in words what the fingerprint stands for
CREATE OR REPLACE FUNCTION lifecycle_requester_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.requested_by_id, NEW.requested_at, NEW.vdisk_id, NEW.version_number, NEW.fingerprint, NEW.links,
        NEW.reason, NEW.ticket, NEW.go_live_at) IS DISTINCT FROM
       (OLD.requested_by_id, OLD.requested_at, OLD.vdisk_id, OLD.version_number, OLD.fingerprint, OLD.links,
        OLD.reason, OLD.ticket, OLD.go_live_at) THEN
        RAISE EXCEPTION 'what a change asks for, and who asks, is fixed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""

BACKWARD = """
DROP TRIGGER decision_is_append_only ON lifecycle_decision;
CREATE OR REPLACE FUNCTION lifecycle_requester_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.requested_by_id IS DISTINCT FROM OLD.requested_by_id OR NEW.fingerprint IS DISTINCT FROM OLD.fingerprint
       OR NEW.vdisk_id IS DISTINCT FROM OLD.vdisk_id OR NEW.version_number IS DISTINCT FROM OLD.version_number THEN
        RAISE EXCEPTION 'what a change asks for, and who asks, is fixed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0004_turned_away")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AlterField("target", "verdict_words", models.TextField(blank=True)),
    ]
