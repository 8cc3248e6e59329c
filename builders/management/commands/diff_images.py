"""What differs between two images, or two reports that were saved before; without the portal's database."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from builders.commandline.images import NoReport, report_of
from builders.commandline.words import difference_lines
from lifecycle.differences import difference


class Command(BaseCommand):
    help = "Compare what is inside two disk images, or two reports saved from inspect_image --json. Writes nothing."
    requires_system_checks = []  # they look at an installation, and this command needs none

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("before", help="a file of a chain, or a saved report")
        parser.add_argument("after", help="the same for what it became")
        parser.add_argument("--json", action="store_true", help="the whole difference as JSON (docs/image-contents.md)")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  Django's shape
        try:
            before, after = report_of(options["before"]), report_of(options["after"])
        except NoReport as error:
            raise CommandError(str(error), returncode=error.code) from error
        found = difference(before, after)
        if options["json"]:
            self.stdout.write(json.dumps(found.as_dict(), ensure_ascii=False, indent=2))
        else:
            self.stdout.write("\n".join(difference_lines(found)))
        for name, report in ((options["before"], before), (options["after"], after)):
            if report.get("partial"):
                self.stderr.write(f"{name} was read in part only; its report's warnings say what is missing.")
