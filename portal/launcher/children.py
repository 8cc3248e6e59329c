"""One child process: its own process group, its output line by line to the terminal and to a file of its own."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOG_BYTES = 10_000_000
LAST_LINES = 12
ONLY_LOOK = 0
_terminal = threading.Lock()


def say(name: str, line: str) -> None:
    """One whole line at a time, whoever writes; a terminal that has gone away is nobody's error."""
    with _terminal, contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{name:<8} | {line}\n")
        sys.stdout.flush()


@dataclass(frozen=True)
class Command:
    """What to start; `ready_line` is a pattern in the line by which it says that it works ("" if it says nothing).

    `once`: it ends by itself; the others run until they are stopped, and are started again if they end before.
    """

    name: str
    arguments: Sequence[str]
    ready_line: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    once: bool = False


class Child:
    def __init__(self, command: Command, *, logs: Path, base: Path) -> None:
        self.command = command
        self.name = command.name
        self.started_at = time.monotonic()
        self.is_ready = threading.Event()
        logs.mkdir(parents=True, exist_ok=True)
        self.log = logs / f"{self.name}.log"
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)  # of this life: the file goes on from one to the next
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        self.process = subprocess.Popen(
            command.arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=base,
            env={**_environment(), **command.environment, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # Ctrl-C reaches the launcher alone, which then stops all in good order
        )
        self._reader = threading.Thread(target=self._follow_output, name=f"output of {self.name}", daemon=True)
        self._reader.start()

    @property
    def exit_code(self) -> int | None:
        return self.process.poll()

    @property
    def lived_seconds(self) -> float:
        return time.monotonic() - self.started_at

    @property
    def has_said_ready(self) -> bool:
        """True for a command that has no such line, too."""
        return self.is_ready.is_set() or not self.command.ready_line

    @property
    def last_words(self) -> str:
        """Where its output is kept, and the last lines of this life; after `finish` none is missing."""
        lines = "".join(f"\n    {line}" for line in list(self._last_lines) if line.strip())
        return f"{self.log} ends with:{lines}" if lines else f"it said nothing ({self.log})"

    def signal_group(self, number: int) -> bool:
        """Everything it started is in its group; False when nothing of it is left."""
        self.process.poll()  # a leader that has ended but was not asked for would keep its group alive
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def is_gone(self) -> bool:
        return self.process.poll() is not None and not self.signal_group(ONLY_LOOK)

    def finish(self) -> None:
        """After the end: take in the last lines and let go of the pipe."""
        self._reader.join(timeout=2)
        if self.process.stdout is not None and not self._reader.is_alive():
            self.process.stdout.close()

    def _follow_output(self) -> None:
        assert self.process.stdout is not None
        with self.log.open("a", encoding="utf-8") as log:
            for raw in self.process.stdout:
                line = raw.decode("utf-8", errors="replace").rstrip("\n")
                log.write(f"{line}\n")
                log.flush()
                self._last_lines.append(line)
                say(self.name, line)
                if self.command.ready_line and re.search(self.command.ready_line, line):
                    self.is_ready.set()


def _environment() -> dict[str, str]:
    """Ours, without the demo password: only the command that sets it is given it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_DEMO_PASSWORD")}
