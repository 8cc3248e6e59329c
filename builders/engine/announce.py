"""Tells open pages that something changed. A page that misses it only learns later; nothing depends on it."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterable
from functools import cache

import redis
from django.conf import settings
from django.db import transaction

from lifecycle import topics

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.05
"""The first news goes out at once; what follows within this time goes out together."""


def announce(*names: str) -> None:
    """Publish topics once the running transaction is committed. Whoever announces does not wait for Redis."""
    transaction.on_commit(lambda: _publisher.add(names), robust=True)


class Publisher:
    """A thread that publishes what the others have announced; each topic once, however often it was announced."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._process = 0
        self._away = False

    def add(self, names: Iterable[str]) -> None:
        with self._lock:
            self._names.update(dict.fromkeys(names))
            if self._process != os.getpid():  # a forked process has to have its own
                self._process = os.getpid()
                threading.Thread(target=self._run, name="announcements", daemon=True).start()
        self._news.set()

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            with self._lock:
                names, self._names = self._names, {}
            self._publish(names)
            time.sleep(GATHER_SECONDS)

    def _publish(self, names: Iterable[str]) -> None:
        try:
            pipeline = _client().pipeline(transaction=False)
            for name in names:
                pipeline.publish(topics.CHANNEL_PREFIX + name, json.dumps({"topic": name}))
            pipeline.execute()
        except (redis.RedisError, OSError) as error:
            if not self._away:
                logger.warning("pages are not told of changes, Redis is away: %s", error)
            self._away = True
        else:
            if self._away:
                logger.info("pages are told of changes again")
            self._away = False


_publisher = Publisher()
_making = threading.Lock()


def _client() -> redis.Redis:
    """One for all threads. Of two made at the same moment, one would be closed while it is used."""
    with _making:
        return _make_client()


@cache
def _make_client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
