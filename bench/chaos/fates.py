"""What is decided before the start, from the seed alone: each job's fate, and the order of the troubles."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

CANCELLED, RESUMED, TAKEN_BACK, CLEANED = "cancelled", "fails once", "fails, taken back", "fails, cleaned up"
THROUGH = "runs through"
FOR_EVER = 1_000
PAUSES = 4
LAST_PLACE_TO_CANCEL = 19


@dataclass(frozen=True)
class Fate:
    """``vdisk``: index of its vDisk. ``cancel_at``: a person cancels once so many steps are done."""

    name: str
    vdisk: int
    requester: int
    parameters: dict[str, Any]
    cancel_at: int | None = None

    @property
    def takes_back(self) -> bool:
        return self.name == TAKEN_BACK


def draw(seed: int, jobs: int, vdisks: int, requesters: int, longest_pause: float) -> list[Fate]:
    """Two thirds run through, the rest is cancelled or fails in one of three ways."""
    chance = random.Random(f"{seed}/fates")
    return [_draw(chance, number, vdisks, requesters, longest_pause) for number in range(jobs)]


def _draw(chance: random.Random, number: int, vdisks: int, requesters: int, longest_pause: float) -> Fate:
    name = chance.choices([THROUGH, CANCELLED, RESUMED, TAKEN_BACK, CLEANED], weights=[66, 10, 12, 6, 6])[0]
    parameters: dict[str, Any] = {
        "pauses": [round(chance.uniform(0.1, longest_pause), 2) for _ in range(PAUSES)],
        "refresh": chance.random() < 0.12,
    }
    cancel_at = chance.randrange(0, LAST_PLACE_TO_CANCEL) if name == CANCELLED else None
    if name in (RESUMED, TAKEN_BACK, CLEANED):
        parameters["fails_at"] = chance.randrange(1, 4)  # the fourth pause is not in every job
        parameters["fails_times"] = 1 if name == RESUMED else FOR_EVER
    return Fate(name, number % vdisks, chance.randrange(requesters), parameters, cancel_at)
