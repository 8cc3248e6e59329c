"""Tells open pages that something changed. A page that misses it only learns later; nothing depends on it."""

from __future__ import annotations

import json
import logging
from functools import cache

import redis
from django.conf import settings
from django.db import transaction

from lifecycle import topics

logger = logging.getLogger(__name__)


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def announce(*names: str) -> None:
    """Publish topics once the running transaction is committed."""
    transaction.on_commit(lambda: _publish(names))


def _publish(names: tuple[str, ...]) -> None:
    try:
        pipeline = _client().pipeline(transaction=False)
        for name in names:
            pipeline.publish(topics.CHANNEL_PREFIX + name, json.dumps({"topic": name}))
        pipeline.execute()
    except redis.RedisError as error:
        logger.warning("pages were not told of %s: %s", ", ".join(names), error)
