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
from django.core.validators import validate_email
from django.db import transaction

from lifecycle.models import AuditEntry
from lifecycle.roles import Role, sync_groups


class Command(BaseCommand):
    help = "Create a person or change their role and password. The password is asked for, or read from standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the login name")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--role", choices=[str(role) for role in Role])
        what.add_argument("--shut-out", action="store_true", help="let nobody in by this name any more, from now on")
        parser.add_argument("--full-name", default="", metavar="NAME")
        parser.add_argument("--email", default=None, metavar="ADDRESS", help="for kept searches by mail; empty: none")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if options["shut_out"]:
            self._shut_out(options["name"])
            return
        email = _email(options["email"])
        sync_groups()
        user, is_new = User.objects.get_or_create(username=options["name"])
        first, _, last = options["full_name"].partition(" ")
        if options["full_name"]:
            user.first_name, user.last_name = first, last
        if email is not None:
            user.email = email
        was_superuser = user.is_superuser
        user.is_superuser = user.is_staff = False  # a role is all that somebody with a role may do
        user.is_active = True
        user.set_password(_password(user, from_stdin=options["password_stdin"]))
        user.save()
        user.groups.set([Group.objects.get(name=options["role"])])
        detail = {"role": options["role"], "by": f"command, as {getpass.getuser()}", "was_superuser": was_superuser}
        AuditEntry.objects.record(
            by=None, action="person.create" if is_new else "person.change", on=user, detail=detail
        )
        self.stdout.write(f"{user.username} {'created' if is_new else 'changed'}, role {options['role']}")

    def _shut_out(self, name: str) -> None:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is nobody by the name {name}.")
        user.is_active = False
        user.save(update_fields=["is_active"])
        AuditEntry.objects.record(
            by=None, action="person.shut-out", on=user, detail={"by": f"command, as {getpass.getuser()}"}
        )
        self.stdout.write(f"{name} is shut out")


def _email(given: str | None) -> str | None:
    if given:
        try:
            validate_email(given)
        except ValidationError as error:
            raise CommandError(f"--email: {' '.join(error.messages)}") from error
    return given


def _password(user: User, *, from_stdin: bool) -> str:
    asked = f"Password of {user.username}: "
    password = sys.stdin.readline().rstrip("\r\n") if from_stdin else getpass.getpass(asked)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    return password
