"""What the engine survives: a restarted database, a broker that forgot everything, killed workers."""

from __future__ import annotations

import pytest
from django.db import connection

from builders.engine import announce
from tests import servers as restarting

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_servers_can_be_restarted(servers: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    announce._client().set("kept", "no")
    restarting.restart_postgres()
    restarting.restart_valkey()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert announce._client().get("kept") is None
