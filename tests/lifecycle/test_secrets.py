"""Secrets at rest: encrypted, bound to their column, and never shown by accident."""

from __future__ import annotations

import base64
import json
import os
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, models, transaction

from lifecycle import secrets
from lifecycle.models import Farm, FarmConnection
from lifecycle.secrets import PREFIX, SecretTextField, SecretUnreadable

PASSWORD = "correct horse ä €"
FIELD: SecretTextField = FarmConnection._meta.get_field("password")  # type: ignore[assignment]


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@pytest.fixture
def row(farm: Farm) -> FarmConnection:
    return FarmConnection.objects.create(
        farm=farm, host="pvs01", username="portal", password=PASSWORD, verify="validate-off"
    )


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM lifecycle_farmconnection")
        return str(cursor.fetchone()[0])


def store(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE lifecycle_farmconnection SET password = %s", [text])


def test_it_is_encrypted_in_the_database_and_plain_in_python(row: FarmConnection) -> None:
    assert stored().startswith(PREFIX)
    assert PASSWORD not in stored()
    assert FarmConnection.objects.get().password == PASSWORD
    assert FarmConnection.objects.values_list("password", flat=True).get() == PASSWORD


def test_every_way_of_writing_encrypts(row: FarmConnection) -> None:
    for write in (
        lambda: FarmConnection.objects.update(password="a"),
        lambda: FarmConnection.objects.bulk_update([FarmConnection(pk=row.pk, password="b")], ["password"]),
        lambda: FarmConnection(
            pk=row.pk, farm=row.farm, host="h", username="u", password="c", verify="validate-off"
        ).save(),
    ):
        write()
        assert stored().startswith(PREFIX)
    assert FarmConnection.objects.get().password == "c"


def test_the_same_secret_twice_looks_different(row: FarmConnection) -> None:
    before = stored()
    row.save()

    assert stored() != before


def test_an_empty_secret_is_encrypted_too(row: FarmConnection) -> None:
    FarmConnection.objects.update(password="")

    assert stored().startswith(PREFIX)
    assert FarmConnection.objects.get().password == ""


def test_nothing_is_read_with_a_wrong_key(row: FarmConnection, settings: Any) -> None:
    settings.PORTAL_FIELD_KEYS = [new_key()]

    with pytest.raises(SecretUnreadable, match="password cannot be decrypted") as refused:
        FarmConnection.objects.get()

    assert stored() not in str(refused.value)


@pytest.mark.parametrize("text", ["plain", "", "enc1$", "enc1$plain", "enc2$gAAAA"])
def test_what_is_not_ours_is_not_passed_on(text: str, row: FarmConnection) -> None:
    store(text)

    with pytest.raises(SecretUnreadable) as refused:
        FarmConnection.objects.get()

    assert "plain" not in str(refused.value).replace("plain text", "")


def test_a_ciphertext_that_was_altered_is_refused(row: FarmConnection) -> None:
    text = stored()
    store(text[:-6] + ("A" if text[-6] != "A" else "B") + text[-5:])

    with pytest.raises(SecretUnreadable):
        FarmConnection.objects.get()


def test_a_ciphertext_of_another_column_is_refused(row: FarmConnection) -> None:
    other = SecretTextField()
    other.set_attributes_from_name("token")
    other.model = FarmConnection
    store(other.get_prep_value("x"))

    with pytest.raises(SecretUnreadable):
        FarmConnection.objects.get()
    assert other.reveal(stored()) == "x"


def test_an_old_key_reads_until_the_secret_is_rotated(row: FarmConnection, settings: Any) -> None:
    old, new = settings.PORTAL_FIELD_KEYS[0], new_key()
    settings.PORTAL_FIELD_KEYS = [new, old]
    assert FarmConnection.objects.get().password == PASSWORD
    assert not FIELD.is_newest(stored())

    store(FIELD.rotate(stored()))

    assert FIELD.is_newest(stored())
    settings.PORTAL_FIELD_KEYS = [new]
    assert FarmConnection.objects.get().password == PASSWORD
    settings.PORTAL_FIELD_KEYS = [old]
    with pytest.raises(SecretUnreadable):
        FarmConnection.objects.get()


def test_what_is_written_is_under_the_newest_key(row: FarmConnection, settings: Any) -> None:
    settings.PORTAL_FIELD_KEYS = [new_key(), *settings.PORTAL_FIELD_KEYS]

    FarmConnection.objects.get().save()

    assert FIELD.is_newest(stored())


@pytest.mark.parametrize("text", ["plain", "enc1$plain"])
def test_what_is_not_ours_is_not_rotated(text: str) -> None:
    with pytest.raises(SecretUnreadable):
        FIELD.rotate(text)
    assert not FIELD.is_newest(text)


@pytest.mark.parametrize(
    "found", [[], [""], ["c2hvcnQ="], ["nonsense!"], [base64.urlsafe_b64encode(b"x" * 33).decode()], None, ["ä"]]
)
def test_without_a_proper_key_nothing_is_written_or_read(found: Any, row: FarmConnection, settings: Any) -> None:
    settings.PORTAL_FIELD_KEYS = found

    with pytest.raises(ImproperlyConfigured, match="PORTAL_FIELD_KEYS"), transaction.atomic():
        FarmConnection.objects.update(password="x")
    with pytest.raises(ImproperlyConfigured):
        FarmConnection.objects.get()


def test_one_bad_key_among_good_ones_is_refused(settings: Any) -> None:
    settings.PORTAL_FIELD_KEYS = [*settings.PORTAL_FIELD_KEYS, "c2hvcnQ="]

    with pytest.raises(ImproperlyConfigured):
        secrets.keys()


def test_a_key_is_named_without_being_told(settings: Any) -> None:
    (key,) = secrets.keys()[:1]

    assert len(secrets.key_id(key)) == 8
    assert secrets.key_id(key) not in key.hex()


@pytest.mark.parametrize("lookup", ["", "__exact", "__in", "__startswith", "__contains", "__gt", "__regex", "__iexact"])
def test_it_cannot_be_searched(lookup: str, row: FarmConnection) -> None:
    with pytest.raises(FieldError, match="encrypted"):
        FarmConnection.objects.filter(**{f"password{lookup}": [PASSWORD] if lookup == "__in" else PASSWORD}).exists()


def test_whether_there_is_one_can_be_asked(row: FarmConnection) -> None:
    assert FarmConnection.objects.filter(password__isnull=False).exists()


def test_a_row_never_shows_it(row: FarmConnection) -> None:
    assert PASSWORD not in f"{row!r} {row} {FarmConnection.objects.all()!r} {FIELD!r}"


def test_a_dump_of_the_data_never_shows_it_and_can_be_loaded_again(row: FarmConnection, tmp_path: Any) -> None:
    dump = StringIO()
    call_command("dumpdata", "lifecycle.farmconnection", stdout=dump)
    (found,) = json.loads(dump.getvalue())
    assert found["fields"]["password"].startswith(PREFIX)
    assert "correct horse" not in dump.getvalue()

    FarmConnection.objects.update(password="another")
    file = tmp_path / "dump.json"
    file.write_text(dump.getvalue())
    call_command("loaddata", str(file), stdout=StringIO())

    assert FarmConnection.objects.get().password == PASSWORD


def test_the_column_knows_its_own_name() -> None:
    assert FIELD.label == "lifecycle.farmconnection.password"
    assert isinstance(FIELD, models.TextField)
