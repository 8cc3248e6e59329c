import base64
import io
import json
import os
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from lifecycle.models import AuditEntry, Farm, FarmConnection
from tests import factories

pytestmark = pytest.mark.django_db

LAB = {
    "farm": "Lab Farm",
    "ca_file": "/lab/ca.pem",
    "username": "lab-user",
    "password": "lab secret",
    "servers": [
        {"name": "PVS01", "host": "127.0.0.1", "port": 4001},
        {"name": "PVS02", "host": "127.0.0.1", "port": 4002},
    ],
}


def _lab(folder: Path, **values: object) -> str:
    file = folder / "lab.json"
    file.write_text(json.dumps(LAB | values), encoding="utf-8")
    return str(file)


def _run(*arguments: str, **options: object) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


@pytest.fixture
def demo_password(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PORTAL_DEMO_PASSWORD", "a demo password")
    return "a demo password"


class TestDemo:
    def test_makes_a_person_per_role_with_a_display_name(self, demo_password: str) -> None:
        _run("demo")

        roles = {user.username: user.groups.get().name for user in User.objects.all()}
        assert roles == {
            "admin": "admin",
            "approver": "approver",
            "approver2": "approver",
            "helpdesk": "helpdesk",
            "auditor": "auditor",
        }
        assert all(user.get_full_name() and user.check_password(demo_password) for user in User.objects.all())
        assert not User.objects.filter(is_superuser=True).exists()

    def test_connects_the_lab(self, demo_password: str, tmp_path: Path) -> None:
        _run("demo", "--lab", _lab(tmp_path))

        farm = Farm.objects.get()
        assert (farm.name, farm.sync_every_seconds) == ("Lab Farm", 5)
        found = [(str(each), each.host, each.port) for each in farm.connections.all()]
        assert found == [("PVS01", "127.0.0.1", 4001), ("PVS02", "127.0.0.1", 4002)]
        assert {each.verify for each in farm.connections.all()} == {FarmConnection.Verify.CA_FILE}

    def test_follows_a_lab_that_came_back_on_other_ports(self, demo_password: str, tmp_path: Path) -> None:
        _run("demo", "--lab", _lab(tmp_path))
        hashes = set(User.objects.values_list("password", flat=True))

        _run("demo", "--lab", _lab(tmp_path, servers=[{"name": "PVS01", "host": "127.0.0.1", "port": 5001}]))

        assert [(str(each), each.port) for each in Farm.objects.get().connections.all()] == [("PVS01", 5001)]
        assert set(User.objects.values_list("password", flat=True)) == hashes  # nobody was logged out

    def test_stores_the_host_password_encrypted(self, demo_password: str, tmp_path: Path) -> None:
        _run("demo", "--lab", _lab(tmp_path))

        assert all(stored.startswith("enc1$") and "lab secret" not in stored for stored in _stored())
        assert FarmConnection.objects.all()[0].password == "lab secret"

    def test_refuses_to_invent_a_password(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PORTAL_DEMO_PASSWORD", raising=False)

        with pytest.raises(CommandError, match="PORTAL_DEMO_PASSWORD"):
            _run("demo")

        assert not User.objects.exists()

    def test_says_what_is_wrong_with_the_lab_file(self, demo_password: str, tmp_path: Path) -> None:
        (tmp_path / "lab.json").write_text('{"farm": "x"}', encoding="utf-8")

        with pytest.raises(CommandError, match="lacks ca_file, password, servers, username"):
            _run("demo", "--lab", str(tmp_path / "lab.json"))


class TestFarm:
    def _connect(self, tmp_path: Path, *more: str, password: str = "host secret\n") -> str:
        file = tmp_path / "password"
        file.write_text(password, encoding="utf-8")
        return _run("farm", "Farm 1", "--username", r"DOM\svc", "--password-file", str(file), *more)

    def test_connects_a_farm_through_several_servers(self, tmp_path: Path) -> None:
        words = self._connect(
            tmp_path,
            "--server",
            "pvs01",
            "--server",
            "pvs02:5987",
            "--ca-file",
            "/ca.pem",
            "--time-zone",
            "Europe/Berlin",
        )

        assert "Farm 1 created: pvs01:5986 (certificate authority file), pvs02:5987" in words
        assert "host secret" not in words
        first = FarmConnection.objects.get(position=0)
        assert (first.password, first.transport, first.farm.time_zone) == ("host secret", "ntlm", "Europe/Berlin")

    def test_changes_a_farm_in_place(self, tmp_path: Path) -> None:
        self._connect(tmp_path, "--server", "pvs01", "--server", "pvs02", "--ca-file", "/ca.pem", "--sync-every", "30")

        words = self._connect(tmp_path, "--server", "pvs03", "--fingerprint", ":".join(["ab"] * 32))

        assert "Farm 1 changed: pvs03:5986 (pinned certificate)" in words
        assert Farm.objects.get().sync_every_seconds == 30
        assert FarmConnection.objects.get().fingerprint == "AB" * 32

    def test_refuses_a_fingerprint_of_another_kind(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="64 hexadecimal digits"):
            self._connect(tmp_path, "--server", "pvs01", "--fingerprint", "ab" * 20)

    def test_wants_to_know_how_tls_is_verified(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="--ca-file"):
            self._connect(tmp_path, "--server", "pvs01")

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            (("--server", "pvs01:port"), "HOST or HOST:PORT"),
            (("--server", "pvs01", "--time-zone", "Mars/Olympus"), "no such zone"),
            (("--server", "pvs01", "--sync-every", "0"), "farm_sync_interval_is_positive"),
        ],
    )
    def test_changes_nothing_when_something_is_wrong(self, tmp_path: Path, more: tuple[str, ...], words: str) -> None:
        self._connect(tmp_path, "--server", "pvs01", "--ca-file", "/ca.pem")

        with pytest.raises(CommandError, match=words):
            self._connect(tmp_path, "--validate-off", *more)

        assert FarmConnection.objects.get().verify == FarmConnection.Verify.CA_FILE

    def test_refuses_an_empty_password(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="empty"):
            self._connect(tmp_path, "--server", "pvs01", "--ca-file", "/ca.pem", password="")

    def test_reads_the_password_from_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("piped secret\n"))

        _run("farm", "F", "--server", "pvs01", "--username", "svc", "--ca-file", "/ca.pem", "--password-stdin")

        assert FarmConnection.objects.get().password == "piped secret"


class TestRotateSecrets:
    @pytest.fixture(autouse=True)
    def _stored_under_an_old_key(self, settings) -> None:
        self.old, self.new = _key(), _key()
        settings.PORTAL_FIELD_KEYS = [self.old]
        farm = factories.farm()
        for position in range(3):
            factories.connection(farm, position=position, password=f"secret {position}")
        settings.PORTAL_FIELD_KEYS = [self.new, self.old]

    def test_brings_all_under_the_newest_key(self, settings) -> None:
        words = _run("rotate_secrets")

        assert "lifecycle.FarmConnection.password: 3 rotated, 0 already new, 0 unreadable" in words
        settings.PORTAL_FIELD_KEYS = [self.new]
        assert [each.password for each in FarmConnection.objects.all()] == ["secret 0", "secret 1", "secret 2"]

    def test_skips_what_is_done_when_run_again(self) -> None:
        _run("rotate_secrets")

        assert "0 rotated, 3 already new, 0 unreadable" in _run("rotate_secrets")

    def test_goes_through_many_rows_in_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("portal.management.commands.rotate_secrets.BATCH", 2)

        assert "3 rotated" in _run("rotate_secrets")

    def test_leaves_what_no_key_opens_and_says_so(self, settings) -> None:
        settings.PORTAL_FIELD_KEYS = [self.new]
        before = _stored()

        with pytest.raises(CommandError, match=r"3 secrets cannot be read.*Keep every old key"):
            _run("rotate_secrets")

        assert _stored() == before

    def test_leaves_a_secret_that_was_changed_meanwhile(self) -> None:
        from portal.management.commands import rotate_secrets

        model, field = rotate_secrets.secret_fields()[0]
        pk = FarmConnection.objects.get(position=0).pk

        rotate_secrets._replace(model, field, pk, "what was read before", "enc1$stale")

        assert FarmConnection.objects.get(position=0).password == "secret 0"


class TestVerifyAudit:
    def test_proves_a_whole_trail(self, admin: User) -> None:
        AuditEntry.objects.record(by=admin, action="test.act", on=admin)
        last = AuditEntry.objects.record(by=None, action="test.act", on=admin)

        assert f"whole: 2 entries, last hash {last.hash}" in _run("verify_audit")

    def test_finds_a_row_that_was_changed(self, admin: User) -> None:
        _tampered(admin)

        with pytest.raises(CommandError, match="broken at entry"):
            _run("verify_audit")


def _tampered(user: User) -> None:
    """Write past the trail's own guard, as somebody with rights on the database could."""
    entry = AuditEntry.objects.record(by=user, action="test.act", on=user)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE lifecycle_auditentry SET actor_name = 'somebody else' WHERE id = %s", [entry.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")


def _stored() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM lifecycle_farmconnection ORDER BY position")
        return [row[0] for row in cursor.fetchall()]


def _key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


class TestPerson:
    def test_lets_somebody_in(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("a-long-and-private-word\n"))

        _run("person", "jdoe", "--role", "approver", "--full-name", "Jane Doe", "--password-stdin")

        user = User.objects.get(username="jdoe")
        assert user.check_password("a-long-and-private-word")
        assert user.get_full_name() == "Jane Doe"
        assert user.has_perm("lifecycle.approve_promotion")
        assert AuditEntry.objects.get(action="person.create").object_name == "jdoe"

    def test_refuses_a_weak_password_and_leaves_nobody(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))

        with pytest.raises(CommandError, match="too short"):
            _run("person", "jdoe", "--role", "admin", "--password-stdin")

        assert not User.objects.exists()

    def test_takes_an_address_for_mail_that_is_one(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        for given in ("jdoe@example.org", "jdoe", "jdoe@example.org\nBcc: all@example.org"):
            monkeypatch.setattr("sys.stdin", io.StringIO("a-long-and-private-word\n"))
            if given == "jdoe@example.org":
                _run("person", "jdoe", "--role", "helpdesk", "--email", given, "--password-stdin")
            else:
                with pytest.raises(CommandError, match="--email: Enter a valid email address"):
                    _run("person", "jdoe", "--role", "admin", "--email", given, "--password-stdin")

        user = User.objects.get(username="jdoe")
        assert user.email == "jdoe@example.org"
        assert [group.name for group in user.groups.all()] == ["helpdesk"]

    def test_a_role_is_all_that_somebody_may_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        User.objects.create_superuser("root", password="x")
        monkeypatch.setattr("sys.stdin", io.StringIO("a-long-and-private-word\n"))

        _run("person", "root", "--role", "auditor", "--password-stdin")

        assert not User.objects.get().has_perm("lifecycle.approve_promotion")
        assert AuditEntry.objects.get(action="person.change").detail["was_superuser"]

    def test_shuts_somebody_out(self) -> None:
        factories.person("jdoe")

        _run("person", "jdoe", "--shut-out")

        assert not User.objects.get(username="jdoe").is_active
        assert AuditEntry.objects.filter(action="person.shut-out").exists()


def test_demo_people_are_not_made_in_production(demo_password: str, settings) -> None:
    settings.PORTAL_PRODUCTION = True

    with pytest.raises(CommandError, match="share one password"):
        _run("demo")


def test_a_trail_that_lost_its_end_is_found_by_a_hash_noted_elsewhere() -> None:
    AuditEntry.objects.record(by=None, action="one")
    noted = AuditEntry.objects.record(by=None, action="two").hash
    _run("verify_audit", "--expect", noted)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM lifecycle_auditentry WHERE hash = %s", [noted])
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")

    _run("verify_audit")
    with pytest.raises(CommandError, match="cut off"):
        _run("verify_audit", "--expect", noted)


def test_basic_without_a_verified_certificate_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("host secret")

    with pytest.raises(CommandError, match="certificate must be verified"):
        _run(
            "farm",
            "Farm 1",
            "--server",
            "pvs01",
            "--username",
            "svc",
            "--transport",
            "basic",
            "--validate-off",
            "--password-file",
            str(secret),
        )

    assert not Farm.objects.exists()
