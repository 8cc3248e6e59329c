"""A connection to the database that works, after a long call during which it may have been cut."""

from __future__ import annotations

import logging
import time

from django.db import InterfaceError, OperationalError, connection

from builders.engine.outage import Outage

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0
"""The answer of the outside is worth waiting for; whether it may still be written, the lease tells."""


def make_usable(*, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Look whether the connection works, and make a new one if not; OperationalError when none comes about in time.

    Within a transaction nothing is done: it cannot outlive its connection.
    """
    if connection.in_atomic_block or connection.connection is None or connection.is_usable():
        return
    outage = Outage("the database", logger)
    give_up = time.monotonic() + patience_seconds
    while True:
        connection.close()
        try:
            connection.ensure_connection()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > give_up:
                raise
            time.sleep(outage.lasts(error))
        else:
            outage.is_over()
            return
