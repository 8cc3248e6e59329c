"""This process reports itself: that it lives, what it works on, its sessions and memory; and it hears when to drain.

One thread a process, with its own connection. While the database is away it keeps quiet and goes on later.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import psutil
from django.conf import settings
from django.db import Error as DatabaseGone
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from builders.adapters.powershell import pool
from builders.engine.announce import announce
from builders.engine.outage import Outage
from lifecycle import topics
from lifecycle.models import Worker

logger = logging.getLogger(__name__)

MIB = 1024 * 1024
STOP_SECONDS = 5.0
GOODBYE_SECONDS = 10


def _nothing() -> None:
    pass


class Presence:
    """``stop_taking`` and ``take_again`` tell the consumer of messages; ``drained`` once nothing is in hand."""

    def __init__(
        self,
        *,
        role: Worker.Role,
        name: str,
        threads: int = 1,
        stop_taking: Callable[[], None] = _nothing,
        take_again: Callable[[], None] = _nothing,
    ) -> None:
        self.row_id = 0
        self._identity: dict[str, Any] = {
            "role": role,
            "name": name[:160],
            "machine": socket.gethostname()[:255],
            "process": os.getpid(),
            "threads": threads,
            "release": settings.PORTAL_RELEASE[:40],
        }
        self.is_draining = False
        self._stop_taking = stop_taking
        self._take_again = take_again
        self._busy: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._look = threading.Event()
        self._outage = Outage("the database", logger)
        self._thread = threading.Thread(target=self._report_for_ever, name="presence", daemon=True)

    # -- what this process is at --

    def begin(self, key: str, task: str, job_id: int | None) -> None:
        since = datetime.now(UTC).isoformat()
        with self._lock:
            self._busy[key] = {"task": task, "job": job_id, "since": since}

    def end(self, key: str) -> None:
        with self._lock:
            self._busy.pop(key, None)
            done = self.is_draining and not self._busy
        if done:
            self._look.set()

    @property
    def busy(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._busy.values())

    # -- telling --

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Have goodbye said, by the thread that reports: this one may be in the midst of a statement, for beat stops
        in a signal's handler, and its connection would wait for itself.
        """
        self._stop.set()
        self._look.set()
        if self._thread.is_alive():
            self._thread.join(GOODBYE_SECONDS)
        else:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Nothing is lost when that fails: whoever is silent counts as dead."""
        try:
            self._row().update(stopped_at=Now(), seen_at=Now(), busy=[], sessions=[])
            announce(topics.OPERATIONS)
        except DatabaseGone as error:
            logger.warning("no goodbye was said, the database is away: %s", error)
        finally:
            connection.close()

    def report(self) -> None:
        """Write down how this process is, and do what was asked of it."""
        sessions = [asdict(one) for one in pool.snapshots() if one.open or one.resting]
        facts: dict[str, Any] = {
            "busy": self.busy,
            "sessions": sessions,
            "memory_mib": psutil.Process().memory_info().rss / MIB,
        }
        if not self._row().update(seen_at=Now(), **facts):  # at the start, or somebody removed the row
            made = Worker.objects.create(**self._identity, started_at=Now(), seen_at=Now(), **facts)
            self.row_id = made.pk
            announce(topics.OPERATIONS)
        asked, drained = self._row().values_list("drain_asked_at", "drained_at").get()
        self._heed(asked_to_drain=asked is not None, has_said_so=drained is not None)

    def _row(self) -> QuerySet[Worker]:
        return Worker.objects.filter(pk=self.row_id)

    def _heed(self, *, asked_to_drain: bool, has_said_so: bool) -> None:
        if asked_to_drain != self.is_draining:
            self.is_draining = asked_to_drain
            logger.info("asked to take no more work" if asked_to_drain else "asked to take work again")
            (self._stop_taking if asked_to_drain else self._take_again)()
        if asked_to_drain and not has_said_so and not self.busy:
            pool.close_all()
            if self._row().filter(drain_asked_at__isnull=False).update(drained_at=Now(), sessions=[]):
                logger.info("nothing in hand any more: this process can be stopped")
                announce(topics.OPERATIONS)

    def _report_for_ever(self) -> None:
        while not self._stop.is_set():
            self._look.clear()
            try:
                self.report()
                self._outage.is_over()
            except DatabaseGone as error:
                self._outage.lasts(error)
                connection.close()
            except Exception:
                logger.exception("this process could not report itself")
            self._look.wait(settings.PORTAL_PRESENCE_SECONDS)
        self._say_goodbye()


_of_this_process: Presence | None = None


def appear(presence: Presence) -> None:
    """From now on this process is the one that ``presence`` speaks of."""
    global _of_this_process  # noqa: PLW0603  there is one process
    _of_this_process = presence
    presence.start()


def current() -> Presence | None:
    return _of_this_process


def leave() -> None:
    global _of_this_process
    presence, _of_this_process = _of_this_process, None
    if presence is not None:
        presence.stop()


def is_draining() -> bool:
    return _of_this_process is not None and _of_this_process.is_draining
