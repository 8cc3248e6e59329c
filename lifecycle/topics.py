"""Names of what a live page can listen to. An event says what changed, never how."""

from __future__ import annotations

FARM = "farm"
CHANGES = "changes"
JOBS = "jobs"
OPERATIONS = "operations"
SCHEDULES = "schedules"
PACKAGES = "packages"


def job(job_id: int) -> str:
    return f"job-{job_id}"


def vdisk(vdisk_id: int) -> str:
    return f"vdisk-{vdisk_id}"


def change(change_id: int) -> str:
    return f"change-{change_id}"


CHANNEL_PREFIX = "vdisk-portal:"
