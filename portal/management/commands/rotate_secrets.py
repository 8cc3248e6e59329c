"""Bring every stored secret under the newest key. Row by row, so that it may be stopped and started again at any time.

A secret that no key opens is left as it is and reported; the exit code is then 1, and no old key may be removed yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, models

from lifecycle.secrets import SecretTextField, SecretUnreadable, key_id, keys, secret_fields

BATCH = 500


class Command(BaseCommand):
    help = "Re-encrypt all stored secrets under the newest of PORTAL_FIELD_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        newest = key_id(keys()[0])
        unreadable = 0
        for model, field in secret_fields():
            counts = {"rotated": 0, "already new": 0, "unreadable": 0}
            for pk, stored in _rows(model, field):
                counts[self._rotate(model, field, pk, stored)] += 1
            unreadable += counts["unreadable"]
            words = ", ".join(f"{count} {name}" for name, count in counts.items())
            self.stdout.write(f"{model._meta.label}.{field.name}: {words}")
        if unreadable:
            raise CommandError(f"{unreadable} secrets cannot be read with the keys at hand. Keep every old key.")
        self.stdout.write(f"All secrets are under key {newest}. Older keys can be removed now.")

    def _rotate(self, model: type[models.Model], field: SecretTextField, pk: Any, stored: str) -> str:
        if field.is_newest(stored):
            return "already new"
        try:
            fresh = field.rotate(stored)
        except SecretUnreadable as error:
            self.stderr.write(f"{model._meta.label} {pk}: {error}")
            return "unreadable"
        _replace(model, field, pk, stored, fresh)
        return "rotated"


def _rows(model: type[models.Model], field: SecretTextField) -> Iterator[tuple[Any, str]]:
    """Primary key and ciphertext, past the field, which would decrypt; in the order of the key."""
    table, key, column = _names(model, field)
    after: list[Any] = []
    while True:
        beyond = f"AND {key} > %s" if after else ""
        sql = f"SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL {beyond} ORDER BY {key} LIMIT {BATCH}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, after)
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < BATCH:
            return
        after = [rows[-1][0]]


def _replace(model: type[models.Model], field: SecretTextField, pk: Any, stored: str, fresh: str) -> None:
    """Only if nobody has set another secret meanwhile; theirs is under the newest key already."""
    table, key, column = _names(model, field)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column} = %s WHERE {key} = %s AND {column} = %s",  # noqa: S608
            [fresh, pk, stored],
        )


def _names(model: type[models.Model], field: SecretTextField) -> tuple[str, str, str]:
    """Quoted names from the models, never from outside."""
    quote = connection.ops.quote_name
    return quote(model._meta.db_table), quote(str(model._meta.pk.column)), quote(str(field.column))
