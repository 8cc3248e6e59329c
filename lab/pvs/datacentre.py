"""The one shared thing of the lab: the farm, its folders and its clock behind one lock."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lab.clock import Clock
from lab.pvs.journal import Journal
from lab.pvs.model import Farm
from lab.stores.folders import StoreFolders

BOOT_SECONDS = 3.0
SHUTDOWN_SECONDS = 2.0
REPLICATION_SECONDS = 4.0
TASK_SECONDS = 1.0
MERGE_SECONDS = 8.0
IN_PROCESS_SECONDS = 2.0
WRITE_EVERY_SECONDS = 8.0


class Datacentre:
    """Everything that reads or changes the farm does so inside `locked()`."""

    def __init__(self, farm: Farm, folders: StoreFolders, clock: Clock) -> None:
        self.farm = farm
        self.folders = folders
        self.clock = clock
        self.journal = Journal()
        self.unsaved = True
        self.changed = threading.Condition(threading.RLock())

    @contextmanager
    def locked(self, *, changing: bool = False) -> Iterator[Farm]:
        """`changing` wakes the scheduler and marks the state for saving, also when the block raises."""
        with self.changed:
            try:
                yield self.farm
            finally:
                if changing:
                    self.touch()

    def touch(self) -> None:
        self.unsaved = True
        self.changed.notify_all()
