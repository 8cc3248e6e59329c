"""The rows of the house. Mirrored rows (farm, vdisks, targets) are written by the sync alone."""

from lifecycle.models.audit import AuditEntry
from lifecycle.models.changes import ChangeRequest, Decision
from lifecycle.models.farm import Collection, Farm, FarmConnection, Server, Site, Store, SyncRun
from lifecycle.models.jobs import Job, JobLogLine, JobStep
from lifecycle.models.targets import Assignment, Boot, Target
from lifecycle.models.vdisks import ProductionChange, Replica, VDisk, Version

__all__ = [
    "Assignment",
    "AuditEntry",
    "Boot",
    "ChangeRequest",
    "Collection",
    "Decision",
    "Farm",
    "FarmConnection",
    "Job",
    "JobLogLine",
    "JobStep",
    "ProductionChange",
    "Replica",
    "Server",
    "Site",
    "Store",
    "SyncRun",
    "Target",
    "VDisk",
    "Version",
]
