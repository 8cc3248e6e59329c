"""What waits in the broker, which is a Redis list that is read at its end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache

import redis
from django.conf import settings

SENT_AT = "portal_sent_at"
"""Header of our messages: when it was sent, by the database's clock."""
UNKNOWN = datetime.min.replace(tzinfo=UTC)
QUEUE = "celery"


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def oldest_message() -> datetime | None:
    """When the message that comes next was sent; None when none waits, UNKNOWN when it does not say.

    Raises redis.RedisError when the broker is away.
    """
    message = _client().lindex(QUEUE, -1)
    if message is None:
        return None
    try:
        return datetime.fromisoformat(json.loads(message)["headers"][SENT_AT])
    except (ValueError, KeyError, TypeError):
        return UNKNOWN
