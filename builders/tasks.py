"""Celery tasks: thin. Each takes ids and makes one call into the engine or the sync."""

from __future__ import annotations

import os
import socket
import threading

from celery import shared_task

from builders.engine import dispatch, runner
from builders.farms import open_farm
from builders.jobs import plan
from builders.sync import run as sync
from lifecycle import waking


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"


@shared_task(name=waking.ADVANCE_JOB)
def advance_job(*, job_id: int) -> None:
    runner.advance(job_id, owner=worker_name(), plan=plan, opener=lambda job: open_farm(job.farm))


@shared_task(name=waking.SYNC_FARM)
def sync_farm(*, farm_id: int) -> None:
    sync.sync_farm(farm_id, open_farm)


@shared_task(name="builders.tick")
def tick() -> None:
    """Every second or so: what is due gets a worker."""
    dispatch.hand_out(lambda job_id: advance_job.delay(job_id=job_id))
    for farm_id in dispatch.farms_due():
        sync_farm.delay(farm_id=farm_id)
