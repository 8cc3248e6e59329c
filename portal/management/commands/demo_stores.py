"""The ways to the simulated datacentre's store folders, once its first sync has told which stores there are."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from lifecycle.models import Server, Store, StoreAccess

WAIT_SECONDS = 120
LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = "Let the workers read the images in the folders of the simulated datacentre. Waits for its first sync."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--lab", type=Path, required=True, metavar="PATH", help="the lab.json of a running lab")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PORTAL_PRODUCTION:
            raise CommandError("The simulated datacentre is not used where PORTAL_PRODUCTION is set.")
        farm, folders = _read(options["lab"])
        until = time.monotonic() + WAIT_SECONDS
        while not _set(farm, folders):
            if time.monotonic() > until:
                raise CommandError(f"{farm} was not synced within {WAIT_SECONDS} s, so its stores are not known.")
            time.sleep(LOOK_SECONDS)


def _read(file: Path) -> tuple[str, dict[str, str]]:
    try:
        lab = json.loads(file.read_text(encoding="utf-8"))
        return str(lab["farm"]), {str(name): str(folder) for name, folder in lab["stores"].items()}
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}. Is the lab running?") from error
    except (ValueError, KeyError, AttributeError) as error:
        raise CommandError(f"{file} does not say where the stores are: {error}") from error


@transaction.atomic
def _set(farm: str, folders: dict[str, str]) -> int:
    """How many ways there are now; 0 while the stores are not known. One that a person set stays."""
    stores = list(Store.objects.filter(farm__name=farm, gone_at=None))
    servers = list(Server.objects.filter(farm__name=farm, gone_at=None, name__in=folders))
    for store in stores:
        for server in servers:
            StoreAccess.objects.get_or_create(
                store=store,
                server=server,
                defaults={"kind": StoreAccess.Kind.LOCAL, "path": folders[server.name]},
            )
    return len(stores) * len(servers)
