"""The ways to the stores' files: set by a command, kept with their secret encrypted, checked by opening them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from lifecycle.models import AuditEntry, StoreAccess, VDisk, VersionImage

SECRET = "only the workers know"
FARM, STORE = "Test Farm", "vDisks"
SHARE = {"share": r"\\pvs01\vdisks\office", "username": r"DOM\svc"}


def run(deed: str, *arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("store_access", deed, *arguments, **options, stdout=out)
    return out.getvalue()


def set_share(*more: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PORTAL_STORE_PASSWORD", SECRET)
    return run("set", FARM, STORE, "--share", SHARE["share"], "--username", SHARE["username"], *more)


def test_a_share_is_set_with_its_account(vdisk: VDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    told = set_share(monkeypatch=monkeypatch)

    access = StoreAccess.objects.get()
    assert (access.host, access.share, access.path) == ("pvs01", "vdisks", "office")
    assert access.password == SECRET
    assert access.encrypt
    assert access.place == SHARE["share"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM lifecycle_storeaccess")
        assert SECRET not in cursor.fetchone()[0]
    entry = AuditEntry.objects.get(action="store.access")
    assert SECRET not in told + str(entry.detail) + run("list")


def test_a_folder_of_one_server_is_set_changed_and_removed(vdisk: VDisk, tmp_path: Path) -> None:
    run("set", FARM, STORE, "--server", "pvs01", "--folder", str(tmp_path))
    told = run("set", FARM, STORE, "--server", "PVS01", "--folder", str(tmp_path / "other"))

    assert told.startswith("Changed")
    access = StoreAccess.objects.get()
    assert access.server is not None
    assert access.server.name == "PVS01"
    assert access.path == str(tmp_path / "other")
    run("remove", FARM, STORE, "--server", "PVS01")
    assert not StoreAccess.objects.exists()
    assert AuditEntry.objects.filter(action="store.access-removed").count() == 1
    assert "No way" in run("list")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["set", "Other", STORE, "--folder", "/x"], "no farm Other; known: Test Farm"),
        (["set", FARM, "Attic", "--folder", "/x"], "no store Attic; known: vDisks"),
        (["set", FARM, STORE, "--server", "PVS9", "--folder", "/x"], "--server PVS9"),
        (["set", FARM, STORE, "--folder", "relative/path"], "--folder"),
        (["set", FARM, STORE, "--share", "pvs01", "--username", "u"], "--share pvs01"),
        (["set", FARM, STORE, "--share", "//pvs01/x"], "--username"),
        (["remove", FARM, STORE], "No way is set"),
        (["check"], "No way is set"),
    ],
)
def test_what_is_wrong_is_said_by_name(vdisk: VDisk, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*arguments)
    assert not StoreAccess.objects.exists()


def test_check_opens_what_lies_there(vdisk: VDisk, tmp_path: Path) -> None:
    (tmp_path / "W11-Office.vhdx").write_bytes(b"vhdxfile" + bytes(1000))
    run("set", FARM, STORE, "--folder", str(tmp_path))

    assert "1 disk files, readable" in run("check", FARM)

    StoreAccess.objects.update(path=str(tmp_path / "gone"))
    with pytest.raises(CommandError, match="1 of 1"):
        run("check", FARM)


def test_setting_a_way_has_failed_readings_tried_again(vdisk: VDisk, tmp_path: Path) -> None:
    image = VersionImage.objects.create(version=vdisk.versions.get(number=4), problem="away", mirrored="m")

    run("set", FARM, STORE, "--folder", str(tmp_path))

    image.refresh_from_db()
    assert image.mirrored == ""


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "local", "path": "relative"},
        {"kind": "local", "path": "/x", "username": "somebody"},
        {"kind": "smb", "host": "pvs01", "share": "vdisks"},
        {"kind": "smb", "share": "vdisks", "username": "u"},
        {"kind": "floppy", "path": "/x"},
    ],
)
def test_the_database_refuses_half_a_way(vdisk: VDisk, values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        StoreAccess.objects.create(store=vdisk.store, **values)


def test_one_way_for_a_store_and_server(vdisk: VDisk) -> None:
    StoreAccess.objects.create(store=vdisk.store, kind="local", path="/a")
    with pytest.raises(IntegrityError), transaction.atomic():
        StoreAccess.objects.create(store=vdisk.store, kind="local", path="/b")
