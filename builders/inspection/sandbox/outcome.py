"""What came back from a child process: its answer, or why it was stopped."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from builders.inspection.errors import Unreadable

Json = dict[str, Any]


class Why(StrEnum):
    MEMORY = "memory"
    CPU = "processor time"
    WALL = "time"
    CRASH = "crash"
    FORBIDDEN = "forbidden"
    GARBAGE = "garbage"
    TOO_MUCH = "too much"
    UNGUARDED = "unguarded"
    """A guard that is required is missing on this machine; nothing was read."""


class Stopped(Unreadable):
    """The child was stopped or broke down. ``partial`` is what it had told before, by name; perhaps nothing."""

    def __init__(self, words: str, why: Why, partial: Json) -> None:
        super().__init__(words)
        self.why = why
        self.partial = partial


@dataclass(frozen=True)
class Progress:
    """Told at every word of the child, and about once a second while it says nothing."""

    words: str
    done: int
    total: int
    """0 while nobody can tell."""
    seconds: float


@dataclass(frozen=True)
class Result:
    value: Json
    seconds: float
    bytes_read: int
    """Bytes of the image's files that were asked for."""
    weaker: tuple[str, ...] = ()
    """Sentences on guards that this machine's kernel does not have; empty where all of them held."""
    changed: tuple[str, ...] = ()
    """Names of files that somebody wrote to while they were read: what was read may be of two states."""
    stopped: Stopped | None = None
    """Why ``value`` is only what a report had told early: the child did not come to its end."""
