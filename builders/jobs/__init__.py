"""One file a kind of job: what its steps are. This table is the list of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from builders.engine.steps import Step, StepFailed
from builders.jobs import (
    boot_maintenance_target,
    boot_test_targets,
    compare_files,
    delete_version,
    hash_image,
    inspect_image,
    merge,
    new_version,
    override,
    promote_to_production,
    promote_to_test,
    revert,
)
from lifecycle.models import Job
from lifecycle.states import Action, Reading

KINDS: dict[str, Callable[[Job], Sequence[Step]]] = {
    Action.NEW_VERSION: new_version.steps,
    Action.BOOT_MAINTENANCE: boot_maintenance_target.steps,
    Action.PROMOTE_TEST: promote_to_test.steps,
    Action.BOOT_TEST: boot_test_targets.steps,
    Action.PROMOTE_PRODUCTION: promote_to_production.steps,
    Action.REVERT_TEST: revert.to_test,
    Action.REVERT_MAINTENANCE: revert.to_maintenance,
    Action.SET_OVERRIDE: override.to_set,
    Action.CLEAR_OVERRIDE: override.to_clear,
    Action.MERGE: merge.updates,
    Action.MERGE_BASE: merge.new_base,
    Action.DELETE_VERSION: delete_version.steps,
    Reading.INSPECT: inspect_image.steps,
    Reading.HASH: hash_image.steps,
    Reading.COMPARE: compare_files.steps,
}


def plan(job: Job) -> Sequence[Step]:
    """The job's table of contents."""
    if job.kind not in KINDS:
        raise StepFailed(f"These workers do not know the kind of job “{job.kind}”; they may be older than the web.")
    return KINDS[job.kind](job)
