"""Installers on their way into the package folder: whole, in pieces, interrupted, damaged, too large."""

from __future__ import annotations

import hashlib
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from lifecycle.errors import NotAllowed, NotNow
from lifecycle.models import AuditEntry, Installer, Upload
from lifecycle.packages import depot
from lifecycle.roles import Role
from portal import receiving
from tests import factories, installerfiles
from tests.lifecycle.packagebox import package
from tests.portal.test_packages import text_of

MSI = installerfiles.msi()
DIGEST = hashlib.sha256(MSI).hexdigest()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings) -> Path:
    settings.PORTAL_PACKAGE_FOLDER = tmp_path / "packages"
    return tmp_path / "packages"


@pytest.fixture
def browser(as_: Callable[[User], Client], admin: User) -> Client:
    return as_(admin)


def begin(browser: Client, data: bytes = MSI, **values: Any) -> dict[str, Any]:
    order = {"name": "C:\\fakepath\\7z2408-x64.msi", "size": len(data), "mark": "1", **values}
    return browser.post("/packages/uploads/", order).json()


def send(browser: Client, at: dict[str, Any], piece: bytes, offset: int | None = None, **headers: str) -> Any:
    where = at["offset"] if offset is None else offset
    return browser.post(
        at["address"],
        piece,
        content_type="application/octet-stream",
        headers={"Upload-Offset": str(where), **{name.replace("_", "-"): value for name, value in headers.items()}},
    )


def in_folder(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# --- in pieces


def test_goes_in_pieces_and_ends_with_what_the_file_says_of_itself(browser: Client, folder: Path) -> None:
    at = begin(browser)
    for start in range(0, len(MSI), 1000):
        at |= send(browser, at, MSI[start : start + 1000]).json()

    made = Installer.objects.get()
    assert at["done"] == f"/packages/installers/{made.pk}/"
    assert (made.name, made.sha256, made.size, made.state) == ("7z2408-x64.msi", DIGEST, len(MSI), "in-place")
    assert (made.facts["name"], made.facts["architecture"]) == ("7-Zip 24.08 (x64 edition)", "x64")
    assert in_folder(folder) == [f"files/{DIGEST[:2]}/{DIGEST}"]
    path = depot.place(folder, DIGEST)
    assert path.read_bytes() == MSI
    assert stat.S_IMODE(path.stat().st_mode) == 0o440
    assert not Upload.objects.exists()
    assert AuditEntry.objects.get().detail["sha256"] == DIGEST
    page = text_of(browser.get(at["done"]))
    assert "Made with Windows Installer (MSI) Name 7-Zip 24.08 (x64 edition) Version 24.08.00.0" in page
    assert "New package from it" in page


def test_goes_on_where_it_was_interrupted(browser: Client) -> None:
    at = begin(browser)
    send(browser, at, MSI[:1500])

    again = begin(browser)

    assert again == {"address": at["address"], "offset": 1500, "size": len(MSI)}
    assert browser.get(at["address"]).json()["offset"] == 1500
    assert "done" in send(browser, again, MSI[1500:]).json()


def test_another_file_of_the_same_name_does_not_go_on_with_it(browser: Client) -> None:
    at = begin(browser)
    send(browser, at, MSI[:1500])

    assert begin(browser, mark="2")["offset"] == 0
    assert begin(browser, MSI + b"x")["offset"] == 0


@pytest.mark.parametrize("offset", [0, 100, 1499, 1501, 10**17])
def test_a_piece_that_begins_elsewhere_is_refused_with_where_it_should(browser: Client, offset: int) -> None:
    at = begin(browser)
    send(browser, at, MSI[:1500])

    refused = send(browser, at, MSI[:10], offset=offset)

    assert (refused.status_code, refused.json()["offset"]) == (409, 1500)
    assert browser.get(at["address"]).json()["offset"] == 1500


def test_a_piece_that_was_damaged_on_its_way_does_not_count(browser: Client) -> None:
    at = begin(browser)
    whole = hashlib.sha256(MSI[:1500]).hexdigest()

    refused = send(browser, at, b"x" + MSI[1:1500], Upload_SHA256=whole)

    assert (refused.status_code, refused.json()["field"]) == (422, "piece")
    assert browser.get(at["address"]).json()["offset"] == 0
    assert send(browser, at, MSI[:1500], Upload_SHA256=whole).json()["offset"] == 1500


def test_more_than_was_announced_does_not_count(browser: Client, folder: Path) -> None:
    at = begin(browser)

    refused = send(browser, at, MSI + b"x")

    assert refused.status_code == 422
    assert "More came than" in refused.json()["words"]
    assert browser.get(at["address"]).json()["offset"] == 0
    assert not Installer.objects.exists()


def test_a_file_that_is_not_the_expected_one_is_not_kept(browser: Client, folder: Path) -> None:
    at = begin(browser, sha256="0" * 64)

    refused = send(browser, at, MSI)

    assert (refused.status_code, refused.json()["field"]) == (422, "sha256")
    assert DIGEST in refused.json()["words"]
    assert in_folder(folder) == []
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"size": 0}, "size"),
        ({"size": "many"}, "size"),
        ({"size": -1}, "size"),
        ({"size": 3 * 1024 * 1024}, "size"),
        ({"name": "..\\.."}, "name"),
        ({"name": ""}, "name"),
        ({"name": "con.msi"}, "name"),
        ({"sha256": "abc"}, "sha256"),
    ],
)
def test_an_upload_that_makes_no_sense_is_not_begun(
    browser: Client, settings, values: dict[str, Any], field: str
) -> None:
    settings.PORTAL_PACKAGE_LIMIT_MB = 2

    refused = begin(browser, **values)

    assert refused["field"] == field
    assert not Upload.objects.exists()


@pytest.mark.parametrize("offset", ["", "x", "-1", "1e3"])
def test_a_piece_says_where_it_begins(browser: Client, offset: str) -> None:
    at = begin(browser)

    refused = browser.post(
        at["address"], b"x", content_type="application/octet-stream", headers={"Upload-Offset": offset}
    )

    assert (refused.status_code, refused.json()["field"]) == (422, "offset")


def test_a_request_that_is_too_large_does_not_count(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"x" * (2 * receiving.PIECE + 1)
    at = begin(browser, data)
    monkeypatch.setattr(receiving.pieces_of, "__defaults__", (receiving.PIECE,))

    refused = send(browser, at, data)

    assert "at most 1 MiB at once" in refused.json()["words"]
    assert browser.get(at["address"]).json()["offset"] == 0


def test_only_one_window_sends_at_a_time(admin: User) -> None:
    upload = receiving.start(name="a.msi", size=10, by=admin)

    with receiving._open(upload), pytest.raises(NotNow, match="another window"):
        receiving.append(upload, [b"x"], offset=0)


def test_a_folder_that_cannot_be_written_is_said(browser: Client, folder: Path) -> None:
    at = begin(browser)
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")

    refused = send(browser, at, MSI)

    assert refused.status_code == 409
    assert refused.json()["words"].startswith("The package folder cannot be written: ")


def test_a_link_in_place_of_a_partial_file_is_not_followed(admin: User, folder: Path, tmp_path: Path) -> None:
    upload = receiving.start(name="a.msi", size=10, by=admin)
    victim = tmp_path / "victim"
    victim.write_bytes(b"")
    (folder / "partial").mkdir(parents=True)
    depot.partial(folder, upload.uid).symlink_to(victim)

    with pytest.raises(NotNow, match="cannot be written"):
        receiving.append(upload, [b"x"], offset=0)
    assert victim.read_bytes() == b""


def test_what_nobody_goes_on_with_is_forgotten(browser: Client, folder: Path) -> None:
    at = begin(browser)
    send(browser, at, MSI[:10])
    Upload.objects.update(seen_at=timezone.now() - receiving.FORGOTTEN_AFTER - timedelta(minutes=1))

    begin(browser, mark="other")

    assert browser.get(at["address"]).status_code == 404
    assert in_folder(folder) == []


def test_a_disk_that_is_full_leaves_what_had_come(admin: User) -> None:
    upload = receiving.start(name="a.msi", size=10, by=admin)
    receiving.append(upload, [b"12345"], offset=0)

    def pieces() -> Any:
        yield b"67"
        raise OSError(28, "No space left on device")

    with pytest.raises(NotNow, match="No space left"):
        receiving.append(upload, pieces(), offset=5)
    assert receiving.received(upload) == 5


# --- whole


def test_a_plain_form_sends_it_whole(browser: Client, folder: Path) -> None:
    page = browser.post(
        "/packages/installers/", {"file": SimpleUploadedFile("7z.msi", MSI), "sha256": f" {DIGEST.upper()} "}
    )

    made = Installer.objects.get()
    assert page["Location"] == f"/packages/installers/{made.pk}/"
    assert in_folder(folder) == [f"files/{DIGEST[:2]}/{DIGEST}"]
    assert not Upload.objects.exists()
    assert "7-Zip 24.08 (x64 edition) 24.08.00.0" in text_of(browser.get("/packages/installers/"))


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "This field is required"),
        ({"file": SimpleUploadedFile("a.msi", b"")}, "The file is empty."),
        ({"file": SimpleUploadedFile("a.msi", MSI), "sha256": "0" * 64}, "not the one expected"),
        ({"file": SimpleUploadedFile("a.msi", MSI), "sha256": "short"}, "A SHA-256 has 64"),
        ({"file": SimpleUploadedFile("nul.msi", MSI)}, "is no name for a file"),
        ({"file": SimpleUploadedFile("a.msi", b"x" * (1024 * 1024 + 1))}, "1 MiB are the most"),
    ],
    ids=["nothing", "empty", "another", "no digest", "name", "large"],
)
def test_a_plain_form_says_what_is_wrong(
    browser: Client, folder: Path, settings, sent: dict[str, Any], words: str
) -> None:
    settings.PORTAL_PACKAGE_LIMIT_MB = 1

    page = browser.post("/packages/installers/", sent)

    assert page.status_code == 422
    assert words in text_of(page)
    assert in_folder(folder) == []
    assert not Installer.objects.exists()


def test_the_same_content_is_stored_once_and_heals_what_was_damaged(browser: Client, admin: User, folder: Path) -> None:
    whole = {"pieces": [MSI], "by": admin}
    first = receiving.whole("a.msi", len(MSI), **whole)
    path = depot.place(folder, DIGEST)
    path.chmod(0o640)
    path.write_bytes(b"damaged")
    assert receiving.check(first, by=admin) == "differs"

    second = receiving.whole("b.msi", len(MSI), **whole)

    first.refresh_from_db()
    assert (second.pk, first.name, first.state) == (first.pk, "a.msi", "in-place")
    assert path.read_bytes() == MSI


def test_two_files_of_one_name_lie_beside_each_other(admin: User, folder: Path) -> None:
    for data in (MSI, MSI + b"newer"):
        receiving.whole("setup.msi", len(data), [data], by=admin)

    assert len(in_folder(folder)) == 2
    assert depot.place(folder, DIGEST).read_bytes() == MSI


class Overlapping(threading.Thread):
    """A plain upload that stops after its first piece until it is told to go on."""

    def __init__(self, name: str, pieces: list[bytes], by: User) -> None:
        super().__init__()
        self.name_of_file, self.parts, self.by = name, pieces, by
        self.began, self.may_go_on = threading.Event(), threading.Event()
        self.made: Installer | None = None

    def run(self) -> None:
        try:
            size = sum(len(piece) for piece in self.parts)
            self.made = receiving.whole(self.name_of_file, size, self.coming(), by=self.by)
        finally:
            connection.close()

    def coming(self) -> Iterator[bytes]:
        for piece in self.parts:
            yield piece
            self.began.set()
            self.may_go_on.wait(60)


@pytest.mark.django_db(transaction=True)
def test_two_plain_uploads_of_one_name_and_size_at_once_do_not_mix(admin: User, folder: Path) -> None:
    ones, twos = Overlapping("a.bin", [b"1" * 500] * 2, admin), Overlapping("a.bin", [b"2" * 500] * 2, admin)
    ones.start()
    assert ones.began.wait(60)
    twos.start()
    assert twos.began.wait(60)
    for each in (ones, twos):
        each.may_go_on.set()
        each.join(60)

    for each, data in ((ones, b"1" * 1000), (twos, b"2" * 1000)):
        assert each.made is not None
        path = depot.place(folder, each.made.sha256)
        assert path.read_bytes() == data
        assert hashlib.sha256(data).hexdigest() == each.made.sha256
        assert stat.S_IMODE(path.stat().st_mode) == 0o440
    assert len(in_folder(folder)) == 2
    assert not Upload.objects.exists()


def test_who_opened_the_file_before_it_was_stored_cannot_write_to_it(
    admin: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = receiving.start(name="a.msi", size=len(MSI), by=admin)
    receiving.append(upload, [MSI], offset=0)
    lock = receiving.fcntl.flock

    def stored_meanwhile(*order: Any) -> None:
        monkeypatch.setattr(receiving.fcntl, "flock", lock)
        receiving.finish(upload, by=admin)
        lock(*order)

    monkeypatch.setattr(receiving.fcntl, "flock", stored_meanwhile)
    with pytest.raises(NotNow, match="over"):
        receiving.append(upload, [b"x"], offset=len(MSI))

    assert depot.place(folder, DIGEST).read_bytes() == MSI
    with pytest.raises(NotNow, match="over"):
        receiving.append(upload, [b"x"], offset=0)
    assert in_folder(folder) == [f"files/{DIGEST[:2]}/{DIGEST}"]


def test_nothing_is_forgotten_while_it_is_being_sent(admin: User) -> None:
    upload = receiving.start(name="a.msi", size=10, by=admin)
    receiving.append(upload, [b"12345"], offset=0)

    with receiving._open(upload), pytest.raises(NotNow, match="another window"):
        receiving.drop(upload)
    assert receiving.received(upload) == 5


# --- looked at again


@pytest.mark.parametrize(
    ("damage", "state", "words"),
    [
        (lambda path: None, "in-place", "in place."),
        (lambda path: path.write_bytes(MSI[:-1] + b"x"), "differs", "its checksum differs."),
        (lambda path: path.write_bytes(MSI[:-1]), "differs", "its checksum differs."),
        (lambda path: path.unlink(), "missing", "missing."),
    ],
    ids=["whole", "changed", "cut", "gone"],
)
def test_a_file_is_looked_at_when_asked(
    browser: Client, admin: User, folder: Path, damage: Callable[[Path], Any], state: str, words: str
) -> None:
    made = receiving.whole("a.msi", len(MSI), [MSI], by=admin)
    path = depot.place(folder, DIGEST)
    path.chmod(0o640)
    damage(path)

    page = browser.post(f"/packages/installers/{made.pk}/check/", follow=True)

    made.refresh_from_db()
    assert made.state == state
    assert f"a.msi: {words}" in text_of(page)
    assert AuditEntry.objects.first().detail["to"] == state


def test_says_which_revisions_use_it(browser: Client, admin: User) -> None:
    made = receiving.whole("a.msi", len(MSI), [MSI], by=admin)
    package("7-zip", admin, digest=DIGEST)

    assert "7-zip, revision 1, as 7-zip.msi" in text_of(browser.get(f"/packages/installers/{made.pk}/"))


# --- who


def test_only_admins_put_files_into_the_folder(as_, approver: User, folder: Path) -> None:
    upload = {"name": "a.msi", "size": 1}
    assert as_(approver).post("/packages/uploads/", upload).status_code == 403
    assert as_(approver).post("/packages/installers/", {"file": SimpleUploadedFile("a", b"x")}).status_code == 403
    with pytest.raises(NotAllowed):
        receiving.start(**upload, by=approver)
    assert not folder.exists()


def test_an_upload_is_its_owners(browser: Client, as_) -> None:
    at = begin(browser)
    other = as_(factories.person("admin-2", Role.ADMIN))

    assert other.get(at["address"]).status_code == 404
    assert send(other, at, MSI).status_code == 404
    assert browser.get(at["address"]).json()["offset"] == 0


def test_one_person_holds_only_so_much_with_uploads_under_way(browser: Client, admin: User, settings) -> None:
    settings.PORTAL_PACKAGE_LIMIT_MB = settings.PORTAL_PACKAGE_OPEN_MB = 3
    data = b"x" * (2 * receiving.PIECE)
    first = begin(browser, data)

    refused = begin(browser, data, mark="2")
    assert refused["words"].startswith("Your uploads that are under way take 2 MiB; 3 MiB are the most")
    assert begin(browser, data) == first

    Upload.objects.update(seen_at=timezone.now() - receiving.IDLE_AFTER - timedelta(minutes=1))
    assert begin(browser, data, mark="2")["offset"] == 0
    assert Upload.objects.get().mark == "2"


def test_what_the_disk_has_no_room_for_is_not_begun(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=len(MSI) - 1))

    assert "has 0 MiB free; 1 MiB of this file are still to come" in begin(browser)["words"]
    assert not Upload.objects.exists()


def test_a_piece_without_the_token_of_the_form_is_refused(admin: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin)

    assert strict.post("/packages/uploads/", {"name": "a", "size": 1}).status_code == 403


# --- what cannot be read


def test_a_damaged_installer_is_stored_and_said_to_be_damaged(admin: User) -> None:
    made = receiving.whole("a.msi", 600, [MSI[:600]], by=admin)

    assert "cannot be read" in made.facts["warnings"][0]


def test_a_reader_that_does_not_come_to_an_end_is_stopped(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "READ_SECONDS", 0.01)

    made = receiving.whole("a.msi", len(MSI), [MSI], by=admin)

    assert made.facts["warnings"] == ["What it says of itself could not be read within the limits."]


def test_the_reader_inherits_no_secret(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def run(command: list[str], **options: Any) -> Any:
        seen.update(options["env"])
        raise OSError

    monkeypatch.setenv("PORTAL_SECRET_KEY", "hidden")
    monkeypatch.setattr(receiving.subprocess, "run", run)
    receiving.whole("a.msi", len(MSI), [MSI], by=admin)

    assert set(seen) <= {"PATH"}
