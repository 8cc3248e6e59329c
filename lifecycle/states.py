"""The closed sets of the domain: what a version, a change and a job can be. Imports nothing of ours.

The numbers are Citrix Provisioning's own (PowerShell with Objects programmer's guide). Beware: a version's access, a
target's type and a merge mode count 0, 1, 2 in three different orders.
"""

from __future__ import annotations

from enum import StrEnum

from django.db import models


class Access(models.IntegerChoices):
    """``PvsDiskVersion.Access``."""

    PRODUCTION = 0, "production"
    MAINTENANCE = 1, "maintenance"
    MAINTENANCE_HIGHEST = 2, "maintenance"
    OVERRIDE = 3, "override"
    MERGE = 4, "merging, to production"
    MERGE_MAINTENANCE = 5, "merging, to maintenance"
    MERGE_TEST = 6, "merging, to test"
    TEST = 7, "test"


MAINTENANCE_ACCESS = frozenset({Access.MAINTENANCE, Access.MAINTENANCE_HIGHEST})
MERGING_ACCESS = frozenset({Access.MERGE, Access.MERGE_MAINTENANCE, Access.MERGE_TEST})


class VersionType(models.IntegerChoices):
    """``PvsDiskVersion.Type``: how the version came to be."""

    BASE = 0, "base"
    MANUAL = 1, "differencing"
    AUTOMATIC = 2, "automatic update"
    MERGE = 3, "merged"
    MERGE_BASE = 4, "merged base"


BASE_TYPES = frozenset({VersionType.BASE, VersionType.MERGE_BASE})


class TargetType(models.IntegerChoices):
    """``PvsDevice.Type``: which versions a target may boot."""

    PRODUCTION = 0, "production"
    TEST = 1, "test"
    MAINTENANCE = 2, "maintenance"
    PERSONAL = 3, "personal vDisk"
    PERSONAL_TEST = 4, "personal vDisk, test"


class ReplicaState(models.IntegerChoices):
    """``PvsDiskInventory.State``: a version's files on one server."""

    GOOD = 0, "up to date"
    FILE_MISSING = 1, "version file missing"
    FILE_OUTDATED = 2, "version file out of date"
    PROPERTIES_MISSING = 3, "properties file missing"
    PROPERTIES_OUTDATED = 4, "properties file out of date"
    UNREACHABLE = 5, "server not reachable"


class ServerStatus(models.IntegerChoices):
    DOWN = 0, "down"
    UP = 1, "up"
    UNKNOWN = 2, "unknown"


class Lane(StrEnum):
    """The three lanes of the board."""

    MAINTENANCE = "maintenance"
    TEST = "test"
    PRODUCTION = "production"


class Situation(StrEnum):
    """Where one version stands in the lifecycle, in the words the pages use."""

    MAINTENANCE = "maintenance"
    TEST = "test"
    PENDING = "pending"  # promoted to production, waits for its date
    PRODUCTION = "production"  # the newest released version
    SUPERSEDED = "superseded"  # released, but a newer one is released too
    OVERRIDE = "override"  # forced for all production targets
    MERGING = "merging"
    OBSOLETE = "obsolete"  # replaced by a merge; PVS deletes it when no target runs it


class Action(models.TextChoices):
    """What a person can ask of a vDisk or a version. A job that does it bears the same name."""

    NEW_VERSION = "new-version", "New maintenance version"
    BOOT_MAINTENANCE = "boot-maintenance", "Boot the maintenance target"
    PROMOTE_TEST = "promote-test", "Promote to test"
    BOOT_TEST = "boot-test", "Boot the test targets"
    PROMOTE_PRODUCTION = "promote-production", "Promote to production"
    REVERT_TEST = "revert-test", "Revert to test"
    REVERT_MAINTENANCE = "revert-maintenance", "Revert to maintenance"
    SET_OVERRIDE = "set-override", "Set as override"
    CLEAR_OVERRIDE = "clear-override", "Clear the override"
    RESCHEDULE = "reschedule", "Change the date"
    MERGE = "merge", "Merge updates"
    MERGE_BASE = "merge-base", "Merge to a new base"
    DELETE_VERSION = "delete-version", "Delete the version"


class Reading(models.TextChoices):
    """What is read of an image. A job that does it bears the same name; none of them changes anything in PVS."""

    INSPECT = "inspect-image", "Read the contents"
    HASH = "hash-image", "Compute the full hash"
    COMPARE = "compare-files", "Compare the files"


class ProductionCause(models.TextChoices):
    """Why production targets boot another version than before."""

    FIRST_LOOK = "first-look", "first seen"
    PROMOTION = "promotion", "promotion"
    ROLL_BACK = "roll-back", "roll-back"
    OVERRIDE_SET = "override-set", "override set"
    OVERRIDE_CLEARED = "override-cleared", "override cleared"


class ChangeState(models.TextChoices):
    OPEN = "open", "waiting for approval"
    APPROVED = "approved", "approved, being promoted"
    DONE = "done", "promoted"
    REJECTED = "rejected", "rejected"
    WITHDRAWN = "withdrawn", "withdrawn"
    LAPSED = "lapsed", "lapsed"
    FAILED = "failed", "approved, but not carried out"


class ChangeEvent(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    FINISH = "finish"
    FAIL = "fail"
    RESUME = "resume"


CHANGE_TRANSITIONS: dict[tuple[ChangeState, ChangeEvent], ChangeState] = {
    # someone asks, someone else decides
    (ChangeState.OPEN, ChangeEvent.APPROVE): ChangeState.APPROVED,
    (ChangeState.OPEN, ChangeEvent.REJECT): ChangeState.REJECTED,
    (ChangeState.OPEN, ChangeEvent.WITHDRAW): ChangeState.WITHDRAWN,
    # the version is no longer the one that was asked about
    (ChangeState.OPEN, ChangeEvent.LAPSE): ChangeState.LAPSED,
    (ChangeState.APPROVED, ChangeEvent.LAPSE): ChangeState.LAPSED,
    # the promotion job ended
    (ChangeState.APPROVED, ChangeEvent.FINISH): ChangeState.DONE,
    (ChangeState.APPROVED, ChangeEvent.FAIL): ChangeState.FAILED,
    # a person lets the failed job go on; its steps compare with the approval again
    (ChangeState.FAILED, ChangeEvent.RESUME): ChangeState.APPROVED,
}
LIVE_CHANGE_STATES = frozenset({ChangeState.OPEN, ChangeState.APPROVED})


class JobState(models.TextChoices):
    WAITING = "waiting", "waiting"  # in the queue: not all that it needs is free
    RUNNING = "running", "running"
    UNDOING = "undoing", "undoing"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    ERRORED = "errored", "stopped by a fault of the portal"
    CANCELLED = "cancelled", "cancelled"


ACTIVE_JOB_STATES = frozenset({JobState.WAITING, JobState.RUNNING, JobState.UNDOING})
RESUMABLE_JOB_STATES = frozenset({JobState.FAILED, JobState.ERRORED})


class OnFailure(models.TextChoices):
    KEEP = "keep", "keep what was built, to look at it or to resume"
    UNDO = "undo", "take back what was built"


class UndoCause(models.TextChoices):
    """Why a job takes back what it did; decides how it ends."""

    CANCELLED = "cancelled", "a person cancelled it"  # ends as cancelled
    FAILED = "failed", "it failed"  # these end as failed
    EXPIRED = "expired", "the time for keeping what it built is over"
    ASKED = "asked", "a person asked to clean up"


class StepState(models.TextChoices):
    PENDING = "pending", "to do"
    RUNNING = "running", "running"
    WAITING = "waiting", "waiting"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    UNDONE = "undone", "undone"
    STOPPED = "stopped", "stopped"
    SKIPPED = "skipped", "not reached"


class Repeat(models.TextChoices):
    """What may be done when it is unknown whether a step's outside call took effect."""

    BLINDLY = "blindly", "may be repeated blindly"
    AFTER_LOOK = "after-look", "is repeated after a look at what is there"
    NEVER = "never", "is never repeated by itself"


class RunOutcome(models.TextChoices):
    """What came of one appointed time of a schedule."""

    STARTED = "started", "started"
    UNCHANGED = "unchanged", "skipped: nothing changed"
    MISSED = "missed", "missed: nothing ran at that time"
    REFUSED = "refused", "refused"
