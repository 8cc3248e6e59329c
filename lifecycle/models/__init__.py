"""The rows of the house. Mirrored rows (farm, vdisks, targets) are written by the sync alone."""

from lifecycle.models.audit import AuditEntry
from lifecycle.models.changes import ChangeRequest, Decision
from lifecycle.models.farm import Collection, Farm, FarmConnection, Server, Site, Store, SyncRun
from lifecycle.models.images import (
    ContentItem,
    FileComparison,
    ImageContent,
    ImageReading,
    StoreAccess,
    VersionImage,
)
from lifecycle.models.jobs import Hold, Job, JobLogLine, JobStep
from lifecycle.models.packages import (
    Installer,
    Package,
    PackageLink,
    PackageRevision,
    PackageTest,
    SourceFile,
    Upload,
)
from lifecycle.models.portfolio import ProgramRule
from lifecycle.models.schedules import Schedule, ScheduleRun, Window
from lifecycle.models.targets import Assignment, Boot, Target
from lifecycle.models.vdisks import ProductionChange, Replica, VDisk, Version
from lifecycle.models.watches import Notice, Watch
from lifecycle.models.workers import Worker

__all__ = [
    "Assignment",
    "AuditEntry",
    "Boot",
    "ChangeRequest",
    "Collection",
    "ContentItem",
    "Decision",
    "Farm",
    "FarmConnection",
    "FileComparison",
    "Hold",
    "ImageContent",
    "ImageReading",
    "Installer",
    "Job",
    "JobLogLine",
    "JobStep",
    "Notice",
    "Package",
    "PackageLink",
    "PackageRevision",
    "PackageTest",
    "ProductionChange",
    "ProgramRule",
    "Replica",
    "Schedule",
    "ScheduleRun",
    "Server",
    "Site",
    "SourceFile",
    "Store",
    "StoreAccess",
    "SyncRun",
    "Target",
    "Upload",
    "VDisk",
    "Version",
    "VersionImage",
    "Watch",
    "Window",
    "Worker",
]
