"""From a picture of the farm to rows: the objects first, then what the portal concludes from them."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.utils import timezone

from builders.adapters.pvs.model import FarmPicture, PvsDiskVersion
from builders.sync.history import note_boots, note_production_changes, note_version_changes
from builders.sync.judgement import judge_targets, lapse_changes
from builders.sync.rows import equalise
from lifecycle.models import Assignment, Collection, Farm, Replica, Server, Site, Store, Target, VDisk, Version
from lifecycle.models.vdisks import TARGET_COUNT_FIELD


class Mirror:
    """One writing of one picture. Rows are kept by their PVS ids, so that later tables can point to earlier ones."""

    def __init__(self, farm: Farm, picture: FarmPicture) -> None:
        self.farm = farm
        self.picture = picture
        self.now = timezone.now()
        self.changed = 0

    def write(self) -> int:
        """How many rows were created, changed or marked as gone."""
        self._farm()
        self._places()
        self._vdisks()
        self._versions()
        self._targets()
        self._assignments()
        note_production_changes(self.farm, self.now)
        note_boots(self.farm, self.now)
        judge_targets(self.farm)
        # last, because both write to the audit trail, which nobody else can until this transaction ends
        note_version_changes(self.farm, *self.accesses)
        lapse_changes(self.farm)
        return self.changed

    def _farm(self) -> None:
        read = self.picture.farm
        self.farm.guid = read.farm_id
        self.farm.automatic_merge = read.automatic_merge_enabled
        self.farm.max_versions = read.max_versions
        self.farm.merge_access = read.merge_mode.value
        self.farm.auditing = read.auditing_enabled

    def _equalise(self, present: Any, wanted: dict[Any, dict[str, Any]], *key: str, **fixed: Any) -> dict[Any, Any]:
        rows, changed = equalise(present, wanted, key=key or ("guid",), now=self.now, fixed=fixed)
        self.changed += changed
        return rows

    def _places(self) -> None:
        farm, picture = self.farm, self.picture
        self.sites: dict[UUID | None, Site] = self._equalise(
            Site.objects.filter(farm=farm), {site.site_id: {"name": site.name} for site in picture.sites}, farm=farm
        )
        self.stores: dict[UUID | None, Store] = self._equalise(
            Store.objects.filter(farm=farm),
            {store.store_id: {"name": store.name, "path": store.path} for store in picture.stores},
            farm=farm,
        )
        self.servers: dict[UUID | None, Server] = self._equalise(
            Server.objects.filter(farm=farm),
            {
                server.server_id: {
                    "name": server.name,
                    "site_id": self.sites[server.site_id].pk,
                    "status": server.status.value,
                    "device_count": server.device_count,
                }
                for server in picture.servers
                if server.site_id in self.sites
            },
            farm=farm,
        )
        self.collections: dict[UUID | None, Collection] = self._equalise(
            Collection.objects.filter(site__farm=farm),
            {
                found.collection_id: {
                    "name": found.name,
                    "site_id": self.sites[found.site_id].pk,
                    "enabled": found.enabled,
                }
                for found in picture.collections
                if found.site_id in self.sites
            },
        )

    def _vdisks(self) -> None:
        types = {device.device_id: device.type.value for device in self.picture.devices}
        per_type = Counter(
            (assignment.disk_id, types[assignment.device_id])
            for assignment in self.picture.assignments
            if assignment.device_id in types
        )
        self.vdisks: dict[UUID | None, VDisk] = self._equalise(
            VDisk.objects.filter(farm=self.farm),
            {
                disk.disk_id: {
                    "name": disk.name,
                    "site_id": self.sites[disk.site_id].pk,
                    "store_id": self.stores[disk.store_id].pk,
                    "description": disk.description,
                    "enabled": disk.enabled,
                    "write_cache_type": disk.write_cache_type.value,
                    "size_bytes": disk.disk_size_bytes,
                    "is_vhdx": disk.is_vhdx,
                    "bound_server": disk.server_name,
                    "device_count": disk.device_count,
                    "locked": disk.locked,
                    **{field: per_type[disk.disk_id, kind.value] for kind, field in TARGET_COUNT_FIELD.items()},
                }
                for disk in self.picture.disks
                if disk.site_id in self.sites and disk.store_id in self.stores
            },
            farm=self.farm,
        )

    def _versions(self) -> None:
        present = Version.objects.filter(vdisk__farm=self.farm, gone_at=None)
        before = {(version.vdisk_id, version.number): version.access for version in present}
        wanted = {
            (self.vdisks[version.disk_id].pk, version.version): version_fields(version)
            for version in self.picture.versions
            if version.disk_id in self.vdisks
        }
        self._equalise(present, wanted, "vdisk_id", "number", first_seen_at=self.now)
        self.accesses = before, {key: values["access"] for key, values in wanted.items()}
        self._equalise(
            Replica.objects.filter(vdisk__farm=self.farm),
            {
                (self.vdisks[copy.disk_id].pk, copy.version, self.servers[copy.server_id].pk): {
                    "state": copy.state.value,
                    "file_path": copy.file_path,
                    "file_time": copy.file_time,
                    "properties_time": copy.properties_time,
                }
                for copy in self.picture.inventory
                if copy.disk_id in self.vdisks and copy.server_id in self.servers
            },
            "vdisk_id",
            "number",
            "server_id",
        )

    def _targets(self) -> None:
        self.targets: dict[UUID | None, Target] = self._equalise(
            Target.objects.filter(farm=self.farm),
            {
                device.device_id: {
                    "name": device.name,
                    "collection_id": self.collections[device.collection_id].pk,
                    "mac": device.mac,
                    "mac_digits": device.mac.replace("-", "").upper(),
                    "type": device.type.value,
                    "enabled": device.enabled and self.collections[device.collection_id].enabled,
                    "active": device.active,
                    "ip": device.ip or "",
                    "server_id": _pk(self.servers.get(device.server_id)),
                    "booted_vdisk_id": _pk(self.vdisks.get(device.disk_id)),
                    "booted_version": device.disk_version,
                    "retries": device.retries,
                }
                for device in self.picture.devices
                if device.collection_id in self.collections
            },
            farm=self.farm,
        )

    def _assignments(self) -> None:
        wanted = {
            (self.targets[found.device_id].pk, self.vdisks[found.disk_id].pk)
            for found in self.picture.assignments
            if found.device_id in self.targets and found.disk_id in self.vdisks
        }
        present = {
            (target, vdisk): pk
            for pk, target, vdisk in Assignment.objects.filter(target__farm=self.farm).values_list(
                "pk", "target_id", "vdisk_id"
            )
        }
        lost = [pk for pair, pk in present.items() if pair not in wanted]
        new = [Assignment(target_id=target, vdisk_id=vdisk) for target, vdisk in sorted(wanted - present.keys())]
        if lost:
            Assignment.objects.filter(pk__in=lost).delete()
        Assignment.objects.bulk_create(new, batch_size=1000)
        self.changed += len(lost) + len(new)


def mirror(farm: Farm, picture: FarmPicture) -> int:
    """Write the picture; how many rows changed. The caller holds the transaction and saves the farm's own row."""
    return Mirror(farm, picture).write()


def version_fields(version: PvsDiskVersion) -> dict[str, Any]:
    return {
        "access": version.access.value,
        "type": version.type.value,
        "file_name": version.file_name,
        "description": version.description,
        "created": version.create_date,
        "created_at": version.created_at,
        "is_pending": version.is_pending,
        "scheduled_at": version.scheduled_at,
        "delete_when_free": version.delete_when_free,
        "device_count": version.device_count,
        "good_inventory": version.good_inventory_status,
        "task_id": version.task_id,
        "can_delete": version.can_delete,
        "can_promote": version.can_promote,
        "can_revert_test": version.can_revert_test,
        "can_revert_maintenance": version.can_revert_maintenance,
        "can_override": version.can_override,
        "can_set_scheduled_date": version.can_set_scheduled_date,
        "can_merge": version.can_merge,
        "can_merge_base": version.can_merge_base,
    }


def _pk(row: Any) -> int | None:
    return row.pk if row is not None else None
