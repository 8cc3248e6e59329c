"""What the domain refuses, and why.

LifecycleError
├── NotAllowed         this person may not (never), e.g. approve their own request
├── NotNow             the state does not permit it now; says the present state
│   └── StaleState     someone else was first
└── Incomplete         something is missing from what was asked
"""

from __future__ import annotations


class LifecycleError(Exception):
    """A foreseen refusal. ``str(error)`` is a sentence for the person who asked."""


class NotAllowed(LifecycleError):
    """This person may not do it, whatever the state."""


class NotNow(LifecycleError):
    """The object's state does not permit it now."""


class StaleState(NotNow):
    """The object changed between reading and writing: someone else was first."""


class Incomplete(LifecycleError):
    """A field that is needed was left out; ``field`` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
