"""The dispatcher, as the scheduler of Celery's beat: lets jobs in and hands them out in the moment they are due.

It works on the database alone and may run twice. A database or broker that is away is told once and waited for.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any

from celery.beat import Scheduler
from django.db import Error as DatabaseGone
from django.db import connection
from kombu.exceptions import OperationalError as BrokerGone
from redis.exceptions import RedisError

from builders.engine import broker, dispatch, leases, presence
from builders.engine.housekeeping import Housekeeping, chores
from builders.engine.outage import Outage
from builders.engine.presence import Presence
from lifecycle import waking
from lifecycle.models import Worker

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 0.2  # so late is found at most what fell due unforeseen
SHORTEST_PAUSE = 0.002
LOOK_FOR_LOST_EVERY = 1.0
REST_AFTER_ADMITTING = 9.0  # times as long as it took: with a very long queue it takes a tenth of the time at most
STOP_SECONDS = 5.0
NEVER_HANG = {"max_retries": 0, "socket_connect_timeout": 1, "socket_timeout": 5}


class Dispatcher(Scheduler):
    """Celery calls ``tick`` for ever and sleeps for the seconds that it returns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._housekeeping: Housekeeping | None = None
        self._database = Outage("the database", logger)
        self._broker = Outage("the broker", logger)
        self._admit_next = self._look_next = self._take_over_next = float("-inf")
        super().__init__(*args, **kwargs)

    def tick(self, *_args: Any, **_kwargs: Any) -> float:
        """Let in and hand out what is due now; the seconds until it is worth looking again."""
        if self._housekeeping is None:
            self._begin()
        try:
            return self._turn()
        except DatabaseGone as error:
            connection.close()
            return self._database.lasts(error)
        except (BrokerGone, RedisError, OSError) as error:
            return self._broker.lasts(error)

    def close(self) -> None:
        if self._housekeeping is not None:
            self._housekeeping.stop(patience_seconds=STOP_SECONDS)
            self._housekeeping = None
            presence.leave()
        super().close()

    def _begin(self) -> None:
        """Not when it is made: beat also makes one that only describes itself."""
        self.app.conf.broker_transport_options = NEVER_HANG
        self._housekeeping = Housekeeping(chores(self._send_sync))
        self._housekeeping.start()
        presence.appear(Presence(role=Worker.Role.BEAT, name="beat"))

    def _turn(self) -> float:
        if self._database.is_on:
            # leases ended while nobody could renew them: whoever lives does so now, only the others lose their jobs
            self._take_over_next = time.monotonic() + leases.length().total_seconds() / 3
        admitted = self._admit()
        take_over = time.monotonic() >= self._take_over_next
        handed_out = dispatch.hand_out(self._send, lost_before=self._lost_before(), take_over=take_over)
        pause = dispatch.seconds_to_next()
        self._database.is_over()
        if handed_out:
            self._broker.is_over()
        if dispatch.AT_ONCE in (admitted, handed_out):
            return 0.0
        return LONGEST_PAUSE if pause is None else min(max(pause, SHORTEST_PAUSE), LONGEST_PAUSE)

    def _admit(self) -> int:
        started = time.monotonic()
        if started < self._admit_next:
            return 0
        admitted = dispatch.admit()
        took = time.monotonic() - started
        self._admit_next = started + took + REST_AFTER_ADMITTING * took
        return admitted

    def _lost_before(self) -> datetime | None:
        if time.monotonic() < self._look_next:
            return None
        self._look_next = time.monotonic() + LOOK_FOR_LOST_EVERY
        oldest = broker.oldest_message()
        self._broker.is_over()
        return dispatch.lost_before(oldest)

    def _send(self, job_id: int, at: datetime) -> None:
        self._send_message(waking.ADVANCE_JOB, at, job_id=job_id)

    def _send_sync(self, farm_id: int, at: datetime) -> None:
        self._send_message(waking.SYNC_FARM, at, farm_id=farm_id)

    def _send_message(self, task: str, at: datetime, **what: int) -> None:
        """Raises BrokerGone at once when it cannot be sent."""
        headers = {broker.SENT_AT: at.isoformat()}
        self.app.send_task(task, kwargs=what, headers=headers, retry=False, ignore_result=True)
