"""Whose version is it? PVS gives the number of a deleted version anew, and has no room for a mark on a new one.

A step notes ``number`` and ``created`` (as PVS writes it, compared as text) as soon as PVS has named them; without
these, only what appeared right after this job's own call, while it held the vDisk, is this job's.
"""

from __future__ import annotations

import re
from datetime import timedelta

from builders.engine.context import StepContext
from builders.jobs.steps.asking import SETTLE, asked_at, asked_in_this_run, is_settling
from lifecycle.facts import VersionFacts
from lifecycle.models import JobStep
from lifecycle.states import StepState

CLOCKS_DIFFER = timedelta(minutes=5)
"""A domain turns away a server whose clock differs by more."""
_NAMED = re.compile(r"portal job (\d+)\]\s*$")


def why_not_ours(ctx: StepContext, found: VersionFacts, clocks_differ: timedelta = CLOCKS_DIFFER) -> str:
    """Why it is not certain that this job made the version, in half a sentence; empty when it is."""
    if why_not := _belongs_to_another(ctx, found):
        return why_not
    if created := ctx.saved.get("created"):
        return "" if created == found.created else f"it was made at {found.created}, and this job's at {created}"
    if _job_named_in(found.description) == ctx.job.pk:
        return ""
    if not asked_in_this_run(ctx):
        return "PVS gave no answer when this job asked for one, and somebody else may have made it since"
    if is_settling(ctx) or _was_made_then(ctx, found, clocks_differ):
        return ""
    return f"it was made at {found.created}, and not when this job asked for one"


def _belongs_to_another(ctx: StepContext, found: VersionFacts) -> str:
    named = _job_named_in(found.description)
    if named not in (None, ctx.job.pk):
        return f"its description names portal job {named}"
    return made_by_another_job(ctx, found.number)


def made_by_another_job(ctx: StepContext, number: int) -> str:
    """Which one made a version of this number after this job asked, in half a sentence; or empty."""
    if (asked := asked_at(ctx)) is None:
        return ""
    others = JobStep.objects.filter(
        job__vdisk=ctx.job.vdisk_id,
        job__context__version=number,
        about__produces__contains=["version"],
        state=StepState.DONE,
        ended_at__gt=asked,
    ).exclude(job=ctx.job.pk)
    other = others.values_list("job", flat=True).first()
    return f"job {other} made a version {number} since" if other else ""


def _job_named_in(description: str) -> int | None:
    match = _NAMED.search(description)
    return int(match[1]) if match else None


def _was_made_then(ctx: StepContext, found: VersionFacts, clocks_differ: timedelta) -> bool:
    """For who looks late: between the job's beginning and the time in which its call could have had an effect."""
    asked, begun = asked_at(ctx), ctx.job.admitted_at
    created = ctx.farm.version(ctx.disk_id, found.number).created_at
    if asked is None or begun is None or created is None:
        return False
    return begun - clocks_differ <= created <= asked + SETTLE + clocks_differ
