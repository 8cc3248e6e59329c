"""Ties a worker's presence to Celery: when it is ready, what its threads begin and end, when it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.signals import task_postrun, task_prerun, worker_ready, worker_shutdown

from builders.engine import presence
from builders.engine.presence import Presence
from lifecycle.models import Worker


@worker_ready.connect
def appear(sender: Any, **_: Any) -> None:
    """``sender`` is the worker's consumer of messages; it is told in its own thread what to take."""
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
