"""A real worker and a real beat beside the measuring program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 120
THREADS = 4
"""As `make run` and the example in docs/configuration.md start it."""


class Child:
    """One process in a group of its own, its output in a file; killed at the end of the block."""

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.arguments = [sys.executable, "-m", *arguments]
        self.environment = {**os.environ, **environment, "PGAPPNAME": name, "PORTAL_LOG_LEVEL": "INFO"}
        self.log = folder / f"{name}-{time.monotonic_ns()}.log"

    def __enter__(self) -> Self:
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                self.arguments,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if error is not None:
            sys.stderr.write(f"{self.name} said last:\n{self.said()[-3000:]}\n")

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def rss_mib(self) -> float:
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    def cpu_seconds(self) -> float:
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system


def worker(environment: Mapping[str, str], folder: Path, *, threads: int = THREADS) -> Child:
    """The product's worker that also knows the benchmark's own kinds of jobs (bench/engine/app.py)."""
    celery = ["celery", "--quiet", "-A", "bench.engine.app", "worker", "-P", "threads", "-c", str(threads)]
    return Child("worker", [*celery, "--loglevel", "INFO"], environment, folder)


def beat(environment: Mapping[str, str], folder: Path) -> Child:
    celery = ["celery", "--quiet", "-A", "builders", "beat", "--pidfile=", "--loglevel", "WARNING"]
    return Child("beat", celery, environment, folder)


def wait_ready(child: Child) -> None:
    wait_for(f"the {child.name} to be ready", lambda: " ready." in child.said(), child, seconds=READY_SECONDS)


def wait_for(what: str, holds: Callable[[], bool], *children: Child, seconds: float, poll: float = 0.25) -> None:
    """RuntimeError when it does not come to be, or when one of ``children`` has ended."""
    until = time.monotonic() + seconds
    while not holds():
        ended = [child.name for child in children if child.process.poll() is not None]
        if ended:
            raise RuntimeError(f"waited for {what}, but the {ended[0]} has ended")
        if time.monotonic() > until:
            raise RuntimeError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(poll)
