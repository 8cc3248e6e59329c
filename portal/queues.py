"""How many messages wait in Redis for a worker. The truth about jobs is in the database; this is only the way there."""

from __future__ import annotations

from dataclasses import dataclass

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

# What Celery's transport over Redis calls its keys: a list per queue and priority, one hash of what was taken.
_PRIORITY_SUFFIXES = ("", "\x06\x163", "\x06\x166", "\x06\x169")
_TAKEN = "unacked"
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True)
class Queue:
    """``waiting``: messages that no worker has taken."""

    name: str
    waiting: int


@dataclass(frozen=True)
class Queues:
    """``taken``: messages that a worker has fetched and not yet confirmed, of all queues."""

    queues: tuple[Queue, ...]
    taken: int


def look() -> Queues | None:
    """None when Redis does not answer."""
    names = [getattr(settings, "CELERY_TASK_DEFAULT_QUEUE", "celery")]
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        pipeline = client.pipeline(transaction=False)
        for name in names:
            for suffix in _PRIORITY_SUFFIXES:
                pipeline.llen(name + suffix)
        pipeline.hlen(_TAKEN)
        *lengths, taken = pipeline.execute()
    except redis.RedisError:
        return None
    finally:
        client.close()
    each = len(_PRIORITY_SUFFIXES)
    found = (Queue(name, sum(lengths[each * n : each * (n + 1)])) for n, name in enumerate(names))
    return Queues(tuple(found), taken)
