"""What every way of running cmdlets on a host must offer, and the values that pass through it.

pywinrm fills it today (session.py). A JEA endpoint through PSRP can fill it as well: the same requests, another wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = Any  # str | int | float | bool | None, and lists and dictionaries of these: what json.loads returns


@dataclass(frozen=True)
class Request:
    """One cmdlet. Without `select` nothing comes back but success; "." selects the object itself."""

    cmdlet: str
    parameters: Mapping[str, Json] = field(default_factory=dict)
    select: tuple[str, ...] = ()


@dataclass(frozen=True)
class FarmFault:
    """What a Provisioning farm itself said (the EAException inside a PvsException)."""

    code: int
    message: str
    details: str
    severity: str
    partial: tuple[FarmFault, ...] = ()  # of a call about many objects: what happened to the others


@dataclass(frozen=True)
class ErrorRecord:
    """PowerShell's error record; `fqid` and `pvs` are fit for decisions, `message` may be in any language."""

    fqid: str
    message: str
    category: str = ""
    target: str = ""
    type: str = ""
    hresult: str = ""
    pvs: FarmFault | None = None


@dataclass(frozen=True)
class Reply:
    """The answer to one request, in the order of the requests."""

    items: tuple[Mapping[str, Json], ...]
    errors: tuple[ErrorRecord, ...]
    warnings: tuple[str, ...]
    milliseconds: int

    @property
    def ok(self) -> bool:
        return not self.errors


@dataclass(frozen=True)
class Beat:
    """A cmdlet that runs for long says so. `percent` is -1 when it does not know."""

    milliseconds: int
    percent: int
    text: str


@dataclass(frozen=True)
class Greeting:
    """Who answered. `modules` gives versions; a module that did not load stands in `missing` with the reason."""

    host: str
    powershell: str
    os: str
    mode: str
    modules: Mapping[str, str]
    missing: Mapping[str, str]


class Transport(Protocol):
    """Used by one thread at a time. Errors are those of builders.adapters.errors."""

    @property
    def usable(self) -> bool:
        """Open, and not interrupted in mid-conversation."""

    def open(self) -> Greeting:
        """Unreachable, CertificateProblem, NotAuthenticated, Refused, TimedOut."""

    def batch(
        self,
        requests: Sequence[Request],
        *,
        patience_seconds: float,
        on_beat: Callable[[Beat], None] | None = None,
    ) -> list[Reply]:
        """All requests in one go, one after the other on the host.

        Unreachable: none of them was delivered. OutcomeUnknown: some were, and the line broke.
        TimedOut: the host is alive and not ready in time.
        """

    def ping(self) -> None:
        """Says that we are still here, and finds out whether the host is."""

    def close(self) -> None:
        """Ends the process on the host. Never raises."""
