"""What `make run` starts, for real and whole: servers, lab, worker, beat and web, twice on the same data."""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from portal.embedded.layout import Layout
from tests.platform.processes import gone

BASE = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120
PASSWORD = "demo-password-1"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start(tmp_path: Path, port: int) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    started: list[subprocess.Popen[str]] = []
    own = {"PORTAL_VAR": str(tmp_path), "PORTAL_PORT": str(port), "PORTAL_DEMO_PASSWORD": PASSWORD}
    given = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}

    def launch() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.launcher"],
            env=given | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=BASE,
        )
        started.append(process)
        wait_until_ready(process)
        return process

    yield launch
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def wait_until_ready(process: "subprocess.Popen[str]") -> None:
    """The ready line has come, and the worker's own word before it."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    said = []
    while not said or not said[-1].startswith("Portal ready"):
        said.append(lines.get(timeout=PATIENCE_SECONDS))
        assert said[-1], "".join(said)
    assert any(line.startswith("worker") and line.endswith(" ready.\n") for line in said)


def family(process: "subprocess.Popen[str]", var: Path) -> list[psutil.Process]:
    """The launcher's and the guardian's descendants: only what this run started is looked at, nobody else's process."""
    heads = [psutil.Process(process.pid), psutil.Process(int(Layout(var).guard.read_text()))]
    return [*heads[1:], *(child for head in heads for child in head.children(recursive=True))]


def test_serves_ends_without_a_trace_and_starts_again_on_its_own_data(start, port: int, tmp_path: Path) -> None:
    first = start()
    assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30).text == "ok\n"
    assert httpx.get(f"http://127.0.0.1:{port}/accounts/login/", timeout=30).status_code == 200
    running = family(first, tmp_path)
    assert len(running) >= 7  # guardian, PostgreSQL, Valkey, lab, worker, beat, web
    assert not any("PORTAL_DEMO_PASSWORD" in process.environ() for process in running)

    first.send_signal(signal.SIGINT)
    assert first.wait(PATIENCE_SECONDS) == 0
    assert gone(running)
    secret_key = (tmp_path / "secret_key").read_text()

    start()
    assert (tmp_path / "secret_key").read_text() == secret_key
    assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30).text == "ok\n"
