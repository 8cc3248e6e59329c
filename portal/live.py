"""What changed, told to open pages: names of topics over Redis pub/sub, never content.

The stream holds no database connection: a page left open overnight must not keep one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import lru_cache

import redis
import redis.asyncio
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from lifecycle import topics

logger = logging.getLogger(__name__)

MOST_TOPICS = 12
KEEP_ALIVE_SECONDS = 15.0
CONFIRM_SECONDS = 5.0
LONGEST_SECONDS = 600.0  # then the browser connects anew, and its rights are looked at again
RETRY_MILLISECONDS = 2000

_PERMISSIONS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(re.escape(topics.FARM)), "lifecycle.view_vdisk"),
    (re.compile(r"vdisk-\d{1,18}"), "lifecycle.view_vdisk"),
    (re.compile(re.escape(topics.CHANGES)), "lifecycle.view_changerequest"),
    (re.compile(r"change-\d{1,18}"), "lifecycle.view_changerequest"),
    (re.compile(re.escape(topics.JOBS)), "lifecycle.view_job"),
    (re.compile(r"job-\d{1,18}"), "lifecycle.view_job"),
    (re.compile(re.escape(topics.OPERATIONS)), "lifecycle.view_operations"),
    (re.compile(re.escape(topics.SCHEDULES)), "lifecycle.view_schedule"),
    (re.compile(re.escape(topics.PACKAGES)), "lifecycle.view_package"),
)


def may_hear(user: User, topic: str) -> bool:
    """Unknown topics are heard by nobody."""
    return any(pattern.fullmatch(topic) and user.has_perm(name) for pattern, name in _PERMISSIONS)


def publish(*names: str) -> None:
    """Tell open pages, once the transaction is committed. A Redis that is away costs liveness, not the request."""
    transaction.on_commit(lambda: _send(names), robust=True)


def _send(names: tuple[str, ...]) -> None:
    try:
        for name in names:
            _client().publish(topics.CHANNEL_PREFIX + name, json.dumps({"topic": name}))
    except redis.RedisError as error:
        logger.warning("Open pages were not told of %s: %s", ", ".join(names), error)


@lru_cache(maxsize=1)
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


async def events(names: list[str]) -> AsyncGenerator[str, None]:
    """Server-sent events for these topics. Ends when Redis goes away or the time is up; the browser comes again."""
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2)
    try:
        async with client.pubsub() as subscription:
            await _subscribe(subscription, names)
            # From here on nothing is missed: the page asks once for what happened before.
            yield f"retry: {RETRY_MILLISECONDS}\nevent: ready\ndata: {{}}\n\n"
            async with aclosing(_messages(subscription)) as messages:
                async for message in messages:
                    yield message
    except redis.RedisError as error:
        logger.warning("A live page lost Redis: %s", error)
    finally:
        await client.aclose()


async def _subscribe(subscription: redis.asyncio.client.PubSub, names: list[str]) -> None:
    """Returns when Redis has confirmed each topic, not before: what is published until then is not heard."""
    await subscription.subscribe(*(topics.CHANNEL_PREFIX + name for name in names))
    for _ in names:
        if await subscription.get_message(timeout=CONFIRM_SECONDS) is None:
            raise redis.TimeoutError("Redis did not confirm a subscription")


async def _messages(subscription: redis.asyncio.client.PubSub) -> AsyncGenerator[str, None]:
    ends_at = asyncio.get_running_loop().time() + LONGEST_SECONDS
    while asyncio.get_running_loop().time() < ends_at:
        message = await subscription.get_message(timeout=KEEP_ALIVE_SECONDS)
        if message is None:
            yield "event: still\ndata: {}\n\n"  # heard by the page, unlike a comment: it notices when they stay out
            continue
        if message["type"] != "message":
            continue
        topic = message["channel"].decode().removeprefix(topics.CHANNEL_PREFIX)
        yield f"event: changed\ndata: {json.dumps({'topic': topic})}\n\n"
