"""Boot the maintenance target on the maintenance version."""

from __future__ import annotations

from collections.abc import Sequence

from builders.engine.steps import Step
from builders.jobs.steps.check import CheckAllowed
from builders.jobs.steps.power import BootMaintenanceTarget
from builders.jobs.steps.refresh import RefreshMirror
from lifecycle.models import Job
from lifecycle.states import Action


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.BOOT_MAINTENANCE), BootMaintenanceTarget(), RefreshMirror()]
