"""The Celery application: `celery -A builders worker` and `celery -A builders beat`."""

import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

from celery import Celery
from celery.signals import (
    beat_init,
    celeryd_init,
    task_postrun,
    task_prerun,
    worker_process_shutdown,
    worker_shutdown,
)
from django.conf import settings
from django.core.checks import run_checks
from django.db import close_old_connections, connections

from builders.adapters.powershell import pool
from builders.engine import masking

KEEP_CONNECTION_SECONDS = 600

app = Celery("builders")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["builders"])
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize  # Celery would close connections after each task; see keep_connections


@celeryd_init.connect
@beat_init.connect
def prepare(**_: Any) -> None:
    """Refuse unsafe settings, as Celery runs Django's checks without looking at the outcome; start what is embedded.

    From here on, this process logs no secrets.
    """
    serious = [finding for finding in run_checks(tags=["portal"]) if finding.is_serious()]
    if serious:
        sys.exit("\n".join(str(finding) for finding in serious))
    settings.PORTAL_ATTACH_SERVERS()
    masking.guard_logging()


@celeryd_init.connect
def keep_connections(**_: Any) -> None:
    """Threads of a worker keep their connection to the database from task to task, and look whether it still works."""
    for entry in connections.settings.values():
        entry |= {"CONN_MAX_AGE": KEEP_CONNECTION_SECONDS, "CONN_HEALTH_CHECKS": True}


@task_prerun.connect
@task_postrun.connect
def look_at_connections(task: Any, **_: Any) -> None:
    if not task.request.is_eager:
        close_old_connections()


@worker_shutdown.connect
@worker_process_shutdown.connect
def leave(**_: Any) -> None:
    """Close the sessions on the PVS servers; child processes of Celery skip Python's own exit handlers."""
    pool.close_all()
