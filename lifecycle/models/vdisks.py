"""vDisks, their versions, and where the files of a version lie."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q

from lifecycle.facts import ChainFacts, ReplicaFacts, VersionFacts
from lifecycle.models.farm import Farm, Mirrored, Server, Site, Store
from lifecycle.states import Access, ProductionCause, ReplicaState, TargetType, VersionType

PRIVATE_CACHE_TYPES = (0, 10)  # PvsDisk.WriteCacheType: private image, and its asynchronous form


def _chain_rows() -> list[Any]:
    versions = Version.objects.filter(gone_at=None).order_by("number")
    replicas = Replica.objects.filter(gone_at=None).select_related("server")
    return [
        models.Prefetch("versions", versions, to_attr="present_versions"),
        models.Prefetch("replicas", replicas, to_attr="present_replicas"),
    ]


class VDiskQuerySet(models.QuerySet["VDisk"]):
    def present(self) -> Self:
        return self.filter(gone_at=None)

    def with_chain(self) -> Self:
        """Everything ``VDisk.chain`` looks at, in three queries however many vDisks there are."""
        return self.select_related("farm", "site", "store").prefetch_related(*_chain_rows())


class VDisk(Mirrored):
    """A vDisk as PVS has it (``PvsDiskLocator`` and ``PvsDisk``); ``guid`` is the DiskLocatorId."""

    farm = models.ForeignKey(Farm, on_delete=models.CASCADE, related_name="vdisks")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="vdisks")
    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="vdisks")
    description = models.CharField(max_length=250, blank=True)
    enabled = models.BooleanField(default=True)
    write_cache_type = models.PositiveSmallIntegerField(default=4)
    size_bytes = models.PositiveBigIntegerField(default=0)
    is_vhdx = models.BooleanField(default=True)
    bound_server = models.CharField(max_length=64, blank=True, help_text="Set: streamed by this server only.")
    device_count = models.PositiveIntegerField(default=0)
    locked = models.BooleanField(default=False)
    test_targets = models.PositiveIntegerField(default=0)
    maintenance_targets = models.PositiveIntegerField(default=0)
    production_targets = models.PositiveIntegerField(default=0)

    objects = VDiskQuerySet.as_manager()

    present_versions: list[Version]
    present_replicas: list[Replica]

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["farm", "guid"], name="vdisk_is_mirrored_once")]
        permissions = [
            ("operate_version", "Can create, boot, promote to test, revert, override, merge and delete versions"),
            ("request_promotion", "Can request the promotion of a version to production"),
        ]

    @property
    def is_private(self) -> bool:
        return self.write_cache_type in PRIVATE_CACHE_TYPES

    def chain(self) -> ChainFacts:
        """The facts the rules look at. Queries unless the row came from ``with_chain``."""
        if not hasattr(self, "present_versions"):
            models.prefetch_related_objects([self], *_chain_rows())
        return ChainFacts(
            name=self.name,
            private=self.is_private,
            versions=tuple(version.facts() for version in self.present_versions),
            replicas=tuple(replica.facts() for replica in self.present_replicas),
            test_targets=self.test_targets,
            maintenance_targets=self.maintenance_targets,
        )


class Version(models.Model):
    """A version as PVS has it (``PvsDiskVersion``), keyed by (vDisk, number)."""

    vdisk = models.ForeignKey(VDisk, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    access = models.PositiveSmallIntegerField(choices=Access)
    type = models.PositiveSmallIntegerField(choices=VersionType)
    file_name = models.CharField(max_length=260)
    description = models.CharField(max_length=250, blank=True)
    created = models.CharField(max_length=40, blank=True, help_text="As PVS gives it: text, without a time zone.")
    created_at = models.DateTimeField(null=True, blank=True, help_text="The same, read in the farm's time zone.")
    is_pending = models.BooleanField(default=False)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    delete_when_free = models.BooleanField(default=False)
    device_count = models.PositiveIntegerField(default=0)
    good_inventory = models.BooleanField(default=True)
    task_id = models.PositiveBigIntegerField(null=True, blank=True)
    can_delete = models.BooleanField(default=False)
    can_promote = models.BooleanField(default=False)
    can_revert_test = models.BooleanField(default=False)
    can_revert_maintenance = models.BooleanField(default=False)
    can_override = models.BooleanField(default=False)
    can_set_scheduled_date = models.BooleanField(default=False)
    can_merge = models.BooleanField(default=False)
    can_merge_base = models.BooleanField(default=False)
    first_seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["vdisk", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["vdisk", "number"], condition=Q(gone_at=None), name="version_number_is_unique_in_vdisk"
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"

    def facts(self) -> VersionFacts:
        return VersionFacts(
            number=self.number,
            access=self.access,
            type=self.type,
            file_name=self.file_name,
            description=self.description,
            created=self.created,
            is_pending=self.is_pending,
            scheduled_at=self.scheduled_at,
            delete_when_free=self.delete_when_free,
            device_count=self.device_count,
            good_inventory=self.good_inventory,
            task_id=self.task_id,
            can_delete=self.can_delete,
            can_promote=self.can_promote,
            can_revert_test=self.can_revert_test,
            can_revert_maintenance=self.can_revert_maintenance,
            can_override=self.can_override,
            can_set_scheduled_date=self.can_set_scheduled_date,
            can_merge=self.can_merge,
            can_merge_base=self.can_merge_base,
        )


class Replica(models.Model):
    """The files of one version on one server (``PvsDiskInventory``)."""

    vdisk = models.ForeignKey(VDisk, on_delete=models.CASCADE, related_name="replicas")
    number = models.PositiveIntegerField()
    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="replicas")
    state = models.PositiveSmallIntegerField(choices=ReplicaState)
    file_path = models.CharField(max_length=1024, blank=True)
    file_time = models.CharField(max_length=40, blank=True, help_text="As the server gives it; only equality counts.")
    properties_time = models.CharField(max_length=40, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["vdisk", "number", "server"]
        constraints = [
            models.UniqueConstraint(fields=["vdisk", "number", "server"], name="one_replica_per_version_and_server"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} on {self.server_id}"

    def facts(self) -> ReplicaFacts:
        return ReplicaFacts(
            number=self.number,
            server=self.server.name,
            state=self.state,
            file_time=self.file_time,
            properties_time=self.properties_time,
        )


class ProductionChange(models.Model):
    """The version that production targets boot next became another one. The portal's own history."""

    vdisk = models.ForeignKey(VDisk, on_delete=models.CASCADE, related_name="production_changes")
    number = models.PositiveIntegerField(null=True, help_text="None: nothing is released any more.")
    before = models.PositiveIntegerField(null=True)
    is_override = models.BooleanField(default=False)
    cause = models.CharField(max_length=20, choices=ProductionCause, default=ProductionCause.FIRST_LOOK)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-seen_at", "-id"]
        indexes = [models.Index(fields=["vdisk", "-seen_at"])]

    def __str__(self) -> str:
        return f"{self.vdisk_id}: version {self.before} -> {self.number}"


TARGET_COUNT_FIELD = {
    TargetType.PRODUCTION: "production_targets",
    TargetType.TEST: "test_targets",
    TargetType.MAINTENANCE: "maintenance_targets",
}
