"""A session's row is not a way in: what the cookie holds does not stand in the database."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    User.objects.create_superuser("ada", password="a long private word")
    client = Client()
    assert client.login(username="ada", password="a long private word")
    return client


def cookie(client: Client) -> str:
    return client.cookies["sessionid"].value


def test_the_cookie_does_not_stand_in_the_table(client: Client) -> None:
    stored = Session.objects.get().session_key

    assert stored != cookie(client)
    assert client.get("/").status_code == 200

    thief = Client()
    thief.cookies["sessionid"] = stored
    assert thief.get("/").status_code == 302


def test_the_session_keeps_its_values_and_ends_with_the_logout(client: Client) -> None:
    session = client.session
    session["seen"] = 7
    session.save()
    assert client.session["seen"] == 7
    kept = cookie(client)

    client.post("/accounts/logout/")

    assert not Session.objects.filter(session_data__contains="auth").exists()
    again = Client()
    again.cookies["sessionid"] = kept
    assert again.get("/").status_code == 302


def test_a_login_changes_the_key(client: Client) -> None:
    before = cookie(client)

    client.post("/accounts/logout/")
    client.login(username="ada", password="a long private word")

    assert cookie(client) != before
