"""All five measurements, one after the other."""

from __future__ import annotations

from collections.abc import Callable

from bench.engine import makespan, rate, statements, waiting
from bench.engine.sizes import Sizes
from bench.engine.table import Figures
from bench.ground import Ground


def measure(ground: Ground, sizes: Sizes, say: Callable[[str], None]) -> Figures:
    say("statements per step")
    at_once = statements.measure(ground, sizes, wait=False)
    waiting_once = statements.measure(ground, sizes, wait=True)
    say("steps per second")
    per_second = rate.measure(ground, sizes, at_once)
    say(f"{sizes.waiting_jobs:,} waiting jobs")
    waited = waiting.measure(ground, sizes)
    say(f"{sizes.queued_jobs:,} jobs in the queue")
    queued = waiting.measure_queued(ground, sizes)
    say(f"{sizes.span_jobs} jobs at once")
    span = makespan.measure(ground, sizes)
    return Figures(sizes, at_once, waiting_once, per_second, waited, queued, span)
