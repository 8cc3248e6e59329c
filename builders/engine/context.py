"""What a step is given: the job's facts, its own memory, the farm, and a pen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from builders.adapters.pvs.farm import ProvisioningFarm
from builders.engine.recorder import Recorder
from builders.engine.steps import StepFailed, WrongPlan
from builders.engine.writing import AT
from lifecycle.models import Job, JobLogLine, JobStep
from lifecycle.rerunning import UNANSWERED
from lifecycle.states import Repeat

Opener = Callable[[Job], ProvisioningFarm]
T = TypeVar("T")


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

    @property
    def tag(self) -> str:
        """The portal's own mark for what this step creates outside; by it, a lost answer's effect is found again."""
        return tag(self.job, self._step.key)

    @property
    def was_begun_before(self) -> bool:
        """An earlier call of this step may have reached the outside."""
        return self._step.attempts > 1

    @property
    def now(self) -> datetime:
        """The database's time, whatever this machine's clock says."""
        return self._recorder.now()

    def produced(self, name: str) -> Any:
        """What an earlier step produced, or None."""
        return self.job.context.get(name)

    def need(self, name: str, kind: type[T]) -> T:
        """What the step declares in ``needs``: produced by an earlier step, or a parameter of the job."""
        value = self.job.context.get(name, self.job.parameters.get(name))
        if not isinstance(value, kind):
            raise WrongPlan(
                f"Step “{self._step.title}” needs {name} as {kind.__name__}, and has {type(value).__name__}."
            )
        return value

    def set_version(self, number: int) -> None:
        self._recorder.set_version(number)

    def intend(self, **values: Any) -> None:
        """Save what is about to be asked of the outside, before it is asked."""
        self.saved.update(values)
        if self._step.about.get("repeat") == Repeat.NEVER:
            self.saved[UNANSWERED] = True
        self._recorder.save_step(self._step, saved=self.saved)

    def secret(self, value: str) -> str:
        """The value, which is masked from now on in all that this job writes."""
        self._recorder.mask.own.remember(value)
        return value

    def alive(self) -> None:
        """The outside has answered, in the midst of a call that asks it several things."""
        self._recorder.save_step(self._step, sign_at=AT)

    def log(self, text: str) -> None:
        self._recorder.log(text, step=self._step)

    def warn(self, text: str) -> None:
        self._recorder.log(text, step=self._step, level=JobLogLine.Level.WARNING)

    def log_lines(self, texts: Sequence[str]) -> None:
        """Many lines at once, such as the output of a program."""
        self._recorder.log_lines(texts, step=self._step)


def tag(job: Job, key: str) -> str:
    return f"vdisk-portal:{job.uid}:{key}"
