"""How the workers reach the files of a store: `manage.py store_access set "Farm 1" "Store 1" --folder /mnt/store1`.

The password of a share is asked for, or read from a file, from standard input or from PORTAL_STORE_PASSWORD; never from
the command line, which every user of the machine can read.
"""

from __future__ import annotations

import getpass
import os
import re
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from builders.adapters.errors import AdapterError
from builders.adapters.store import SmbFolder
from builders.contents.places import open_folder
from builders.inspection.errors import Unreadable
from lifecycle.models import AuditEntry, Farm, Server, Store, StoreAccess, VersionImage
from lifecycle.secrets import SecretUnreadable

PASSWORD = "PORTAL_STORE_PASSWORD"  # noqa: S105  the name of a variable
DISK_FILES = (".vhdx", ".avhdx", ".vhd", ".avhd")
_SHARE = re.compile(r"^[\\/]{2}(?P<host>[^\\/]+)[\\/](?P<share>[^\\/]+)(?:[\\/](?P<path>.*))?$")


class Command(BaseCommand):
    help = "Set, list, check and remove the ways by which images are read: a folder of this machine, or a share."

    def add_arguments(self, parser: CommandParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True)
        _names(deeds.add_parser("list", help="every way that is set"), store=False)
        _names(deeds.add_parser("check", help="open each way and say what lies there"), store=False)
        setting = deeds.add_parser("set", help="set a way, or another one in its place")
        _names(setting)
        where = setting.add_mutually_exclusive_group(required=True)
        where.add_argument("--folder", metavar="PATH", help="folder of the disk files on the machine of the workers")
        where.add_argument("--share", metavar="SHARE", help=r"e.g. \\pvs01\vdisks or //pvs01/vdisks/folder")
        setting.add_argument("--username", default="", help=r"e.g. DOMAIN\svc-portal; needs to read, and no more")
        setting.add_argument("--port", type=int, default=445)
        setting.add_argument("--no-encryption", action="store_true", help="signed only, for servers without encryption")
        password = setting.add_mutually_exclusive_group()
        password.add_argument("--password-file", type=Path, metavar="FILE", help="its first line is the password")
        password.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        _names(deeds.add_parser("remove", help="forget a way"))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  Django's shape
        deed = {"list": self._list, "check": self._check, "set": self._set, "remove": self._remove}
        deed[options["deed"]](options)

    def _list(self, options: dict[str, Any]) -> None:
        found = _accesses(options)
        for access in found:
            self.stdout.write(f"{access.store.farm.name}: {_told(access)}")
        if not found:
            self.stdout.write("No way is set.")

    def _set(self, options: dict[str, Any]) -> None:
        store, server = _store(options), _server(options)
        values = _values(options)
        try:
            with transaction.atomic():
                access = StoreAccess.objects.filter(store=store, server=server).first() or StoreAccess(
                    store=store, server=server
                )
                is_new = access.pk is None
                for name, value in values.items():
                    setattr(access, name, value)
                access.full_clean()
                access.save()
                _look_again(store)
                _audit("store.access", access, {"as": access.username, "encrypt": access.encrypt})
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(f"{'Set' if is_new else 'Changed'}: {_told(access)}")

    def _remove(self, options: dict[str, Any]) -> None:
        store, server = _store(options), _server(options)
        access = StoreAccess.objects.filter(store=store, server=server).select_related("store", "server").first()
        if access is None:
            raise CommandError(f"No way is set to {store.name} on {server.name if server else 'any server'}.")
        told = _told(access)
        with transaction.atomic():
            _audit("store.access-removed", access, {})
            access.delete()
        self.stdout.write(f"Removed: {told}")

    def _check(self, options: dict[str, Any]) -> None:
        found = _accesses(options)
        if not found:
            raise CommandError("No way is set.")
        failed = 0
        for access in found:
            try:
                self.stdout.write(f"{_told(access)}: {_seen(access)}")
            except (AdapterError, Unreadable, OSError, SecretUnreadable) as error:
                failed += 1
                self.stdout.write(f"{_told(access)}: {error} {getattr(error, 'remedy', '')}".strip())
            else:
                StoreAccess.objects.filter(pk=access.pk).update(turned_away_at=None)
        if failed:
            raise CommandError(f"{failed} of {len(found)} cannot be read.")


def _names(parser: ArgumentParser, *, store: bool = True) -> None:
    parser.add_argument("farm", nargs=None if store else "?", help="the farm's name in the portal")
    parser.add_argument("store", nargs=None if store else "?", help="the store's name, as PVS has it")
    if store:
        parser.add_argument("--server", help="for this PVS server's files alone; without, for every server")


def _store(options: dict[str, Any]) -> Store:
    farm = Farm.objects.filter(name=options["farm"]).first()
    if farm is None:
        known = ", ".join(Farm.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"There is no farm {options['farm']}; known: {known}.")
    store = Store.objects.filter(farm=farm, name=options["store"], gone_at=None).first()
    if store is None:
        known = ", ".join(Store.objects.filter(farm=farm, gone_at=None).values_list("name", flat=True))
        raise CommandError(f"{farm.name} has no store {options['store']}; known: {known or 'none, not synced yet'}.")
    return store


def _server(options: dict[str, Any]) -> Server | None:
    if not options["server"]:
        return None
    servers = Server.objects.filter(farm__name=options["farm"], gone_at=None)
    server = servers.filter(name__iexact=options["server"]).first()
    if server is None:
        known = ", ".join(servers.values_list("name", flat=True)) or "none"
        raise CommandError(f"--server {options['server']}: there is no such PVS server; known: {known}.")
    return server


def _values(options: dict[str, Any]) -> dict[str, Any]:
    fresh = {"turned_away_at": None, "changed_at": timezone.now(), "encrypt": not options["no_encryption"]}
    if options["folder"]:
        path = os.path.normpath(options["folder"])
        if not os.path.isabs(path):
            raise CommandError(f"--folder {options['folder']}: give it from the root, e.g. /mnt/store1.")
        none = {"host": "", "share": "", "username": "", "password": "", "port": 445}
        return fresh | none | {"kind": StoreAccess.Kind.LOCAL, "path": path}
    match = _SHARE.match(options["share"])
    if match is None:
        raise CommandError(rf"--share {options['share']}: give \\HOST\SHARE, with a folder below it if there is one.")
    if not options["username"]:
        raise CommandError("--username: a share needs an account that may read it.")
    return fresh | {
        "kind": StoreAccess.Kind.SMB,
        "host": match["host"],
        "share": match["share"],
        "path": (match["path"] or "").strip("\\/"),
        "port": options["port"],
        "username": options["username"],
        "password": _password(options),
    }


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
        password = os.environ.get(PASSWORD) or getpass.getpass(f"Password of {options['username']}: ")
    if not password:
        raise CommandError("The password is empty.")
    return password


def _accesses(options: dict[str, Any]) -> list[StoreAccess]:
    rows = StoreAccess.objects.select_related("store__farm", "server").order_by("store__farm__name", "store__name")
    if options["farm"]:
        rows = rows.filter(store__farm__name=options["farm"])
    return list(rows.filter(store__name=options["store"]) if options["store"] else rows)


def _told(access: StoreAccess) -> str:
    account = f" as {access.username}" if access.username else ""
    plain = ", not encrypted" if access.kind == StoreAccess.Kind.SMB and not access.encrypt else ""
    refused = ", turned away" if access.turned_away_at else ""
    return f"{access}{account}{plain}{refused}"


def _seen(access: StoreAccess) -> str:
    """Lists the folder and reads the beginning of one disk file, as a reading would."""
    folder = open_folder(access)
    try:
        disks = [name for name in folder.names() if name.lower().endswith(DISK_FILES)]
        if disks:
            file = folder.open(disks[0])
            file.read(0, 512)
            file.close()
        return f"{len(disks)} disk files, readable" if disks else "readable, and no disk file in it"
    finally:
        if isinstance(folder, SmbFolder):
            folder.close()


def _look_again(store: Store) -> None:
    """What came to nothing by the old way is read at the next sync."""
    VersionImage.objects.filter(version__vdisk__store=store).exclude(problem="").update(mirrored="", retry_at=None)


def _audit(action: str, access: StoreAccess, detail: dict[str, Any]) -> None:
    AuditEntry.objects.record(
        by=None,
        action=action,
        on=access.store,
        on_name=str(access),
        detail={"place": access.place, "kind": access.kind, **detail, "by": f"command, as {getpass.getuser()}"},
    )
