"""Connect a real farm, or change its connection: `manage.py farm "Farm 1" --server pvs01.example.org ...`.

The password is asked for, or read from a file or standard input; never from the command line, which every user of the
machine can read.
"""

from __future__ import annotations

import getpass
import re
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from lifecycle.models import AuditEntry, Farm, FarmConnection

DEFAULT_PORT = 5986


class Command(BaseCommand):
    help = "Create a farm or change it, with the PVS servers through which the portal reaches it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the farm's name, as PVS has it")
        parser.add_argument(
            "--server",
            action="append",
            required=True,
            metavar="HOST[:PORT]",
            help=f"a PVS server, by the name in its certificate; again for the next one to try (port {DEFAULT_PORT})",
        )
        parser.add_argument("--username", required=True, help=r"e.g. DOMAIN\svc-portal or svc-portal@example.org")
        parser.add_argument("--transport", choices=FarmConnection.Transport.values, default="ntlm")
        tls = parser.add_mutually_exclusive_group(required=True)
        tls.add_argument("--ca-file", metavar="PEM", help="authority that signed the servers' certificates")
        tls.add_argument(
            "--fingerprint",
            action="append",
            metavar="SHA256",
            help="of a server's certificate; once for all servers, or once for each in the same order",
        )
        tls.add_argument("--validate-off", action="store_true", help="trust any certificate; every page warns of it")
        password = parser.add_mutually_exclusive_group()
        password.add_argument("--password-file", type=Path, metavar="FILE", help="its first line is the password")
        password.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        parser.add_argument("--time-zone", help="of the PVS servers, e.g. Europe/Berlin (default UTC)")
        parser.add_argument("--sync-every", type=int, metavar="SECONDS", help="default 60")

    def handle(self, *args: Any, **options: Any) -> None:
        password = _password(options)
        try:
            with transaction.atomic():
                farm, is_new = _farm(options)
                connections = _connect(farm, options, password)
                _audit(farm, connections)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        places = ", ".join(f"{connection} ({connection.get_verify_display()})" for connection in connections)
        self.stdout.write(f"{farm.name} {'created' if is_new else 'changed'}: {places}")


def _password(options: dict[str, Any]) -> str:
    if options["password_file"]:
        try:
            lines = options["password_file"].read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise CommandError(f"{options['password_file']} cannot be read: {error.strerror}") from error
        password = lines[0] if lines else ""
    elif options["password_stdin"]:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass(f"Password of {options['username']}: ")
    if not password:
        raise CommandError("The password is empty.")
    return password


def _farm(options: dict[str, Any]) -> tuple[Farm, bool]:
    if options["time_zone"] and options["time_zone"] not in available_timezones():
        raise CommandError(f"--time-zone {options['time_zone']}: there is no such zone; e.g. Europe/Berlin.")
    given = {"time_zone": options["time_zone"], "sync_every_seconds": options["sync_every"]}
    values = {name: value for name, value in given.items() if value is not None}
    farm, is_new = Farm.objects.get_or_create(name=options["name"])
    for name, value in values.items():
        setattr(farm, name, value)
    farm.turned_away_at = None  # this may be the right password now
    farm.full_clean()
    farm.save(update_fields=[*values, "turned_away_at"])
    return farm, is_new


def _audit(farm: Farm, connections: list[FarmConnection]) -> None:
    places = [{"server": str(found), "as": found.username, "tls": found.verify} for found in connections]
    AuditEntry.objects.record(
        by=None,
        action="farm.connect",
        on=farm,
        detail={"connections": places, "by": f"command, as {getpass.getuser()}"},
    )


def _connect(farm: Farm, options: dict[str, Any], password: str) -> list[FarmConnection]:
    """Exactly these connections, in this order."""
    farm.connections.all().delete()
    fingerprints = _fingerprints(options)
    made = []
    for position, server in enumerate(options["server"]):
        host, port = _address(server)
        connection = FarmConnection(
            farm=farm,
            position=position,
            host=host,
            port=port,
            transport=options["transport"],
            username=options["username"],
            password=password,
            verify=_verify(options),
            ca_file=options["ca_file"] or "",
            fingerprint=fingerprints[position],
        )
        connection.full_clean()
        connection.save()
        made.append(connection)
    return made


def _verify(options: dict[str, Any]) -> FarmConnection.Verify:
    if options["validate_off"]:
        return FarmConnection.Verify.OFF
    return FarmConnection.Verify.CA_FILE if options["ca_file"] else FarmConnection.Verify.PINNED


def _fingerprints(options: dict[str, Any]) -> list[str]:
    """One a server, empty where certificates are verified in another way."""
    servers, given = len(options["server"]), [_fingerprint(text) for text in options["fingerprint"] or [""]]
    if len(given) not in (1, servers):
        raise CommandError(f"--fingerprint: give one for all servers, or {servers}, one for each --server.")
    return given * servers if len(given) == 1 else given


def _fingerprint(text: str) -> str:
    """As certificate viewers write it, with colons or without."""
    digits = text.replace(":", "").replace(" ", "").upper()
    if text and not re.fullmatch(r"[0-9A-F]{64}", digits):
        raise CommandError("--fingerprint: a SHA-256 fingerprint has 64 hexadecimal digits.")
    return digits


def _address(server: str) -> tuple[str, int]:
    host, colon, port = server.rpartition(":")
    if not colon:
        return server, DEFAULT_PORT
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise CommandError(f"--server {server}: give HOST or HOST:PORT.")
    return host, int(port)
