"""What is inside a disk image: read offline, without Windows, without a mount, without the portal's database."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from builders.commandline.images import NoReport, inspect
from builders.commandline.words import report_lines


class Command(BaseCommand):
    help = "Read what is inside a disk image (VHD, VHDX, or a plain disk image). Writes nothing."
    requires_system_checks = []  # they look at an installation, and this command needs none

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", help="a file of a chain; the files below it are looked for beside it")
        parser.add_argument("--json", action="store_true", help="the whole report as JSON (docs/image-contents.md)")
        parser.add_argument(
            "--parent",
            action="append",
            default=[],
            metavar="FILE",
            help="a file below the first, wherever it lies; repeat it for each, the nearest first",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  Django's shape
        try:
            result = inspect(options["path"], options["parent"])
        except NoReport as error:
            raise CommandError(str(error), returncode=error.code) from error
        if options["json"]:
            self.stdout.write(json.dumps(result.value, ensure_ascii=False, indent=2))
        else:
            self.stdout.write("\n".join(report_lines(result.value)))
        for words in result.weaker:
            self.stderr.write(words)
        if result.value["partial"]:
            self.stderr.write("The image was read in part only; the report's warnings say what is missing.")
