"""What must never be so, in the words of the promise. Each rule is named by its sentence."""

from __future__ import annotations

from tests.engine.model.world import (
    ACTIVE,
    ASKED,
    CANCELLED,
    DONE,
    FAILED,
    RUNNING,
    SUCCEEDED,
    UNDOING,
    Job,
    Scene,
    World,
    begun,
)

ONE_WRITER = "a worker that lost its lease changes nothing"
ONE_WORKER = "while a lease lasts, nobody else takes the job"
LINES_IN_ORDER = "the log is in order: no line of a worker that lost its lease follows its successor's"
ONCE = "what a job creates is in the farm at most once"
ONE_PER_PLACE = "no two jobs are at work at one place"
NOTHING_HELD = "a job that is over holds nothing"
CANCEL_ANSWERED = "a job whose cancelling was asked for ends cancelled, or failed with all taken back"
CANCEL_SEEN = "a turn that begins after a cancel was asked for calls nothing new into being"
TRUE_SUCCESS = "succeeded means that every step is done and its effect is there"
TRUE_CANCEL = "cancelled means that all was taken back, or that it is said what was left"
TRUE_FAILURE = "failed means that it is said what was left in place"


def wrong(world: World, scene: Scene) -> str:
    """The first broken rule of a state; empty when all hold."""
    for job in world.jobs:
        if rule := _wrong_job(job):
            return rule
    return ONE_PER_PLACE if len(world.jobs) > 1 and _meet(world, scene) else ""


def _wrong_job(job: Job) -> str:
    if job.made > 1:
        return ONCE
    if job.state in ACTIVE:
        return ""
    if job.held:
        return NOTHING_HELD
    if job.cancel and not (job.state == CANCELLED or job.cause in (FAILED, ASKED)):
        return CANCEL_ANSWERED
    if job.state == SUCCEEDED and not (job.steps == (DONE, DONE) and job.made == 1):
        return TRUE_SUCCESS
    if job.made and not job.said:
        return {CANCELLED: TRUE_CANCEL, FAILED: TRUE_FAILURE}.get(job.state, "")
    return ""


def _meet(world: World, scene: Scene) -> bool:
    taken: set[int] = set()
    for job, needs in zip(world.jobs, scene.needs, strict=True):
        if job.state not in (RUNNING, UNDOING) or not begun(job.steps, intent=job.intent):
            continue
        if taken & set(needs):
            return True
        taken |= set(needs)
    return False


def ended(world: World) -> bool:
    return all(job.state not in ACTIVE for job in world.jobs)
