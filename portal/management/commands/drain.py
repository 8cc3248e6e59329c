"""Take a worker out of service without hurting jobs: `manage.py drain celery@host --wait 600`, then stop it."""

from __future__ import annotations

import getpass
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lifecycle.draining import ask_drain, take_up_again
from lifecycle.errors import LifecycleError
from lifecycle.models import Worker
from lifecycle.operating import Condition, WorkerNow, workers_now

LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = "Have a worker take no more work and finish what it has; or, with --undo, take up work again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("worker", help="its number or name, as `manage.py workers` lists it")
        parser.add_argument("--undo", action="store_true", help="take up work again")
        parser.add_argument(
            "--wait",
            type=float,
            metavar="SECONDS",
            help="return when it is drained; exit code 1 when it is not by then, and it goes on draining",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["undo"] and options["wait"] is not None:
            raise CommandError("--wait waits until a worker is drained; with --undo there is nothing to wait for.")
        found = _find(options["worker"])
        if options["undo"]:
            _order(found, undo=True)
            self.stdout.write(f"{found.name} takes up work again")
        elif found.drain_asked_at is None:
            _order(found, undo=False)
            self.stdout.write(f"{found.name} takes no more work and finishes what it has")
        else:
            self.stdout.write(f"{found.name} was asked before")
        if options["wait"] is not None:
            self._wait(found, options["wait"])

    def _wait(self, worker: WorkerNow, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (state := _now(worker)) not in (Condition.DRAINED, Condition.STOPPED):
            if state == Condition.DEAD:
                raise CommandError(f"{worker.name} is dead; what it had in hand goes to others by itself.")
            if state == Condition.ALIVE:
                raise CommandError(f"Somebody let {worker.name} take up work again.")
            if time.monotonic() >= until:
                raise CommandError(f"{worker.name} still has work in hand after {seconds:g} s; it goes on draining.")
            time.sleep(LOOK_SECONDS)
        self.stdout.write(f"{worker.name} is {state}: it can be stopped")


def _find(wanted: str) -> WorkerNow:
    """The one live worker of that number or name."""
    live = [each for each in workers_now() if each.is_live]
    found = [each for each in live if wanted in (str(each.id), each.name)]
    if not found:
        known = ", ".join(f"{each.id} {each.name}" for each in live) or "none"
        raise CommandError(f"No live worker has the number or name {wanted}. Alive: {known}")
    if len(found) > 1:
        numbers = ", ".join(str(each.id) for each in found)
        raise CommandError(f"{len(found)} live processes are named {wanted}; give the number: {numbers}")
    return found[0]


def _order(worker: WorkerNow, *, undo: bool) -> None:
    row = Worker.objects.get(pk=worker.id)
    try:
        (take_up_again if undo else ask_drain)(row, None, through=f"command, as {getpass.getuser()}")
    except LifecycleError as error:
        raise CommandError(str(error)) from error


def _now(worker: WorkerNow) -> Condition:
    return next((each.condition for each in workers_now() if each.id == worker.id), Condition.DEAD)
