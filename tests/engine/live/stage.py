"""Real beats and workers on a test's database, and gated jobs for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from builders.engine import broker
from lifecycle.models import Job, Worker
from tests.engine.live.kind import GATED

GIVE_UP = 120
LEASE_SECONDS = 4


class Stage:
    """``folder`` is the outside world of the jobs, and keeps what the processes said."""

    def __init__(self, folder: Path, environment: dict[str, str], make_job: Callable[..., Job]) -> None:
        self.folder = folder
        self._make_job = make_job
        self._environment = environment | {
            "PORTAL_LEASE_SECONDS": str(LEASE_SECONDS),
            "PORTAL_PRESENCE_SECONDS": "1",
        }
        self._children: list[subprocess.Popen[bytes]] = []
        broker._client().delete(broker.QUEUE)

    # -- processes --

    def beat(self) -> subprocess.Popen[bytes]:
        return self._start("beat", "--pidfile=")

    def worker(self, threads: int = 2) -> subprocess.Popen[bytes]:
        """Returns when it has reported itself."""
        child = self._start("worker", "-P", "threads", "-c", str(threads), "-n", f"worker-{len(self._children)}@%h")
        self.until("a worker", lambda: self.row(child) is not None)
        return child

    def row(self, child: subprocess.Popen[bytes]) -> Worker | None:
        return Worker.objects.filter(process=child.pid).first()

    def said(self, child: subprocess.Popen[bytes]) -> str:
        return (self.folder / f"{child.pid}.log").read_text(encoding="utf-8")

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "tests.engine.live.app", *arguments, "--loglevel", "INFO"]
        draft = self.folder / "starting.log"
        with draft.open("wb") as output:
            child = subprocess.Popen(
                command, env=self._environment, stdout=output, stderr=output, start_new_session=True
            )
        draft.rename(self.folder / f"{child.pid}.log")
        self._children.append(child)
        return child

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def close(self) -> None:
        self.let_go()
        for child in self._children:
            if child.poll() is None:
                psutil.Process(child.pid).resume()
                self.kill(child)
        broker._client().delete(broker.QUEUE)

    # -- jobs --

    def job(self, **values: object) -> Job:
        defaults = {"kind": GATED, "admitted_at": None, "parameters": {"folder": str(self.folder)}}
        return self._make_job(**defaults | values)

    def began(self, job: Job) -> list[int]:
        """The processes that made its call."""
        file = self.folder / f"began-{job.pk}"
        return [int(line) for line in file.read_text(encoding="utf-8").split()] if file.exists() else []

    def let_go(self) -> None:
        (self.folder / "go").touch()

    def shut(self) -> None:
        (self.folder / "go").unlink()

    def until_over(self) -> None:
        self.until("the end of all jobs", lambda: not Job.objects.active().exists())

    def until(self, what: str, holds: Callable[[], object]) -> None:
        give_up = time.monotonic() + GIVE_UP
        while not holds():
            if time.monotonic() > give_up:
                said = "\n".join(f"{log.name}: {log.read_text()[-3000:]}" for log in self.folder.glob("*.log"))
                raise AssertionError(f"waited in vain for {what}\n{said}")
            time.sleep(0.05)
