"""Celery tasks: thin. Each takes ids and makes one call into the engine or the sync."""

from __future__ import annotations

import logging
import os
import socket
import threading

from celery import shared_task
from django.db import InterfaceError, OperationalError

from builders import reporting  # noqa: F401  hears what Celery does
from builders.engine import dispatch, presence, runner
from builders.farms import open_farm
from builders.jobs import plan
from builders.sync import run as sync
from lifecycle import waking

logger = logging.getLogger(__name__)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"


@shared_task(name=waking.ADVANCE_JOB)
def advance_job(*, job_id: int) -> None:
    """One turn of a job. A worker that drains leaves it to others."""
    try:
        if presence.is_draining():
            dispatch.give_back(job_id)
            return
        runner.advance(job_id, owner=worker_name(), plan=plan, opener=lambda job: open_farm(job.farm))
    except (OperationalError, InterfaceError) as error:
        logger.warning("job %s: the database is away, another turn follows: %s", job_id, str(error).strip())


@shared_task(name=waking.SYNC_FARM)
def sync_farm(*, farm_id: int) -> None:
    try:
        if not presence.is_draining():
            sync.sync_farm(farm_id, open_farm)
    except (OperationalError, InterfaceError) as error:
        logger.warning("farm %s: the database is away, another sync follows: %s", farm_id, str(error).strip())
