"""Audit trail, decisions and job logs are append-only, and what a change asks for is fixed: the database sees to it."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION lifecycle_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON lifecycle_auditentry
    FOR EACH ROW EXECUTE FUNCTION lifecycle_refuse_change();
CREATE TRIGGER decision_is_append_only BEFORE UPDATE OR DELETE ON lifecycle_decision
    FOR EACH ROW EXECUTE FUNCTION lifecycle_refuse_change();
CREATE TRIGGER job_log_is_append_only BEFORE UPDATE ON lifecycle_joblogline
    FOR EACH ROW EXECUTE FUNCTION lifecycle_refuse_change();

-- a decision repeats who requested; it must be the truth, or the four-eyes constraint guards nothing
CREATE FUNCTION lifecycle_decision_names_requester() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.requested_by_id IS DISTINCT FROM
       (SELECT requested_by_id FROM lifecycle_changerequest WHERE id = NEW.change_id) THEN
        RAISE EXCEPTION 'decision names another requester than its change' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER decision_names_the_requester BEFORE INSERT OR UPDATE ON lifecycle_decision
    FOR EACH ROW EXECUTE FUNCTION lifecycle_decision_names_requester();

-- the approver reads all of these, and the links say in words what the fingerprint stands for
CREATE FUNCTION lifecycle_requester_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.requested_by_id, NEW.requested_at, NEW.vdisk_id, NEW.version_number, NEW.fingerprint, NEW.links,
        NEW.reason, NEW.ticket, NEW.go_live_at) IS DISTINCT FROM
       (OLD.requested_by_id, OLD.requested_at, OLD.vdisk_id, OLD.version_number, OLD.fingerprint, OLD.links,
        OLD.reason, OLD.ticket, OLD.go_live_at) THEN
        RAISE EXCEPTION 'what a change asks for, and who asks, is fixed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER requester_is_fixed BEFORE UPDATE ON lifecycle_changerequest
    FOR EACH ROW EXECUTE FUNCTION lifecycle_requester_is_fixed();
"""

BACKWARD = """
DROP TRIGGER requester_is_fixed ON lifecycle_changerequest;
DROP TRIGGER decision_names_the_requester ON lifecycle_decision;
DROP TRIGGER decision_is_append_only ON lifecycle_decision;
DROP TRIGGER job_log_is_append_only ON lifecycle_joblogline;
DROP TRIGGER audit_is_append_only ON lifecycle_auditentry;
DROP FUNCTION lifecycle_requester_is_fixed();
DROP FUNCTION lifecycle_decision_names_requester();
DROP FUNCTION lifecycle_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
