"""Sessions with one host, shared by the threads of this process.

Starting PowerShell with its modules takes seconds, and a host allows an account some thirty shells in all, so
sessions are few and live on. A session is used by one thread at a time. One that was interrupted is thrown away.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from builders.adapters.errors import AdapterError, TimedOut, Unreachable
from builders.adapters.powershell.transport import Beat, Greeting, Reply, Request, Transport

logger = logging.getLogger(__name__)

SESSIONS_A_HOST: Final = 4  # in this process; all workers together must stay below the host's 30 an account
PING_AFTER_SECONDS: Final = 60.0  # the host cuts an idle connection after about two minutes
CLOSE_AFTER_SECONDS: Final = 600.0
RENEW_AFTER_SECONDS: Final = 4 * 3600.0  # a process of a day's age has gathered what it never gives back
REST_SECONDS: Final = 30.0
TEND_EVERY_SECONDS: Final = 20.0

Opener = Callable[[], tuple[Transport, Greeting]]


@dataclass
class _Kept:
    """An open session and when it was opened and last used, on the pool's clock."""

    transport: Transport
    opened_at: float
    used_at: float
    pinged_at: float
    is_fresh: bool = True


class SessionPool:
    """`opener` opens a session ready for use, or raises."""

    def __init__(
        self,
        opener: Opener,
        *,
        label: str,
        limit: int = SESSIONS_A_HOST,
        close_after_seconds: float = CLOSE_AFTER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.label = label
        self.greeting: Greeting | None = None
        self._opener = opener
        self._limit = limit
        self._close_after = close_after_seconds
        self._clock = clock
        self._start_empty()
        _pools.add(self)

    def _start_empty(self) -> None:
        self._changed = threading.Condition()
        self._idle: list[_Kept] = []
        self._in_use = 0
        self._rest_until = float("-inf")
        self._tender: threading.Thread | None = None

    # -- use --

    def batch(
        self,
        requests: Sequence[Request],
        *,
        patience_seconds: float,
        on_beat: Callable[[Beat], None] | None = None,
    ) -> list[Reply]:
        """Run a batch in some session. The patience is for waiting for one, and again for the batch itself:
        a change must not be cut short because a session came late.

        Errors as Transport.batch documents; TimedOut with nothing in flight when no session became free. A session
        that had died while idle is replaced: nothing reached it.
        """
        deadline = self._clock() + patience_seconds
        while True:
            with self._session(deadline) as kept:
                try:
                    return kept.transport.batch(requests, patience_seconds=patience_seconds, on_beat=on_beat)
                except Unreachable as error:
                    if kept.is_fresh:
                        raise
                    logger.info("%s: an idle session had died: %s", self.label, error.words)

    @property
    def is_resting(self) -> bool:
        """The host was unreachable a moment ago: ask others first."""
        return self._clock() < self._rest_until

    def snapshot(self) -> Snapshot:
        with self._changed:
            idle, in_use = len(self._idle), self._in_use
        return Snapshot(self.label, open=idle + in_use, in_use=in_use, limit=self._limit, resting=self.is_resting)

    def rest(self) -> None:
        self._rest_until = self._clock() + REST_SECONDS

    @contextlib.contextmanager
    def _session(self, deadline: float) -> Iterator[_Kept]:
        kept = self._take(deadline)
        try:
            yield kept
        finally:
            self._give_back(kept)

    def _take(self, deadline: float) -> _Kept:
        """An idle session or a new one. Opening and pinging happen outside the lock."""
        self._reserve(deadline)
        try:
            while (kept := self._pop_idle()) is not None:
                if self._is_alive(kept):
                    kept.is_fresh = False
                    return kept
                kept.transport.close()
            transport, self.greeting = self._opener()
            _close_all_at_exit()
        except BaseException:
            self._release()
            raise
        now = self._clock()
        self._ensure_tender()
        return _Kept(transport, opened_at=now, used_at=now, pinged_at=now)

    def _reserve(self, deadline: float) -> None:
        with self._changed:
            while self._in_use >= self._limit:
                left = deadline - self._clock()
                if left <= 0 or not self._changed.wait(timeout=left):
                    words = f"all {self._limit} sessions are in use"
                    raise TimedOut(words, words=words)
            self._in_use += 1

    def _release(self) -> None:
        with self._changed:
            self._in_use -= 1
            self._changed.notify()

    def _give_back(self, kept: _Kept) -> None:
        usable = kept.transport.usable and self._clock() - kept.opened_at < RENEW_AFTER_SECONDS
        if not usable:
            kept.transport.close()
        with self._changed:
            if usable:
                kept.used_at = kept.pinged_at = self._clock()
                self._idle.append(kept)
            self._in_use -= 1
            self._changed.notify()

    def _pop_idle(self) -> _Kept | None:
        """The one used last: it is the most likely to be alive, and the others may grow old."""
        with self._changed:
            return self._idle.pop() if self._idle else None

    def _is_alive(self, kept: _Kept) -> bool:
        if self._clock() - kept.pinged_at < PING_AFTER_SECONDS:
            return True
        try:
            kept.transport.ping()
        except AdapterError as error:
            logger.info("%s: an idle session is lost: %s", self.label, error.words)
            return False
        kept.pinged_at = self._clock()
        return True

    # -- upkeep --

    def tend(self) -> None:
        """Ping idle sessions that are due, close those that nobody has used for long. Called now and then."""
        for kept in self._take_due():
            too_old = self._clock() - kept.used_at >= self._close_after
            if too_old or not self._is_alive(kept):
                kept.transport.close()
                self._release()
            else:
                with self._changed:
                    self._idle.insert(0, kept)
                self._release()

    def _take_due(self) -> list[_Kept]:
        """They count as in use while they are looked after, so that the limit holds."""
        now = self._clock()
        with self._changed:
            due = [kept for kept in self._idle if now - kept.pinged_at >= PING_AFTER_SECONDS]
            self._idle = [kept for kept in self._idle if kept not in due]
            self._in_use += len(due)
        return due

    def close(self) -> None:
        """Close what is idle. For the end of a process: sessions in use are not waited for."""
        with self._changed:
            idle, self._idle = self._idle, []
        for kept in idle:
            kept.transport.close()

    def _ensure_tender(self) -> None:
        with self._changed:
            if self._tender is None:
                self._tender = threading.Thread(
                    target=_tend_for_ever, args=(weakref.ref(self),), name=f"sessions of {self.label}", daemon=True
                )
                self._tender.start()

    def forget(self) -> None:
        """After a fork the sessions belong to the parent: neither used nor closed here."""
        self._start_empty()


def _tend_for_ever(pool_of: weakref.ref[SessionPool]) -> None:
    """Holds no pool alive: it ends with the pool it looks after."""
    while True:
        time.sleep(TEND_EVERY_SECONDS)
        pool = pool_of()
        if pool is None:
            return
        pool.tend()
        del pool


_pools: weakref.WeakSet[SessionPool] = weakref.WeakSet()


@dataclass(frozen=True)
class Snapshot:
    """How many sessions this process has with one host. ``resting``: it was unreachable a moment ago."""

    host: str
    open: int
    in_use: int
    limit: int
    resting: bool


def snapshots() -> list[Snapshot]:
    """All pools of this process, by host."""
    return sorted((pool.snapshot() for pool in list(_pools)), key=lambda one: one.host)


def close_all() -> None:
    """At the end of a process. A worker that ends without running exit handlers calls it itself."""
    for pool in list(_pools):
        pool.close()


@cache
def _close_all_at_exit() -> None:
    """Registered after the first connection: exit handlers run backwards, and urllib3 closes its own connections."""
    atexit.register(close_all)


def _forget_all() -> None:
    for pool in list(_pools):
        pool.forget()


os.register_at_fork(after_in_child=_forget_all)
