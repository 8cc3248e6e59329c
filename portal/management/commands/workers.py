"""List workers and beats with what each works on: `manage.py workers`. For terminals and scripts."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from lifecycle.operating import WorkerNow, workers_now
from lifecycle.troubles import in_service


class Command(BaseCommand):
    help = "List workers and beats: number, state, what each works on. They are drained by number or name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array, for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        crew = sorted(in_service(workers_now()), key=lambda each: (each.role, each.name, each.id))
        if options["json"]:
            self.stdout.write(json.dumps([_facts(each) for each in crew], indent=2))
            return
        for each in crew:
            self.stdout.write(_line(each))
        if not crew:
            self.stdout.write("No worker and no beat has reported within the last hour.")


def _line(worker: WorkerNow) -> str:
    jobs = ", ".join(f"job {busy.job_id}" if busy.job_id else busy.task for busy in worker.busy)
    doing = f"works on {jobs}" if jobs and worker.is_live else "nothing in hand"
    return f"{worker.id:>5}  {worker.role:<6}  {worker.condition:<8}  {worker.name}, process {worker.process}: {doing}"


def _facts(worker: WorkerNow) -> dict[str, Any]:
    return {
        "id": worker.id,
        "role": worker.role.value,
        "name": worker.name,
        "machine": worker.machine,
        "process": worker.process,
        "state": worker.condition.value,
        "seen_at": worker.seen_at.isoformat(timespec="seconds"),
        "jobs": [busy.job_id for busy in worker.busy if busy.job_id and worker.is_live],
    }
