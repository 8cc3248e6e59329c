"""Jobs from before the queue say what they need, and those that write hold their vDisk.

Without this, a job that was waiting or had failed before the update would be let in beside others on its vDisk.
"""

from django.db import migrations

NEEDS = """
UPDATE lifecycle_job AS job SET needs = array_remove(ARRAY[
    CASE WHEN job.writes THEN left('vdisk:' || job.vdisk_id, 120) END,
    left('kind:' || job.kind, 120),
    CASE WHEN job.writes THEN (SELECT left('store:' || disk.store_id, 120) FROM lifecycle_vdisk AS disk
                               WHERE disk.id = job.vdisk_id) END,
    left('host:' || COALESCE(NULLIF(job.host, ''), farm.name), 120)
], NULL)
FROM lifecycle_farm AS farm
WHERE farm.id = job.farm_id AND job.needs = '{}'
    AND job.state IN ('waiting', 'running', 'undoing', 'failed', 'errored')
"""
HOLDS = """
INSERT INTO lifecycle_hold (resource, slot, job_id, since)
SELECT 'vdisk:' || vdisk_id, 1, id, admitted_at FROM lifecycle_job
WHERE state IN ('waiting', 'running', 'undoing') AND admitted_at IS NOT NULL AND writes AND vdisk_id IS NOT NULL
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0008_fair_queue")]
    operations = [migrations.RunSQL([NEEDS, HOLDS], migrations.RunSQL.noop)]
