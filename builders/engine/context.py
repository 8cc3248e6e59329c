"""What a step is given: the job's facts, its own memory, the farm, and a pen."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any
from uuid import UUID

from builders.adapters.pvs.farm import ProvisioningFarm
from builders.engine.recorder import Recorder
from builders.engine.steps import StepFailed
from lifecycle.models import Job, JobLogLine, JobStep

Opener = Callable[[Job], ProvisioningFarm]


class StepContext:
    """Valid for one call of one step."""

    def __init__(self, *, job: Job, step: JobStep, recorder: Recorder, opener: Opener) -> None:
        self.job = job
        self.saved: dict[str, Any] = step.saved
        self._step = step
        self._recorder = recorder
        self._opener = opener

    @cached_property
    def farm(self) -> ProvisioningFarm:
        """The PVS farm of this job, through the first of its servers that answers."""
        return self._opener(self.job)

    @property
    def disk_id(self) -> UUID:
        """DiskLocatorId of the job's vDisk."""
        if self.job.vdisk is None:
            raise StepFailed("This job names no vDisk.")
        return self.job.vdisk.guid

    @property
    def disk_name(self) -> str:
        return self.job.vdisk.name if self.job.vdisk else ""

    @property
    def version(self) -> int:
        """The version the job is about: named at its start, or produced by an earlier step."""
        if self.job.version_number is None:
            raise StepFailed("This job names no version.")
        return self.job.version_number

    def produced(self, name: str) -> Any:
        return self.job.context.get(name)

    def set_version(self, number: int) -> None:
        self._recorder.set_version(number)

    def intend(self, **values: Any) -> None:
        """Save what is about to be asked of the outside, before it is asked."""
        self.saved.update(values)
        self._recorder.save_step(self._step, saved=self.saved)

    def log(self, text: str) -> None:
        self._recorder.log(text, step=self._step)

    def warn(self, text: str) -> None:
        self._recorder.log(text, step=self._step, level=JobLogLine.Level.WARNING)
