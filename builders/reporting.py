"""Ties a worker's presence to Celery: when it is ready, what its threads begin and end, when it goes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.concurrency.solo import TaskPool as SoloPool
from celery.concurrency.thread import TaskPool
from celery.signals import task_postrun, task_prerun, worker_ready, worker_shutdown

from builders.engine import presence
from builders.engine.presence import Presence
from lifecycle.models import Worker

logger = logging.getLogger(__name__)


@worker_ready.connect
def appear(sender: Any, **_: Any) -> None:
    """``sender`` is the worker's consumer of messages; it is told in its own thread what to take."""
    if not isinstance(sender.pool, TaskPool | SoloPool):
        logger.error("this worker can neither be drained nor say what it works on: start it with -P threads")
    queues = list(sender.app.amqp.queues.consume_from)

    def for_each_queue(do: Callable[[str], None]) -> None:
        for queue in queues:
            sender.call_soon(do, queue)

    presence.appear(
        Presence(
            role=Worker.Role.WORKER,
            name=sender.hostname,
            threads=sender.pool.limit,
            stop_taking=lambda: for_each_queue(sender.cancel_task_queue),
            take_again=lambda: for_each_queue(sender.add_task_queue),
        )
    )


@task_prerun.connect
def begin(task_id: str, task: Any, kwargs: dict[str, Any], **_: Any) -> None:
    if here := presence.current():
        here.begin(task_id, task.name, kwargs.get("job_id"))


@task_postrun.connect
def end(task_id: str, **_: Any) -> None:
    if here := presence.current():
        here.end(task_id)


@worker_shutdown.connect
def leave(**_: Any) -> None:
    presence.leave()
