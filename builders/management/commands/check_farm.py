"""Try the connection to a farm: who answers, with which versions, and what the account may do there."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from builders.adapters.errors import AdapterError
from builders.adapters.powershell import pool
from builders.adapters.pvs.model import SITE_ADMINISTRATOR
from builders.farms import connection_to, open_farm
from lifecycle.models import Farm
from lifecycle.secrets import SecretUnreadable


class Command(BaseCommand):
    help = "Ask each PVS server of a farm to introduce itself. Changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the farm's name in the portal")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  Django's shape
        farm = Farm.objects.filter(name=options["name"]).first()
        if farm is None:
            known = ", ".join(Farm.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f"There is no farm {options['name']}; known: {known}.")
        try:
            greeting = open_farm(farm).greet()
        except (AdapterError, SecretUnreadable) as error:
            raise CommandError(f"{error} {getattr(error, 'remedy', '')}".strip()) from error
        finally:
            pool.close_all()
        self.stdout.write(f"{greeting.host} answered as {greeting.server_name}, farm {greeting.farm_name}")
        self.stdout.write(
            f"PowerShell {greeting.powershell}, snap-in {greeting.snapin}, Provisioning {greeting.version}"
        )
        for row in farm.connections.all():
            for warning in connection_to(row).warnings:
                self.stdout.write(f"Warning: {warning}")
        if greeting.role > SITE_ADMINISTRATOR:
            raise CommandError(
                f"The account has role {greeting.role}; to change versions it needs site administrator (200) or farm "
                "administrator (100)."
            )
