"""How much of everything; the small ones only show that the benchmark works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    steps: int = 20
    """A job."""
    counted_jobs: int = 10
    """For the statements a step."""
    rate_jobs: int = 150
    """For the steps a second."""
    waiting_jobs: int = 1000
    look_every_seconds: float = 30
    queued_jobs: int = 1000
    """In the queue, behind what others hold."""
    holding_jobs: int = 100
    """Wait in a step, and hold what the queued ones need."""
    holders_look_every_seconds: float = 8
    span_jobs: int = 200
    shortest_wait_seconds: float = 2
    longest_wait_seconds: float = 4


SMALL = Sizes(
    steps=3,
    counted_jobs=2,
    rate_jobs=4,
    waiting_jobs=6,
    look_every_seconds=1,
    queued_jobs=6,
    holding_jobs=2,
    holders_look_every_seconds=1,
    span_jobs=3,
    shortest_wait_seconds=0.2,
    longest_wait_seconds=0.4,
)
