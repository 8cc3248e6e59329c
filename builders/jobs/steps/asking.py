"""When PVS was asked, and what that is worth later: ``asked`` in a step's memory is the moment of its last call."""

from __future__ import annotations

from datetime import datetime, timedelta

from builders.engine.context import StepContext

SETTLE = timedelta(seconds=60)
"""So long after a call that nobody answered, or whose effect is not shown, that effect may still appear."""
DOUBT = timedelta(days=1)
"""What PVS accepted and has not shown after so long, it does no more."""


def asked_at(ctx: StepContext) -> datetime | None:
    asked = ctx.saved.get("asked")
    return datetime.fromisoformat(asked) if isinstance(asked, str) else None


def asked_in_this_run(ctx: StepContext) -> bool:
    """Since then the job has held the vDisk without a break, so that no other job of the portal changed it."""
    asked, admitted = asked_at(ctx), ctx.job.admitted_at
    return asked is not None and admitted is not None and asked >= admitted


def is_settling(ctx: StepContext) -> bool:
    asked = asked_at(ctx)
    return asked is not None and ctx.now - asked < SETTLE


def is_in_doubt(ctx: StepContext) -> bool:
    """PVS accepted it, and nobody knows yet whether it will be done."""
    asked = asked_at(ctx)
    return bool(ctx.saved.get("accepted")) and asked is not None and ctx.now - asked < DOUBT
