"""What must never be false of jobs: a job that is over holds nothing, and its log only grows."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION lifecycle_ended_job_holds_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM lifecycle_job j JOIN lifecycle_hold h ON h.job_id = j.id
               WHERE j.id = CASE WHEN TG_TABLE_NAME = 'lifecycle_hold' THEN (to_jsonb(NEW)->>'job_id')::bigint
                                 ELSE (to_jsonb(NEW)->>'id')::bigint END
                 AND j.ended_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a job that is over holds nothing' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ended_job_holds_nothing AFTER UPDATE OF ended_at ON lifecycle_job
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION lifecycle_ended_job_holds_nothing();
CREATE CONSTRAINT TRIGGER hold_of_ended_job AFTER INSERT ON lifecycle_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lifecycle_ended_job_holds_nothing();

-- the token counts the workers that had the job; a step back would let a worker write that has lost it
CREATE FUNCTION lifecycle_lease_token_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a lease token never shrinks' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER lease_token_grows BEFORE UPDATE OF lease_token ON lifecycle_job
    FOR EACH ROW WHEN (NEW.lease_token < OLD.lease_token) EXECUTE FUNCTION lifecycle_lease_token_grows();

CREATE TRIGGER job_log_is_never_deleted BEFORE DELETE ON lifecycle_joblogline
    FOR EACH ROW EXECUTE FUNCTION lifecycle_refuse_change();
"""

BACKWARD = """
DROP TRIGGER job_log_is_never_deleted ON lifecycle_joblogline;
DROP TRIGGER lease_token_grows ON lifecycle_job;
DROP FUNCTION lifecycle_lease_token_grows();
DROP TRIGGER hold_of_ended_job ON lifecycle_hold;
DROP TRIGGER ended_job_holds_nothing ON lifecycle_job;
DROP FUNCTION lifecycle_ended_job_holds_nothing();
"""


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0004_engine")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
