"""Prove the audit trail: every row holds what was written, and follows the one before."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lifecycle.models import AuditEntry


class Command(BaseCommand):
    help = "Read the whole audit trail and check its chain of hashes. Exit code 1 when it is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--expect", metavar="HASH", help="of a row noted elsewhere, e.g. in a log; fails when it is no longer there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        broken = AuditEntry.objects.verify()
        if broken:
            raise CommandError(f"The trail is broken at entry {broken.pk}: {broken}")
        expected = options["expect"]
        if expected and not AuditEntry.objects.filter(hash=expected).exists():
            raise CommandError(
                f"No entry has the hash {expected}: entries were cut off the end, or the trail was rewritten."
            )
        last = AuditEntry.objects.order_by("-id").first()
        if last is None:
            self.stdout.write("The trail is empty.")
        else:
            # the last hash, kept elsewhere, also shows if rows were cut off at the end
            self.stdout.write(f"The trail is whole: {AuditEntry.objects.count()} entries, last hash {last.hash}")
