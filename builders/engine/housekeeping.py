"""What has to be looked after each second or so, beside jobs that are due: syncs, schedules, what is kept, old rows.

Runs in a thread of beat, not as a message: it must not wait behind jobs, nor pile up where no worker runs. Two beats
may do it at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error as DatabaseGone
from django.db import connection
from django.db.models.functions import Now
from kombu.exceptions import OperationalError as BrokerGone
from redis.exceptions import RedisError

from builders import mailing, schedules
from builders.engine import broker, clock, dispatch, keeping
from builders.engine.outage import Outage
from lifecycle.models import Worker

logger = logging.getLogger(__name__)

KEEP_DEAD_WORKERS = timedelta(days=7)
SendSync = Callable[[int, datetime], object]
Chore = Callable[[], object]


class Syncs:
    """Sends each due farm to a worker once, and again when the message was lost."""

    def __init__(self, send: SendSync) -> None:
        self._send = send
        self._sent: dict[int, datetime] = {}

    def __call__(self) -> None:
        due, now = dispatch.farms_due()
        self._sent = {farm_id: min(at, now) for farm_id, at in self._sent.items() if farm_id in due}
        lost_before = dispatch.lost_before(broker.oldest_message()) if self._sent else now
        for farm_id in due:
            if self._sent.get(farm_id, broker.UNKNOWN) < lost_before:
                self._send(farm_id, now)
                self._sent[farm_id] = now


def forget_dead_workers() -> None:
    Worker.objects.filter(seen_at__lt=Now() - KEEP_DEAD_WORKERS).delete()


def chores(send_sync: SendSync) -> dict[str, Chore]:
    return {
        "clock": clock.bring_back,
        "syncs": Syncs(send_sync),
        "schedules": schedules.run_due,
        "reminders": keeping.remind_of_what_is_kept,
        "what has expired": keeping.expire_what_is_kept,
        "old workers": forget_dead_workers,
        "mail": mailing.Mailing(),
    }


class Housekeeping:
    """One round of all chores each PORTAL_TICK_SECONDS. A chore that fails is told once, and keeps no other from it."""

    def __init__(self, chores: Mapping[str, Chore]) -> None:
        self._chores = chores
        self._outages = {
            "database": Outage("the database", logger),
            "broker": Outage("the broker", logger),
        }
        self._failing: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._for_ever, name="housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, patience_seconds: float) -> None:
        """Wait for the round that is under way, but not for long: each chore may be cut short at any time."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(patience_seconds)

    def round(self) -> None:
        for name, chore in self._chores.items():
            try:
                chore()
            except DatabaseGone as error:
                self._outages["database"].lasts(error)
                connection.close()
                return
            except (BrokerGone, RedisError) as error:
                self._outages["broker"].lasts(error)
            except Exception as error:
                self._note_failure(name, error)
            else:
                self._failing.pop(name, None)
                if name == "syncs":
                    self._outages["broker"].is_over()
                self._outages["database"].is_over()

    def _note_failure(self, name: str, error: Exception) -> None:
        words = repr(error)
        if self._failing.get(name) != words:
            self._failing[name] = words
            logger.exception("housekeeping of %s failed; tried again each second", name)

    def _for_ever(self) -> None:
        while not self._stop.wait(settings.PORTAL_TICK_SECONDS):
            self.round()
        connection.close()
