"""Boot the test targets on the test version."""

from __future__ import annotations

from collections.abc import Sequence

from builders.engine.context import StepContext
from builders.engine.steps import Step, StepFailed
from builders.jobs.steps.check import CheckAllowed
from builders.jobs.steps.power import BootTestTargets
from builders.jobs.steps.refresh import RefreshMirror
from builders.jobs.steps.replication import WaitForReplication
from lifecycle.facts import ChainFacts
from lifecycle.models import Job
from lifecycle.states import Action


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.BOOT_TEST), WaitForTestVersion(), BootTestTargets(), RefreshMirror()]


class WaitForTestVersion(WaitForReplication):
    def guard(self, ctx: StepContext, chain: ChainFacts) -> None:
        found = chain.get(ctx.version)
        if found is None or not found.is_test:
            raise StepFailed(f"Version {ctx.version} is no longer in test, so test targets would not boot it.")
