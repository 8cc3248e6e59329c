"""The real web server around the real middleware: streams begin at once, and do not hold up its end."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from portal.launcher.plan import Plan

BASE = Path(__file__).resolve().parents[2]


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def web(port: int, servers: None, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    (command,) = (
        command
        for command in Plan(tmp_path, port, with_lab=False, demo_password="none").services()
        if command.name == "web"
    )
    arguments = [word.replace("portal.asgi", "tests.platform.streaming_site") for word in command.arguments]
    with (tmp_path / "web.log").open("w") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log, text=True, cwd=BASE, env=dict(os.environ))
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield process
    process.kill()
    process.wait()


def test_a_stream_begins_at_once_and_is_cut_when_the_server_is_told_to_end(web, port: int) -> None:
    with httpx.stream("GET", f"http://127.0.0.1:{port}/endless/", timeout=30) as response:
        chunks = response.iter_raw()
        assert next(chunks) == b"data: first\n\n"

        web.send_signal(signal.SIGTERM)

        assert web.wait(30) in {0, -signal.SIGTERM}
        with pytest.raises(httpx.HTTPError):
            next(chunks)


def test_static_files_and_pages_are_served_beside_an_open_stream(web, port: int, tmp_path: Path) -> None:
    with httpx.stream("GET", f"http://127.0.0.1:{port}/endless/", timeout=30) as response:
        next(response.iter_raw())

        script = httpx.get(f"http://127.0.0.1:{port}/static/django_htmx/htmx-2.min.js", timeout=30)
        health = httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30)

    assert script.status_code == 200
    assert health.text == "ok\n"
    assert "Warning" not in (tmp_path / "web.log").read_text()
