"""Let somebody in, in one of the four roles: `manage.py person jdoe --role approver`. Also changes role or password."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from lifecycle.models import AuditEntry
from lifecycle.roles import Role, sync_groups


class Command(BaseCommand):
    help = "Create a person or change their role and password. The password is asked for, or read from standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the login name")
        parser.add_argument("--role", required=True, choices=[str(role) for role in Role])
        parser.add_argument("--full-name", default="", metavar="NAME")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        sync_groups()
        user, is_new = User.objects.get_or_create(username=options["name"])
        first, _, last = options["full_name"].partition(" ")
        if options["full_name"]:
            user.first_name, user.last_name = first, last
        user.set_password(_password(user, from_stdin=options["password_stdin"]))
        user.save()
        user.groups.set([Group.objects.get(name=options["role"])])
        detail = {"role": options["role"], "by": "command"}
        AuditEntry.objects.record(
            by=None, action="person.create" if is_new else "person.change", on=user, detail=detail
        )
        self.stdout.write(f"{user.username} {'created' if is_new else 'changed'}, role {options['role']}")


def _password(user: User, *, from_stdin: bool) -> str:
    asked = f"Password of {user.username}: "
    password = sys.stdin.readline().rstrip("\r\n") if from_stdin else getpass.getpass(asked)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    return password
