"""The servers through which one farm is reached, and which of them is asked.

Any server of a farm answers for the whole farm, so when one is away the next is asked. A change goes to another
server only if it provably never reached the first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from builders.adapters.errors import AdapterError, OutcomeUnknown, TimedOut, Unreachable
from builders.adapters.powershell.allowlist import check
from builders.adapters.powershell.pool import SessionPool
from builders.adapters.powershell.transport import ErrorRecord, Greeting, Reply, Request
from builders.adapters.pvs.answers import refusal, retold
from builders.adapters.pvs.cmdlets import ALLOWED
from builders.adapters.pvs.codes import SERVER_AWAY

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answers:
    """The replies to a batch, and which host gave them."""

    asked: str
    host: str
    replies: list[Reply]

    def error(self, index: int) -> AdapterError | None:
        """What one reply means; the caller says whether it can live with that."""
        reply = self.replies[index]
        return None if reply.ok else refusal(self.asked, reply.errors)

    def raise_first_error(self) -> None:
        for reply in self.replies:
            if not reply.ok:
                raise refusal(self.asked, reply.errors)


class FarmHosts:
    """`pools` in the order of preference. A host that was unreachable a moment ago is asked last."""

    def __init__(self, pools: Sequence[SessionPool]) -> None:
        if not pools:
            raise ValueError("a farm needs at least one host")
        self._pools = tuple(pools)

    def greeting(self, label: str) -> Greeting | None:
        """Of the session opened last on that host."""
        return next((pool.greeting for pool in self._pools if pool.label == label), None)

    def read(self, requests: Sequence[Request], purpose: str, *, patience_seconds: float) -> Answers:
        """Ask for what changes nothing: a broken line is a reason to ask once more."""
        return self._ask(requests, purpose, patience_seconds, _read_from)

    def write(self, request: Request, purpose: str, *, patience_seconds: float) -> Reply:
        """Change something: one request, one batch, never repeated. OutcomeUnknown when nobody can say."""
        answers = self._ask([request], purpose, patience_seconds, _write_to)
        answers.raise_first_error()
        return answers.replies[0]

    def _ask(
        self,
        requests: Sequence[Request],
        purpose: str,
        patience_seconds: float,
        ask: Callable[[SessionPool, Sequence[Request], float], list[Reply]],
    ) -> Answers:
        for request in requests:
            check(request, ALLOWED)
        failures: list[tuple[str, Unreachable]] = []
        for pool in sorted(self._pools, key=lambda pool: pool.is_resting):  # stable: order of preference
            asked = f"{pool.label} was asked to {purpose}"
            try:
                replies = ask(pool, requests, patience_seconds)
            except Unreachable as error:
                logger.warning("%s, but is unreachable: %s", asked, error.words)
                failures.append((asked, error))
                pool.rest()
            except AdapterError as error:
                raise retold(error, asked) from error
            else:
                return Answers(asked, pool.label, replies)
        raise _nobody_answered(failures)


def _read_from(pool: SessionPool, requests: Sequence[Request], patience_seconds: float) -> list[Reply]:
    replies = _read_twice(pool, requests, patience_seconds)
    if _service_is_away(replies):
        pool.close()  # its sessions hold a connection to a service that is gone: the next ones connect anew
        words = f"its Provisioning service does not answer: {replies[0].errors[0].message}"
        raise Unreachable(words, words=words)
    return replies


def _read_twice(pool: SessionPool, requests: Sequence[Request], patience_seconds: float) -> list[Reply]:
    try:
        return pool.batch(requests, patience_seconds=patience_seconds)
    except OutcomeUnknown as error:
        logger.info("%s: the line broke while reading, asking again: %s", pool.label, error.words)
    try:
        return pool.batch(requests, patience_seconds=patience_seconds)
    except OutcomeUnknown as error:  # of a question no outcome can be unknown: this host does not hold a line
        raise Unreachable(str(error), words=error.words, code=error.code) from error


def _write_to(pool: SessionPool, requests: Sequence[Request], patience_seconds: float) -> list[Reply]:
    replies = _write_once(pool, requests, patience_seconds)
    if _service_is_away(replies):
        pool.close()  # the refusal stands, it may be about another server; the next attempt connects anew
    return replies


def _write_once(pool: SessionPool, requests: Sequence[Request], patience_seconds: float) -> list[Reply]:
    try:
        return pool.batch(requests, patience_seconds=patience_seconds)
    except TimedOut as error:
        if not error.in_flight:  # no session was free: nothing was sent
            raise
        lost = OutcomeUnknown(str(error), words=error.words, remedy="Read the state again, then decide.")
        lost.in_flight = error.in_flight
        raise lost from error


def _nobody_answered(failures: list[tuple[str, Unreachable]]) -> AdapterError:
    """A wrong certificate outweighs a host that is down: it needs a person. Otherwise the first host speaks."""
    asked, first = next((failure for failure in failures if failure[1].permanent), failures[0])
    told = retold(first, asked)
    told.details = "; ".join(f"{asked.partition(' was asked')[0]}: {error.words}" for asked, error in failures)
    told.__cause__ = first
    return told


def _service_is_away(replies: Sequence[Reply]) -> bool:
    """Every request failed for want of the service. Which code a farm gives then is not documented."""
    return bool(replies) and all(any(map(_tells_of_absence, reply.errors)) for reply in replies)


def _tells_of_absence(record: ErrorRecord) -> bool:
    if record.pvs is not None:
        return record.pvs.code in SERVER_AWAY
    return record.type.endswith("PvsException")  # the snap-in failed and the farm had no part in it
