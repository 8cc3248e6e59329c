"""Events through the real Redis: what a page that is left open hears, and what it does not."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import redis
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import AsyncClient, Client

from lifecycle import topics
from portal import live

PATIENCE_SECONDS = 20


def _announce(topic: str) -> None:
    """As a worker does it."""
    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        client.publish(topics.CHANNEL_PREFIX + topic, json.dumps({"topic": topic}))


async def _next(stream: AsyncIterator[bytes]) -> str:
    return (await asyncio.wait_for(anext(stream), PATIENCE_SECONDS)).decode()


async def _open(user: User, query: str) -> AsyncIterator[bytes]:
    client = AsyncClient()
    await sync_to_async(client.force_login)(user)
    response = await client.get(f"/live/?{query}")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    return aiter(response.streaming_content)


def test_delivers_what_changed(auditor: User) -> None:
    @async_to_sync
    async def heard() -> list[str]:
        stream = await _open(auditor, "topic=job-7&topic=farm")
        ready = await _next(stream)
        await sync_to_async(_announce)("job-8")
        await sync_to_async(_announce)("job-7")
        return [ready, await _next(stream)]

    ready, event = heard()

    assert ready == "retry: 2000\nevent: ready\ndata: {}\n\n"
    assert event == 'event: changed\ndata: {"topic": "job-7"}\n\n'


@pytest.mark.django_db(transaction=True)
def test_delivers_what_the_web_publishes_itself(auditor: User) -> None:
    @async_to_sync
    async def heard() -> str:
        stream = await _open(auditor, "topic=changes")
        await _next(stream)
        await sync_to_async(live.publish)(topics.CHANGES)
        return await _next(stream)

    assert '"changes"' in heard()


def test_leaves_out_topics_that_the_role_does_not_see(helpdesk: User) -> None:
    @async_to_sync
    async def heard() -> str:
        stream = await _open(helpdesk, "topic=jobs&topic=job-7&topic=farm&topic=nonsense")
        await _next(stream)
        for topic in ("jobs", "job-7", "nonsense", "farm"):
            await sync_to_async(_announce)(topic)
        return await _next(stream)

    assert '"farm"' in heard()


def test_says_that_it_is_still_there(auditor: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "KEEP_ALIVE_SECONDS", 0.05)

    @async_to_sync
    async def heard() -> str:
        stream = await _open(auditor, "topic=farm")
        await _next(stream)
        return await _next(stream)

    assert heard() == "event: still\ndata: {}\n\n"


def test_ends_so_that_rights_are_looked_at_again(auditor: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "KEEP_ALIVE_SECONDS", 0.02)
    monkeypatch.setattr(live, "LONGEST_SECONDS", 0.1)

    @async_to_sync
    async def heard() -> list[bytes]:
        return [event async for event in await _open(auditor, "topic=farm")]

    assert b"ready" in heard()[0]


def test_ends_quietly_when_redis_is_away(auditor: User, settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"

    @async_to_sync
    async def heard() -> list[bytes]:
        return [event async for event in await _open(auditor, "topic=farm")]

    assert heard() == []
    assert "lost Redis" in caplog.text


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("&".join(f"topic=job-{i}" for i in range(13)), 400), ("topic=nonsense", 404), ("topic=job-", 404)],
)
def test_refuses_what_makes_no_sense(as_, auditor: User, query: str, status: int) -> None:
    assert as_(auditor).get(f"/live/?{query}").status_code == status


def test_a_stranger_hears_nothing(as_, stranger: User) -> None:
    assert as_(stranger).get("/live/?topic=farm&topic=jobs").status_code == 404


@pytest.fixture
def server(child_environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The portal in a web server of its own, on this test's database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "portal.asgi:application", "--port", str(port), "--lifespan", "off"]
    with (tmp_path / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--timeout-graceful-shutdown", "1"], env=child_environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, tmp_path / "web.log")
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def _wait_for(url: str, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            httpx.get(f"{url}/accounts/login/")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"The web server did not start:\n{log.read_text()}")


@pytest.mark.django_db(transaction=True)
def test_open_pages_hold_no_database_connection(server: str, auditor: User) -> None:
    browser = Client()
    browser.force_login(auditor)
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
    streams = []
    with httpx.Client(base_url=server, cookies=cookies, timeout=PATIENCE_SECONDS) as pages:
        before = _connections()
        for _ in range(8):
            stream = pages.send(pages.build_request("GET", "/live/?topic=farm"), stream=True)
            lines = stream.iter_lines()
            assert next(lines).startswith("retry:")
            streams.append(stream)

        held = _connections() - before

        for stream in streams:
            stream.close()
    assert held <= 0


def _connections() -> int:
    """Of others to this test's database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])
