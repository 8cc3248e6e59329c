"""Workers on strings: real turns of the engine, in threads that stop before each write and each outside call.

The test decides who goes on, and may kill a worker at any stop: what it would have done next never happens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connection

OUTER_LIMIT_SECONDS = 120.0


class Killed(BaseException):
    """Not an Exception: nothing in the product may catch it, as nothing catches kill -9."""


class Puppet:
    """One worker process. ``at`` says before what it stands; None while it is idle."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.at: str | None = None
        self.job_id: int | None = None
        self.faults: list[BaseException] = []
        self._go = threading.Event()
        self._stands = threading.Event()
        self._kill = False

    def begin(self, job_id: int, turn: Callable[[], None]) -> None:
        """Take up a turn, up to its first stop."""
        self.job_id, self._kill = job_id, False
        self._stands.clear()
        self._go.clear()
        threading.Thread(target=self._run, args=(turn,), name=self.name, daemon=True).start()
        self._await()

    def go_on(self) -> None:
        """Up to the next stop, or to the end of the turn."""
        self._stands.clear()
        self._go.set()
        self._await()

    def kill(self) -> None:
        self._kill = True
        self.go_on()

    def _await(self) -> None:
        assert self._stands.wait(OUTER_LIMIT_SECONDS), f"{self.name} hangs after: {self.at}"

    def stop_before(self, what: str) -> None:
        """Called in the worker's thread."""
        self.at = what
        self._stands.set()
        self._go.wait()
        self._go.clear()
        if self._kill:
            raise Killed

    def _run(self, turn: Callable[[], None]) -> None:
        _own.puppet = self
        try:
            turn()
        except Killed:
            pass
        except BaseException as fault:
            self.faults.append(fault)
        finally:
            connection.close()
            self.at = self.job_id = None
            self._stands.set()


_own = threading.local()


def stop_before(what: str) -> None:
    """A stop, where a puppet runs this; nothing in other threads."""
    puppet: Puppet | None = getattr(_own, "puppet", None)
    if puppet is not None:
        puppet.stop_before(what)
