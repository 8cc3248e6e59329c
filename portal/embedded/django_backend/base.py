from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base

from portal import embedded


class DatabaseWrapper(base.DatabaseWrapper):
    """Starting at the first connection, not with the settings: linters, `help` and `collectstatic` need no server."""

    def get_new_connection(self, conn_params: Any) -> Any:
        embedded.attach(settings.PORTAL_VAR)
        return super().get_new_connection(conn_params)
