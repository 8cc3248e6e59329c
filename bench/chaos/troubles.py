"""Each trouble: what it is called, and how its details are drawn. Nothing here looks at what goes on."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SERVERS = ("PVS01", "PVS02", "")
WRITING = (
    "New-PvsDiskMaintenanceVersion",
    "Invoke-PvsPromoteDiskVersion",
    "Invoke-PvsRevertDiskVersion",
    "Set-PvsOverrideVersion",
    "Merge-PvsDisk",
    "Remove-PvsDiskVersion",
    "Set-PvsDiskVersion",
)
READING = ("Get-PvsDiskVersion", "Get-PvsDiskInventory", "Update-PvsInventory", "*")
BUSY, IN_PROCESS, NO_SPACE, SERVER_TIMEOUT = 16, 177, 104, 97
KILLS = frozenset({"kill a worker", "kill the beat", "kill PostgreSQL", "restart PostgreSQL", "kill Valkey"})
"""The rest are faults."""


@dataclass(frozen=True)
class Trouble:
    """``pause``: seconds until the next one, in units of the run's pace."""

    name: str
    pause: float
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def is_kill(self) -> bool:
        return self.name in KILLS

    def __str__(self) -> str:
        return f"{self.name} {' '.join(f'{name}={value}' for name, value in self.details.items())}".strip()


Details = Callable[[random.Random], dict[str, Any]]


def _worker(chance: random.Random) -> dict[str, Any]:
    return {"worker": chance.randrange(100), "back": round(chance.uniform(0, 2), 1)}


def _back(chance: random.Random) -> dict[str, Any]:
    return {"back": round(chance.uniform(0, 2), 1)}


def _nothing(_: random.Random) -> dict[str, Any]:
    return {}


def _freeze(chance: random.Random) -> dict[str, Any]:
    return {"worker": chance.randrange(100), "seconds": round(chance.uniform(0.5, 9), 1)}


def _skew(chance: random.Random) -> dict[str, Any]:
    return {"worker": chance.randrange(100), "seconds": chance.choice([-3600, -90, -5, 0, 5, 90, 3600])}


def _lab_clock(chance: random.Random) -> dict[str, Any]:
    """Never back, and all together within the five minutes by which a domain lets clocks differ."""
    return {"seconds": chance.choice([1, 5, 10])}


def _cut_line(chance: random.Random) -> dict[str, Any]:
    return {
        "action": "cut",
        "moment": chance.choice(["request", "answer", "half"]),
        "operation": chance.choice(["", "Send", "Receive", "Receive", "Create"]),
        "server": chance.choice(SERVERS),
        "count": chance.randrange(1, 5),
    }


def _delay_line(chance: random.Random) -> dict[str, Any]:
    return {
        "action": "delay",
        "moment": chance.choice(["request", "answer"]),
        "operation": chance.choice(["", "Send", "Receive"]),
        "server": chance.choice(SERVERS),
        "seconds": round(chance.uniform(0.1, 1.5), 2),
        "count": chance.randrange(1, 8),
    }


def _cut_all(chance: random.Random) -> dict[str, Any]:
    return {"server": chance.choice(SERVERS)}


def _fail(chance: random.Random) -> dict[str, Any]:
    code = chance.choice([BUSY, BUSY, IN_PROCESS, NO_SPACE, SERVER_TIMEOUT])
    after = code == SERVER_TIMEOUT and chance.random() < 0.5
    return {"cmdlet": chance.choice(WRITING), "action": "fail", "code": code, "after_effect": after}


def _lose(chance: random.Random) -> dict[str, Any]:
    return {
        "cmdlet": chance.choice(WRITING + READING),
        "action": chance.choice(["drop", "kill"]),
        "after_effect": chance.random() < 0.6,
        "count": chance.randrange(1, 3),
    }


def _delay(chance: random.Random) -> dict[str, Any]:
    return {
        "cmdlet": chance.choice(WRITING + READING),
        "action": "delay",
        "seconds": round(chance.uniform(0.1, 1.5), 2),
        "after_effect": chance.random() < 0.5,
        "count": chance.randrange(1, 4),
    }


KINDS: dict[str, tuple[int, Details]] = {
    # how often of one shuffled deck, and its details
    "kill a worker": (4, _worker),
    "kill the beat": (1, _back),
    "kill PostgreSQL": (1, _nothing),
    "restart PostgreSQL": (1, _nothing),
    "kill Valkey": (1, _nothing),
    "flush Valkey": (1, _nothing),
    "freeze a worker": (1, _freeze),
    "put a worker's clock": (3, _skew),
    "put the lab's clock forward": (1, _lab_clock),
    "cut the line": (5, _cut_line),
    "delay the line": (3, _delay_line),
    "cut all connections": (2, _cut_all),
    "fail a cmdlet": (4, _fail),
    "lose a cmdlet's answer": (5, _lose),
    "delay a cmdlet": (3, _delay),
}


class Deck:
    """Troubles without end: a first hand with one of each kind, then whole decks, shuffled by the seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"{seed}/troubles")
        self._cards = self._shuffled(list(KINDS))

    def next(self) -> Trouble:
        if not self._cards:
            self._cards = self._shuffled([name for name, (times, _) in KINDS.items() for _ in range(times)])
        name = self._cards.pop()
        return Trouble(name, round(self._chance.uniform(0.3, 1.7), 2), KINDS[name][1](self._chance))

    def _shuffled(self, cards: list[str]) -> list[str]:
        self._chance.shuffle(cards)
        return cards
