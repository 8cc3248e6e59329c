"""The process that answers for the embedded servers: starts them, mends them, and stops them when nobody uses them.

It exists because a user that is killed cannot clean up behind itself. It knows its users by a lock that each holds
shared: when it gets that lock for itself alone, the last one is gone, in whatever way.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from portal.embedded.errors import EmbeddedServerError
from portal.embedded.layout import Layout
from portal.embedded.locks import FileLock
from portal.embedded.postgres import Postgres
from portal.embedded.valkey import Valkey

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5

# Set to 0 for test runs: faster, and the data does not survive a crash of the machine.
DURABLE_VARIABLE = "PORTAL_EMBEDDED_DURABLE"


class Guardian:
    def __init__(self, layout: Layout) -> None:
        self.guard = FileLock(layout.guard)
        self.users = FileLock(layout.users)
        self.postgres = Postgres(layout, durable=os.environ.get(DURABLE_VARIABLE, "1") != "0")
        self.valkey = Valkey(layout)
        self.told_to_stop = threading.Event()
        self._failures = 0
        self._not_before = 0.0

    def run(self, ready: Callable[[], None]) -> int:
        """Exit code 0: done or nothing to do, for another guardian serves this folder; 1: a server did not start."""
        if not self._take_office():
            return 0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.told_to_stop.set())
        try:
            self._start()
            ready()
            while not self.told_to_stop.wait(LOOK_SECONDS) and not self.users.try_exclusive():
                self._mend()
            logger.info("stopping: %s", "told to" if self.told_to_stop.is_set() else "nobody uses the servers")
        except EmbeddedServerError as error:
            logger.error("%s", error)
            return 1
        finally:
            self._stop()
        return 0

    def _take_office(self) -> bool:
        """Try for a second: somebody who only asks whether there is a guardian holds the lock for a moment."""
        for _ in range(20):
            if self.guard.try_exclusive():
                self.guard.write(str(os.getpid()))
                return True
            time.sleep(0.05)
        return False

    def _start(self) -> None:
        """A server that runs already, of an earlier guardian too, is left as it is."""
        for server in (self.postgres, self.valkey):
            if server.pid() is None:
                logger.info("starting %s", type(server).__name__)
                server.start()

    def _mend(self) -> None:
        """What ran and does not come back is tried for as long as somebody uses it, ever more seldom."""
        if time.monotonic() < self._not_before:
            return
        try:
            self._start()
        except EmbeddedServerError as error:
            self._failures += 1
            pause = min(LOOK_SECONDS * 2**self._failures, LONGEST_PAUSE_SECONDS)
            self._not_before = time.monotonic() + pause
            logger.error("%s\nTrying again in %.0f s", error, pause)
        else:
            self._failures = 0

    def _stop(self) -> None:
        self.valkey.stop()
        self.postgres.stop()
        # In this order: whoever waits for the users' lock must not find a guardian that is about to go.
        self.guard.release()
        self.users.release()


def main(var: str) -> int:
    """Leave a guardian behind; 0 when its servers are ready, 1 when they did not start (its log says why)."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        return 0 if os.read(reading, 1) else 1  # nothing to read: the guardian ended without its word
    os.setsid()  # Ctrl-C at the terminal of whoever came first is not for the guardian
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    return Guardian(Layout(Path(var))).run(ready=lambda: tell(writing))


def tell(descriptor: int) -> None:
    os.write(descriptor, b"1")
    os.close(descriptor)
