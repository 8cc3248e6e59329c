"""Beat is told to stop in a signal's handler, which may interrupt it in the midst of a statement."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from builders.engine.presence import Presence
from lifecycle.models import Worker

OUTER_LIMIT_SECONDS = 30


@pytest.mark.django_db(transaction=True)
def test_goodbye_is_said_though_the_connection_of_who_stops_is_in_use() -> None:
    presence = Presence(role=Worker.Role.BEAT, name="beat")
    presence.start()
    over = threading.Event()

    def stop_in_the_midst_of_a_statement() -> None:
        connection.ensure_connection()
        with connection.connection.lock:  # held by psycopg while a statement is under way
            presence.stop()
        connection.close()
        over.set()

    threading.Thread(target=stop_in_the_midst_of_a_statement, daemon=True).start()

    assert over.wait(OUTER_LIMIT_SECONDS), "it waits for itself"
    assert Worker.objects.get().stopped_at is not None
