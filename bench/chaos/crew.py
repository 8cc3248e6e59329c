"""The real processes under test: workers and a beat, killed and replaced; each worker with a clock of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from bench.chaos import skew

ROOT = Path(__file__).resolve().parents[2]
THREADS = 6
STOP_SECONDS = 30
READY = " ready."


class Life:
    """One process from its start to its end, in a group of its own."""

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.name, self.log = name, log
        self.frozen = False
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> bool:
        """False when it has ended by itself before."""
        if not self.is_running:
            return False
        os.killpg(self.process.pid, number)
        self.frozen = number == signal.SIGSTOP
        return True

    def kill(self) -> bool:
        hit = self.send(signal.SIGKILL)
        self.process.wait()
        return hit

    def tail(self, characters: int = 3000) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-characters:]


class Post:
    """A place in the crew: somebody is there, or is due to come."""

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str], logs: Path) -> None:
        self.name, self.arguments, self.environment, self.logs = name, arguments, environment, logs
        self.lives = 0
        self.unasked_ends: list[str] = []
        self._due = 0.0
        self.life = self._begin()

    def attend(self) -> None:
        """Replace who is gone and due."""
        if self.life.is_running:
            return
        if self._due == 0.0:  # nobody killed it
            self.unasked_ends.append(f"{self.life.log.name} ended with {self.life.process.returncode}")
            self._due = time.monotonic() + 1
        if time.monotonic() >= self._due:
            self.life = self._begin()

    def kill(self, back_in_seconds: float) -> bool:
        """kill -9; somebody else comes after a while. False when nobody is there: who is on the way is not put off."""
        if not self.life.is_running:
            return False
        self._due = time.monotonic() + back_in_seconds
        return self.life.kill()

    def _begin(self) -> Life:
        self.lives += 1
        self._due = 0.0
        return Life(self.name, self.arguments, self.environment, self.logs / f"{self.name}-{self.lives}.log")


class Crew:
    """``with Crew(...)``: nothing of it is left behind."""

    def __init__(self, workers: int, environment: Mapping[str, str], folder: Path) -> None:
        self.logs, self.temporary = folder / "logs", folder / "tmp"
        self.clocks = [folder / f"clock-{number}" for number in range(workers)]
        for place in (self.logs, self.temporary):
            place.mkdir()
        own = {**environment, "TMPDIR": str(self.temporary), "PYTHONFAULTHANDLER": "1"}
        self.workers = [self._worker(number, own) for number in range(workers)]
        self.beat = Post("beat", _beat(), own, self.logs)

    @property
    def posts(self) -> list[Post]:
        return [*self.workers, self.beat]

    def _worker(self, number: int, environment: Mapping[str, str]) -> Post:
        self.put_clock(number, 0)
        own = {**environment, skew.VARIABLE: str(self.clocks[number])}
        return Post(f"worker{number}", _worker(number), own, self.logs)

    def put_clock(self, worker: int, seconds: float) -> None:
        draft = self.clocks[worker].with_suffix(".new")
        draft.write_text(str(seconds), encoding="utf-8")
        draft.replace(self.clocks[worker])

    def attend(self) -> None:
        for post in self.posts:
            post.attend()

    def thaw(self) -> None:
        for post in self.posts:
            if post.life.frozen:
                post.life.send(signal.SIGCONT)

    def is_ready(self) -> bool:
        return all(READY in post.life.tail(100_000) for post in self.workers)

    def stop(self) -> list[str]:
        """As an operator would, with SIGTERM: who had to be killed then."""
        self.thaw()
        for post in self.posts:
            post.life.send(signal.SIGTERM)
        late = []
        until = time.monotonic() + STOP_SECONDS
        for post in self.posts:
            try:
                post.life.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                late.append(post.name)
                post.life.send(signal.SIGABRT)  # its log then ends with what each thread was at
                post.life.process.wait()
        return late

    def end(self) -> None:
        for post in self.posts:
            post.life.kill()


def _worker(number: int) -> list[str]:
    celery = ["celery", "--quiet", "-A", "bench.chaos.app", "worker", "-P", "threads", "-c", str(THREADS)]
    return [*celery, "-n", f"chaos{number}@%h", "--loglevel", "INFO"]


def _beat() -> list[str]:
    return ["celery", "--quiet", "-A", "builders", "beat", "--pidfile=", "--loglevel", "INFO"]
