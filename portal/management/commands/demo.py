"""People to try the portal with and, given a simulated datacentre, the connection to it. Safe to run again."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from lifecycle.models import Farm, FarmConnection
from lifecycle.roles import Role, sync_groups

PEOPLE: tuple[tuple[str, Role, str, str], ...] = (
    ("admin", Role.ADMIN, "Ada", "Berger"),
    ("approver", Role.APPROVER, "Paul", "Wagner"),
    ("approver2", Role.APPROVER, "Petra", "Lang"),
    ("helpdesk", Role.HELPDESK, "Hanna", "Fuchs"),
    ("auditor", Role.AUDITOR, "Otto", "Reiter"),
)
SYNC_EVERY_SECONDS = 5


class Command(BaseCommand):
    help = "Create the demo people (password: PORTAL_DEMO_PASSWORD) and connect the simulated datacentre."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--lab", type=Path, metavar="PATH", help="the lab.json that a running lab has written")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PORTAL_PRODUCTION:
            raise CommandError("The demo people share one password; they are not made where PORTAL_PRODUCTION is set.")
        password = os.environ.get("PORTAL_DEMO_PASSWORD", "")
        if not password:
            raise CommandError("PORTAL_DEMO_PASSWORD is not set; it becomes the password of all demo people.")
        sync_groups()
        for name, role, first, last in PEOPLE:
            _person(name, role, first, last, password)
        self.stdout.write(f"People: {', '.join(name for name, *_rest in PEOPLE)}")
        if options["lab"]:
            farm = _connect(_read(options["lab"]))
            self.stdout.write(f"Farm: {farm.name}, {farm.connections.count()} servers")


def _person(name: str, role: Role, first: str, last: str, password: str) -> None:
    user, _is_new = User.objects.get_or_create(username=name, defaults={"first_name": first, "last_name": last})
    user.groups.set([Group.objects.get(name=str(role))])
    if not user.check_password(password):  # an unchanged one keeps its hash, so nobody is logged out
        user.set_password(password)
        user.save(update_fields=["password"])


def _read(file: Path) -> dict[str, Any]:
    try:
        lab: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}. Is the lab running?") from error
    except ValueError as error:
        raise CommandError(f"{file} is not JSON: {error}") from error
    missing = {"farm", "servers", "username", "password", "ca_file"} - lab.keys()
    if missing:
        raise CommandError(f"{file} lacks {', '.join(sorted(missing))}.")
    return lab


def _connect(lab: dict[str, Any]) -> Farm:
    farm, _is_new = Farm.objects.update_or_create(
        name=lab["farm"], defaults={"sync_every_seconds": SYNC_EVERY_SECONDS, "turned_away_at": None}
    )
    for position, server in enumerate(lab["servers"]):
        FarmConnection.objects.update_or_create(
            farm=farm,
            position=position,
            defaults={
                "name": server["name"],
                "host": server["host"],
                "port": server["port"],
                "transport": FarmConnection.Transport.BASIC,
                "username": lab["username"],
                "password": lab["password"],
                "verify": FarmConnection.Verify.CA_FILE,
                "ca_file": lab["ca_file"],
                "fingerprint": "",
            },
        )
    farm.connections.filter(position__gte=len(lab["servers"])).delete()
    return farm
