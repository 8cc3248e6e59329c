"""The figures, for people (the table of docs/benchmarks.md) and for programs (engine.json)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.engine.makespan import Makespan
from bench.engine.rate import Rate
from bench.engine.sizes import Sizes
from bench.engine.statements import Statements
from bench.engine.waiting import Waiting
from bench.results import percentile

RATIO_GOAL = 0.5
MAKESPAN_GOAL = 1.05


@dataclass(frozen=True)
class Figures:
    sizes: Sizes
    at_once: Statements
    waiting_once: Statements
    rate: Rate
    waiting: Waiting
    queued: Waiting
    makespan: Makespan


def for_programs(found: Figures) -> dict[str, Any]:
    return {
        "due_to_start_seconds": _percentiles(found.waiting),
        "due_to_start_with_queue_seconds": _percentiles(found.queued),
        "steps_ratio": round(found.rate.ratio, 3),
        "steps_per_second": round(found.rate.steps_per_second, 1),
        "bare_tasks_per_second": round(found.rate.bare_per_second, 1),
        "makespan_ratio": round(found.makespan.ratio, 4),
        "makespan_seconds": round(found.makespan.seconds, 2),
        "critical_path_seconds": round(found.makespan.critical_path_seconds, 2),
        "worker_rss_mib": {"idle": round(found.waiting.idle_mib, 1), "loaded": round(found.waiting.loaded_mib, 1)},
        "sql_per_step": round(found.at_once.per_step, 2),
        "sql_per_waiting_step": round(found.waiting_once.per_step, 2),
    }


def for_people(found: Figures, machine: list[str]) -> str:
    rows = [*_delays(found), *_rate(found), _makespan(found), _memory(found), *_statements(found)]
    table = ["| | Measured | Goal |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join([*(f"- {line}" for line in machine), "", *table])


Row = tuple[str, str, str]


def _percentiles(waiting: Waiting) -> dict[str, float]:
    return {f"p{share}": round(percentile(waiting.delays, share / 100), 4) for share in (50, 95, 99)}


def _delays(found: Figures) -> list[Row]:
    sizes = found.sizes
    waiting = f"{sizes.waiting_jobs:,} jobs waiting, each due every {sizes.look_every_seconds:.0f} s"
    holding = f"{sizes.holding_jobs:,} jobs waiting, each due every {sizes.holders_look_every_seconds:.0f} s"
    queued = f"{holding}, and {sizes.queued_jobs:,} in the queue for what they hold"
    return [
        (f"due to started: {waiting}", _delay(found.waiting), ""),
        (f"due to started: {queued}", _delay(found.queued), ""),
    ]


def _delay(waiting: Waiting) -> str:
    delays = ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in _percentiles(waiting).items())
    return f"{delays}; worker {waiting.worker_cpu:.0%}, beat {waiting.beat_cpu:.0%} of a core"


def _rate(found: Figures) -> list[Row]:
    rate = found.rate
    return [
        ("steps per second", f"{rate.steps_per_second:.0f}", ""),
        ("bare Celery tasks with as many statements, per second", f"{rate.bare_per_second:.0f}", ""),
        ("steps to bare tasks", f"{rate.ratio:.2f}", f"at least {RATIO_GOAL}"),
    ]


def _makespan(found: Figures) -> Row:
    sizes, span = found.sizes, found.makespan
    what = f"makespan of {sizes.span_jobs} jobs of {sizes.steps} steps at once, over their critical path"
    how = f"{span.ratio:.3f} ({span.seconds:.1f} s over {span.critical_path_seconds:.1f} s)"
    return what, how, f"at most {MAKESPAN_GOAL}"


def _memory(found: Figures) -> Row:
    what = f"memory of the worker (RSS), no job and {found.sizes.waiting_jobs:,} waiting ones"
    return what, f"{found.waiting.idle_mib:.0f} MiB and {found.waiting.loaded_mib:.0f} MiB", ""


def _statements(found: Figures) -> list[Row]:
    return [
        (f"SQL statements per step that {what}", _asked(counted), "")
        for what, counted in (("is done at once", found.at_once), ("waits once", found.waiting_once))
    ]


def _asked(counted: Statements) -> str:
    bounds = f"{counted.bounds_per_step:.1f} BEGIN and COMMIT"
    return f"{counted.per_step:.1f}, and {bounds}; {counted.commits_per_step:.1f} writing transactions"
