"""Open pages are told of changes, by a thread of its own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import transaction

from builders.engine import announce
from lifecycle import topics


@pytest.fixture
def heard(servers: None) -> Iterator[redis.client.PubSub]:
    client = redis.Redis.from_url(settings.REDIS_URL)
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.psubscribe(f"{topics.CHANNEL_PREFIX}test-*")
    yield listener
    listener.close()
    client.close()


def listen(listener: redis.client.PubSub, until: str) -> list[str]:
    """Topics in the order they came, up to ``until``."""
    found: list[str] = []
    limit = time.monotonic() + 30
    while until not in found:
        assert time.monotonic() < limit, f"{until} was not heard, only {found}"
        message: dict[str, Any] | None = listener.get_message(timeout=1)
        if message:
            found.append(json.loads(message["data"])["topic"])
    return found


@pytest.mark.django_db(transaction=True)
def test_a_topic_is_published_after_the_commit_and_not_after_a_rollback(heard: redis.client.PubSub) -> None:
    def roll_back() -> None:
        with transaction.atomic():
            announce.announce("test-never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        roll_back()
    with transaction.atomic():
        announce.announce("test-committed")
        time.sleep(2 * announce.GATHER_SECONDS)
        announce._client().publish(f"{topics.CHANNEL_PREFIX}test-before", json.dumps({"topic": "test-before"}))
    announce.announce("test-last")

    found = listen(heard, "test-last")

    assert found[0] == "test-before"
    assert set(found) == {"test-before", "test-committed", "test-last"}


@pytest.mark.django_db(transaction=True)
def test_what_is_announced_often_in_a_short_time_is_published_seldom(heard: redis.client.PubSub) -> None:
    for _ in range(500):
        announce.announce("test-often")
    announce.announce("test-last")

    assert listen(heard, "test-last").count("test-often") < 500


def test_threads_that_announce_first_at_the_same_moment_share_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one, forgotten at once, would be closed while its connection is in use."""
    made: list[object] = []

    def make(*_: Any, **__: Any) -> object:
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    monkeypatch.setattr(redis.Redis, "from_url", make)
    announce._make_client.cache_clear()
    found: list[object] = []
    try:
        threads = [threading.Thread(target=lambda: found.append(announce._client())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        announce._make_client.cache_clear()

    assert len(made) == 1
    assert found == made * 8


def test_redis_being_away_is_said_once_and_harms_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = redis.Redis(unix_socket_path="/nowhere/valkey.sock", retry=None)
    publisher = announce.Publisher()

    with caplog.at_level("INFO", logger=announce.__name__):
        monkeypatch.setattr(announce, "_client", lambda: nobody)
        publisher._publish(["test-a"])
        publisher._publish(["test-b"])

    assert [record.levelname for record in caplog.records] == ["WARNING"]
