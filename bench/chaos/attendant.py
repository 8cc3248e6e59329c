"""The people beside the run: they cancel jobs, let failed ones go on, and have remains cleaned up."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from django.contrib.auth.models import User
from django.db.models import Count, Q

from bench.chaos.fates import CANCELLED, CLEANED, RESUMED, THROUGH, Fate
from bench.chaos.kind import SCRIPTED
from lifecycle import operations, rerunning
from lifecycle.errors import LifecycleError
from lifecycle.models import Job
from lifecycle.states import ACTIVE_JOB_STATES, JobState, StepState

logger = logging.getLogger(__name__)

MOST_RUNS = 25
PATIENCE_SECONDS = 1.5


class Attendant:
    """``attend`` looks at all that is to be decided, once. Decisions follow the fates, drawn before the start."""

    def __init__(self, fates: Mapping[int, Fate], operator: User) -> None:
        self.fates, self.operator = fates, operator
        self.did: Counter[str] = Counter()
        self.over: set[int] = set()
        self.given_up: dict[int, str] = {}
        self._not_before: dict[int, float] = {}

    @property
    def is_over(self) -> bool:
        return len(self.over) == len(self.fates)

    def attend(self) -> None:
        waiting = self.fates.keys() - self.over
        for job in Job.objects.exclude(state__in=ACTIVE_JOB_STATES).filter(pk__in=waiting).order_by("pk"):
            if self._not_before.get(job.pk, 0) <= time.monotonic():
                self._after_the_end(job, self.fates[job.pk])
        self._cancel([pk for pk in waiting if self.fates[pk].cancel_at is not None])

    def _cancel(self, candidates: list[int]) -> None:
        running = Job.objects.active().filter(
            pk__in=candidates, started_at__isnull=False, cancel_requested_at=None, undo_cause=""
        )
        for job in running.annotate(done=Count("steps", filter=Q(steps__state=StepState.DONE))).order_by("pk"):
            if job.done >= self.fates[job.pk].cancel_at:
                self._try(job, "cancelled", partial(operations.cancel_job, job=job, by=self.operator))

    def _after_the_end(self, job: Job, fate: Fate) -> None:
        if job.state == JobState.SUCCEEDED:
            self.over.add(job.pk)
        elif job.kept and (job.undo_cause or self._is_to_be_cleaned(job, fate)):
            self._try(job, "cleaned up", partial(rerunning.clean_up, job, self.operator))
        elif job.state == JobState.CANCELLED or job.undo_cause or self._is_to_be_cleaned(job, fate):
            self.over.add(job.pk)
        else:
            self._resume(job)

    def _is_to_be_cleaned(self, job: Job, fate: Fate) -> bool:
        return fate.name == CLEANED and SCRIPTED in job.outcome

    def _resume(self, job: Job) -> None:
        why_not = rerunning.why_not_resume(job)
        if why_not or job.runs >= MOST_RUNS:
            self.given_up[job.pk] = why_not or f"it still fails after {job.runs} runs: {job.outcome}"
            self.over.add(job.pk)
            return
        self._try(job, "resumed", partial(rerunning.resume_job, job, self.operator))

    def _try(self, job: Job, what: str, act: Callable[[], None]) -> None:
        """A person does not press again at once; the farther a job has come in its runs, the longer they wait."""
        self._not_before[job.pk] = time.monotonic() + PATIENCE_SECONDS * min(job.runs, 4)
        try:
            act()
        except LifecycleError as refused:
            self.did[f"{what}: refused"] += 1
            logger.info("%s not %s: %s", job, what, refused)
            return
        self.did[what] += 1


def expected_states(fate: Fate) -> frozenset[str]:
    """How a job of this fate may end."""
    if fate.name in (THROUGH, RESUMED):
        return frozenset({JobState.SUCCEEDED})
    if fate.name == CANCELLED:  # the last step may have been done before it was seen
        return frozenset({JobState.CANCELLED, JobState.SUCCEEDED})
    return frozenset({JobState.FAILED})
