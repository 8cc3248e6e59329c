"""Wakes a worker for a new job. Only a shortcut: the beat finds every due job by itself within a second."""

from __future__ import annotations

import logging
from functools import lru_cache

import celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError

from lifecycle import topics, waking
from lifecycle.models import Job
from portal import live

logger = logging.getLogger(__name__)


def wake(job: Job) -> None:
    """After commit: tell a worker and the open pages that ``job`` has something to do."""
    transaction.on_commit(lambda: _send(job.pk), robust=True)
    live.publish(topics.JOBS, topics.job(job.pk), *([topics.vdisk(job.vdisk_id)] if job.vdisk_id else []))


def _send(job_id: int) -> None:
    try:
        _broker().send_task(waking.ADVANCE_JOB, kwargs={"job_id": job_id}, ignore_result=True, retry=False)
    except (KombuError, OSError) as error:
        logger.warning("No worker was woken for job %s (the beat finds it): %s", job_id, error)


@lru_cache(maxsize=1)
def _broker() -> celery.Celery:
    """The sender's half of Celery: no tasks, and no waiting for a broker that is away."""
    app = celery.Celery("portal", broker=settings.CELERY_BROKER_URL)
    app.conf.update(
        task_ignore_result=True,
        broker_connection_timeout=1,
        broker_transport_options={"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0},
    )
    return app
