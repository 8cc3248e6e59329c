import pytest
import redis
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from portal import throttle
from tests import factories

LOGIN = "/accounts/login/"


def _try(client: Client, name: str = "helpdesk", password: str = factories.PASSWORD, **extra: str):
    return client.post(LOGIN, {"username": name, "password": password, **extra})


def test_leads_to_where_one_wanted_to_go(client: Client, helpdesk: User) -> None:
    asked = client.get("/targets/?text=MUC")

    response = client.post(
        asked.headers["Location"],
        {"username": "helpdesk", "password": factories.PASSWORD, "next": "/targets/?text=MUC"},
    )

    assert asked.headers["Location"] == "/accounts/login/?next=/targets/%3Ftext%3DMUC"
    assert response.headers["Location"] == "/targets/?text=MUC"


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_leads_to_no_foreign_place(client: Client, helpdesk: User, wanted: str) -> None:
    assert _try(client, next=wanted).headers["Location"] == "/"


@pytest.mark.parametrize("name", ["helpdesk", "nobody", "gone"])
def test_says_the_same_whether_the_name_exists_or_not(client: Client, helpdesk: User, name: str) -> None:
    factories.person("gone", is_active=False)

    response = _try(client, name, "a wrong password")

    assert response.status_code == 422
    assert "Wrong user name or password." in response.content.decode()
    assert "a wrong password" not in response.content.decode()


def test_logs_out_by_post_alone(as_, helpdesk: User) -> None:
    client = as_(helpdesk)

    assert client.get("/accounts/logout/").status_code == 405
    assert client.get("/").status_code == 200
    assert client.post("/accounts/logout/").headers["Location"] == LOGIN
    assert client.get("/").status_code == 302


class TestThrottle:
    @pytest.fixture(autouse=True)
    def _two_attempts(self, settings) -> None:
        settings.PORTAL_LOGIN_ATTEMPTS = 2

    def _fail(self, client: Client, times: int, name: str = "helpdesk") -> None:
        for _ in range(times):
            _try(client, name, "wrong")

    def test_lets_nobody_guess_on_not_even_rightly(self, client: Client, helpdesk: User) -> None:
        self._fail(client, 2)

        response = _try(client)

        assert response.status_code == 429
        assert "Too many attempts for this user name from here. Try again in 5 minutes." in response.content.decode()

    def test_counts_the_name_however_it_is_written(self, client: Client, helpdesk: User) -> None:
        self._fail(client, 2, "HELPDESK")

        assert _try(client).status_code == 429

    def test_locks_out_nobody_else(self, client: Client, helpdesk: User, admin: User) -> None:
        self._fail(client, 5)

        assert _try(client, "admin").status_code == 302
        assert _try(Client(REMOTE_ADDR="10.9.9.9")).status_code == 302

    def test_forgets_after_the_right_password(self, client: Client, helpdesk: User) -> None:
        self._fail(client, 1)
        _try(client)
        client.logout()
        self._fail(client, 1)

        assert _try(client).status_code == 302

    def test_an_outage_of_redis_keeps_nobody_out(
        self, client: Client, helpdesk: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_args: object) -> None:
            raise redis.ConnectionError("away")

        for name in ("add", "incr", "delete"):
            monkeypatch.setattr(cache, name, away)

        assert [throttle.take("helpdesk", "10.0.0.1") for _ in range(4)] == [True] * 4
        assert _try(client).status_code == 302


@pytest.mark.parametrize("spelling", [" helpdesk", "helpdesk\t", "\uff48elpdesk", "HELPDESK"])
def test_another_spelling_of_the_name_is_not_another_chance(
    client: Client, helpdesk: User, settings, spelling: str
) -> None:
    settings.PORTAL_LOGIN_ATTEMPTS = 2
    for _ in range(2):
        _try(client, password="wrong")

    assert _try(client, spelling, "wrong").status_code == 429


def test_an_address_that_tries_many_names_is_slowed_down(db: None, client: Client, settings) -> None:
    settings.PORTAL_LOGIN_ATTEMPTS = 1
    answers = [_try(client, f"person{number}", "wrong").status_code for number in range(21)]

    assert answers == [422] * 20 + [429]


@pytest.mark.parametrize("wanted", ["foo", "login"])
def test_leads_to_no_name_of_a_view(client: Client, helpdesk: User, wanted: str) -> None:
    response = client.post(f"{LOGIN}?next={wanted}", {"username": "helpdesk", "password": factories.PASSWORD})

    assert (response.status_code, response.headers["Location"]) == (302, "/")


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/changes/4/", "/changes/4/"),
        ("http://testserver/vdisks/1/actions/boot-test/?version=4", "/vdisks/1/actions/boot-test/%3Fversion%3D4"),
        ("https://evil.example/x", "/changes/4/decide/"),
        ("", "/changes/4/decide/"),
    ],
)
def test_a_form_sent_after_the_session_ended_leads_back_to_its_page(
    db: None, client: Client, referer: str, back: str
) -> None:
    response = client.post("/changes/4/decide/", {"decision": "approve"}, headers={"Referer": referer})

    assert response.headers["Location"] == f"{LOGIN}?next={back}"
