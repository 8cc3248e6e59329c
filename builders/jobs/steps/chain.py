"""The vDisk's chain as PVS has it at this moment, in the form the rules of the domain look at."""

from __future__ import annotations

from builders.adapters.pvs.model import PvsDiskInventory, PvsDiskVersion
from builders.engine.context import StepContext
from lifecycle.facts import ChainFacts, ReplicaFacts, VersionFacts


def read_chain(ctx: StepContext) -> ChainFacts:
    """Versions and inventory, read now; the mirror may be some seconds old."""
    vdisk = ctx.job.vdisk
    return ChainFacts(
        name=ctx.disk_name,
        private=vdisk.is_private if vdisk else False,
        versions=tuple(version_facts(version) for version in ctx.farm.versions(ctx.disk_id)),
        replicas=tuple(replica_facts(replica) for replica in ctx.farm.inventory(ctx.disk_id)),
        test_targets=vdisk.test_targets if vdisk else 0,
        maintenance_targets=vdisk.maintenance_targets if vdisk else 0,
    )


def version_facts(version: PvsDiskVersion) -> VersionFacts:
    return VersionFacts(
        number=version.version,
        access=version.access.value,
        type=version.type.value,
        file_name=version.file_name,
        description=version.description,
        created=version.create_date,
        is_pending=version.is_pending,
        scheduled_at=version.scheduled_at,
        delete_when_free=version.delete_when_free,
        device_count=version.device_count,
        good_inventory=version.good_inventory_status,
        task_id=version.task_id,
        can_delete=version.can_delete,
        can_promote=version.can_promote,
        can_revert_test=version.can_revert_test,
        can_revert_maintenance=version.can_revert_maintenance,
        can_override=version.can_override,
        can_set_scheduled_date=version.can_set_scheduled_date,
        can_merge=version.can_merge,
        can_merge_base=version.can_merge_base,
    )


def replica_facts(replica: PvsDiskInventory) -> ReplicaFacts:
    return ReplicaFacts(
        number=replica.version,
        server=replica.server_name,
        state=replica.state.value,
        file_time=replica.file_time,
        properties_time=replica.properties_time,
    )
