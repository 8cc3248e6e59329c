"""Carries the troubles out, one after the other, and counts those that hit."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import redis

from bench.chaos.crew import Crew
from bench.chaos.troubles import Deck, Trouble
from portal.embedded.layout import Layout
from portal.embedded.postgres import Postgres
from portal.embedded.valkey import Valkey
from tests.labprocess import LabProcess

AGAIN_SECONDS = 0.3


class Monkey:
    """``pace``: seconds between two troubles, on average. ``act`` is called again and again and never waits."""

    def __init__(self, seed: int, crew: Crew, lab: LabProcess, var: Path, pace: float, say: Callable[[str], None]):
        self.crew, self.lab, self.pace, self.say = crew, lab, pace, say
        self.postgres, self.valkey = Postgres(Layout(var)), Valkey(Layout(var))
        self.done: Counter[str] = Counter()
        self._deck = Deck(seed)
        self._next = self._deck.next()
        self._due = time.monotonic() + pace
        self._thaw_at: dict[int, float] = {}
        self._handlers: dict[str, Callable[[dict[str, Any]], bool]] = {
            "kill a worker": lambda d: self._worker(d).kill(d["back"]),
            "kill the beat": lambda d: self.crew.beat.kill(d["back"]),
            "kill PostgreSQL": lambda _: _signal(self.postgres.pid(), signal.SIGKILL),
            "restart PostgreSQL": lambda _: _signal(self.postgres.pid(), signal.SIGINT),
            "kill Valkey": lambda _: _signal(self.valkey.pid(), signal.SIGKILL),
            "flush Valkey": lambda _: self._flush(),
            "freeze a worker": self._freeze,
            "put a worker's clock": self._skew,
            "put the lab's clock forward": lambda d: self._order("clock", {"forward_seconds": d["seconds"]}),
            "cut the line": lambda d: self._order("line", d),
            "delay the line": lambda d: self._order("line", d),
            "cut all connections": lambda d: self._order("line/cut", d),
            "fail a cmdlet": lambda d: self._order("faults", d),
            "lose a cmdlet's answer": lambda d: self._order("faults", d),
            "delay a cmdlet": lambda d: self._order("faults", d),
        }

    def act(self) -> None:
        self._thaw()
        if time.monotonic() < self._due:
            return
        trouble = self._next
        if not self._handlers[trouble.name](trouble.details):  # what it is to hit is down already: when it is back
            self._due = time.monotonic() + AGAIN_SECONDS
            return
        self.done[trouble.name] += 1
        self.say(str(trouble))
        self._next = self._deck.next()
        self._due = time.monotonic() + trouble.pause * self.pace

    def rest(self) -> None:
        """No more troubles: what was ordered and not suffered yet is forgotten, clocks are right again."""
        self.crew.thaw()
        self._thaw_at.clear()
        self._order("faults/clear", {})
        self._order("line/clear", {})
        for number in range(len(self.crew.workers)):
            self.crew.put_clock(number, 0)

    @property
    def kills(self) -> int:
        return sum(times for name, times in self.done.items() if Trouble(name, 0).is_kill)

    @property
    def faults(self) -> int:
        return sum(self.done.values()) - self.kills

    def _worker(self, details: dict[str, Any]) -> Any:
        return self.crew.workers[details["worker"] % len(self.crew.workers)]

    def _freeze(self, details: dict[str, Any]) -> bool:
        hit: bool = self._worker(details).life.send(signal.SIGSTOP)
        self._thaw_at[details["worker"] % len(self.crew.workers)] = time.monotonic() + details["seconds"]
        return hit

    def _thaw(self) -> None:
        for number, at in list(self._thaw_at.items()):
            if time.monotonic() >= at:
                self.crew.workers[number].life.send(signal.SIGCONT)
                del self._thaw_at[number]

    def _skew(self, details: dict[str, Any]) -> bool:
        self.crew.put_clock(details["worker"] % len(self.crew.workers), details["seconds"])
        return True

    def _flush(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self.valkey.socket), socket_timeout=2) as client:
                client.flushall()
        except redis.RedisError:
            return False
        return True

    def _order(self, path: str, body: dict[str, Any]) -> bool:
        self.lab.post(path, body)
        return True


def _signal(process: int | None, number: signal.Signals) -> bool:
    """False when nothing ran that could be hit."""
    if process is None:
        return False
    try:
        psutil.Process(process).send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True
