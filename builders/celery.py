"""The Celery application: `celery -A builders worker` and `celery -A builders beat`."""

import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

from celery import Celery
from celery.signals import beat_init, celeryd_init, worker_process_shutdown, worker_shutdown
from django.conf import settings
from django.core.checks import run_checks

from builders.adapters.powershell import pool

app = Celery("builders")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["builders"])

app.conf.beat_schedule = {
    "tick": {
        "task": "builders.tick",
        "schedule": settings.PORTAL_TICK_SECONDS,
        # Ticks that nobody took are worth nothing: without this, they pile up while no worker runs.
        "options": {"expires": 10 * settings.PORTAL_TICK_SECONDS},
    },
}


@celeryd_init.connect
@beat_init.connect
def prepare(**_: Any) -> None:
    """Refuse unsafe settings, as Celery runs Django's checks without looking at the outcome; start what is embedded."""
    serious = [finding for finding in run_checks(tags=["portal"]) if finding.is_serious()]
    if serious:
        sys.exit("\n".join(str(finding) for finding in serious))
    settings.PORTAL_ATTACH_SERVERS()


@worker_shutdown.connect
@worker_process_shutdown.connect
def leave(**_: Any) -> None:
    """Close the sessions on the PVS servers; child processes of Celery skip Python's own exit handlers."""
    pool.close_all()
