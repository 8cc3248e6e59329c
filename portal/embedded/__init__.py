"""PostgreSQL and Valkey from wheels, for a machine that has neither: used where DATABASE_URL or REDIS_URL is not set.

`ensure` attaches this process to the servers of a data folder and starts them if need be; they stop when the last
attached process is gone. Both listen on unix sockets in folders that only their user can enter, and on no network.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from portal.embedded.errors import EmbeddedServerError
from portal.embedded.layout import Layout
from portal.embedded.locks import FileLock, is_held

__all__ = ["EmbeddedServerError", "attach", "database", "detach", "redis_url", "stop"]

START_SECONDS = 90
ROOT = Path(__file__).resolve().parents[2]

PORT = 5432
NAME = "portal"

_attached: dict[Path, FileLock] = {}
_one_at_a_time = threading.RLock()


def database(var: Path) -> dict[str, Any]:
    """The Django database entry; its back end attaches by itself at the first connection."""
    sockets = str(Layout(var).postgres_sockets)
    entry = {"ENGINE": "portal.embedded.django_backend", "NAME": NAME, "USER": NAME, "PASSWORD": ""}
    return entry | {"HOST": sockets, "PORT": str(PORT), "OPTIONS": {}}


def redis_url(var: Path) -> str:
    return f"unix://{Layout(var).valkey_socket}?db=0"


def attach(var: Path) -> None:
    """Make sure that the servers run for as long as this process lives (or until `detach`). Cheap to repeat.

    Raises EmbeddedServerError if a server does not start.
    """
    with _one_at_a_time:
        if var in _attached:
            return
        layout = Layout(var)
        _make_home(layout)
        with FileLock(layout.mutex):
            users = FileLock(layout.users)
            users.wait_shared()  # waits for a guardian that is just stopping
            try:
                if not is_held(layout.guard):
                    _start_guardian(layout)
            except BaseException:
                users.release()
                raise
        _attached[var] = users


def detach(var: Path) -> None:
    """Let go; the servers stop soon if this was their last user."""
    with _one_at_a_time:
        users = _attached.pop(var, None)
        if users is not None:
            users.release()


def stop(var: Path, *, seconds: float = 30) -> bool:
    """Stop the servers whoever uses them; True when they are gone."""
    layout = Layout(var)
    detach(var)
    if not is_held(layout.guard):
        return True
    os.kill(int(layout.guard.read_text(encoding="utf-8")), signal.SIGTERM)
    return wait_until_stopped(var, seconds=seconds)


def wait_until_stopped(var: Path, *, seconds: float = 30) -> bool:
    until = time.monotonic() + seconds
    while is_held(Layout(var).guard):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _make_home(layout: Layout) -> None:
    layout.var.mkdir(parents=True, exist_ok=True)
    layout.home.mkdir(mode=0o700, exist_ok=True)


def _start_guardian(layout: Layout) -> None:
    """Returns when the servers are ready: the command waits for that, then leaves the guardian behind on its own."""
    command = [sys.executable, "-m", "portal.embedded", "guard", str(layout.var)]
    with layout.log.open("ab") as log:
        started = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, timeout=START_SECONDS, check=False
        )
    if started.returncode:
        last_words = "\n".join(layout.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise EmbeddedServerError(
            f"The embedded PostgreSQL and Valkey did not start; {layout.log} ends with:\n{last_words}\n"
            "Servers of your own can be used instead: set DATABASE_URL and REDIS_URL."
        )
