"""Takes the database and the broker of the test run away, and waits until they are back: for tests of what survives.

The guardian of the embedded servers starts whatever is gone again, within a second. Servers that were given by URL are
not ours to restart: such a test is skipped, and says so.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import psutil
import psycopg
from django.conf import settings
from django.db import connection

from portal.embedded.guardian import DURABLE_VARIABLE
from portal.embedded.layout import Layout
from portal.embedded.postgres import PORT, ROLE, Postgres
from portal.embedded.valkey import Valkey
from tests.conftest import require_extra

BACK_SECONDS = 90


def _layout() -> Layout:
    embedded = settings.PORTAL_EMBEDDED_DATABASE and settings.PORTAL_EMBEDDED_REDIS
    require_extra("the embedded servers", embedded, "leave DATABASE_URL and REDIS_URL unset")
    return Layout(settings.PORTAL_VAR)


def restart_postgres(*, crash: bool = False, seconds_away: float = 0) -> None:
    """Cut everybody off; with ``crash`` without any warning (not with careless test servers: they lose commits).

    It stays away for ``seconds_away`` at least.
    """
    layout = _layout()
    server = Postgres(layout)
    assert not crash or os.environ.get(DURABLE_VARIABLE) != "0", "a crash needs PORTAL_EMBEDDED_DURABLE=1"
    before = server.pid()
    assert before is not None
    guardian = psutil.Process(int(layout.guard.read_text(encoding="utf-8")))
    guardian.suspend()
    try:
        os.kill(before, signal.SIGQUIT if crash else signal.SIGINT)
        time.sleep(seconds_away)
    finally:
        guardian.resume()
    _wait("PostgreSQL", lambda: server.pid() not in (before, None) and _answers(server))
    connection.close()


def restart_valkey(*, crash: bool = False) -> None:
    """All messages are lost."""
    server = Valkey(_layout())
    before = server.pid()
    assert before is not None
    os.kill(before, signal.SIGKILL if crash else signal.SIGTERM)
    _wait("Valkey", lambda: server.pid() not in (before, None))


def _answers(server: Postgres) -> bool:
    try:
        psycopg.connect(host=str(server.sockets), port=PORT, user=ROLE, dbname="template1").close()
    except psycopg.OperationalError:
        return False
    return True


def _wait(name: str, is_back: Callable[[], bool]) -> None:
    until = time.monotonic() + BACK_SECONDS
    while not is_back():
        assert time.monotonic() < until, f"{name} is not back after {BACK_SECONDS} s"
        time.sleep(0.05)
