"""One thread that lets the datacentre's time pass: whatever is due happens here."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from lab.pvs import replication, targets, tasks
from lab.pvs.datacentre import Datacentre
from lab.pvs.deferred import run_deferred
from lab.pvs.model import TaskState

logger = logging.getLogger(__name__)

LOOK_AT_STORES_SECONDS = 1.0
LONGEST_SLEEP_SECONDS = 0.5  # also the longest time before a change is on disk
SHORTEST_SLEEP_SECONDS = 0.01


def advance(datacentre: Datacentre) -> None:
    """Let everything happen that is due by now. Called with the lock held."""
    now = datacentre.clock.now()
    changed = False
    for device in datacentre.farm.devices:
        changed |= targets.advance(datacentre, device, now)
    changed |= run_deferred(datacentre, now)
    changed |= tasks.advance(datacentre, now)
    if replication.advance(datacentre, now):
        targets.find_server(datacentre)
        changed = True
    if changed:
        datacentre.touch()


def next_due(datacentre: Datacentre) -> datetime | None:
    farm = datacentre.farm
    moments = [moment for device in farm.devices for moment in (device.due, device.next_write) if moment]
    moments += [copy.due for copy in farm.copies] + [call.due for call in farm.deferred]
    moments += [task.due for task in farm.tasks if task.state is TaskState.PROCESSING]
    return min(moments, default=None)


class Scheduler:
    """Sleeps until something is due or somebody changes the model; `save` is called outside the lock."""

    def __init__(self, datacentre: Datacentre, save: Callable[[], None]) -> None:
        self._datacentre = datacentre
        self._save = save
        self._stopping = threading.Event()
        self._look_next = float("-inf")  # not by the lab's clock, which is put forward and back
        self._thread = threading.Thread(target=self._run, name="lab-clock", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        with self._datacentre.changed:
            self._datacentre.changed.notify_all()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._datacentre.changed:
                try:
                    self._look_at_stores()
                    advance(self._datacentre)
                except Exception:  # a fault in one step must not stop the datacentre's time
                    logger.exception("a step of the datacentre failed")
                self._datacentre.changed.wait(self._sleep_seconds())
            self._save()

    def _look_at_stores(self) -> None:
        """Also what somebody did to the files by hand is to be replicated."""
        if time.monotonic() >= self._look_next:
            self._look_next = time.monotonic() + max(LOOK_AT_STORES_SECONDS / self._datacentre.clock.speed, 0.1)
            if replication.plan(self._datacentre):
                self._datacentre.touch()

    def _sleep_seconds(self) -> float:
        pause = max(LOOK_AT_STORES_SECONDS / self._datacentre.clock.speed, 0.1)
        due = next_due(self._datacentre)
        if due is not None:
            pause = min(pause, (due - self._datacentre.clock.now()).total_seconds())
        return min(max(pause, SHORTEST_SLEEP_SECONDS), LONGEST_SLEEP_SECONDS)
