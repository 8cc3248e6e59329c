"""A NUL character in an address or a form is refused in words, wherever it comes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.mark.parametrize("address", ["/packages/new/?installer=%00", "/packages/new/?a=b&installer=a%00b"])
def test_in_an_address(browser: Client, address: str) -> None:
    answer = browser.get(address)

    assert answer.status_code == 400
    assert "holds a NUL character" in answer.content.decode()


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/packages/uploads/", "mark"),
        ("/portfolio/program/draft/", "key"),
        ("/portfolio/program/decide/", "key"),
    ],
)
def test_in_a_form(browser: Client, address: str, field: str) -> None:
    answer = browser.post(address, {"name": "a.msi", "size": "5", field: "a\0"})

    assert answer.status_code == 400
    assert "holds a NUL character" in answer.content.decode()


def test_a_form_names_its_field(browser: Client) -> None:
    answer = browser.post("/packages/new/", {"name": "a\0"})

    assert answer.status_code == 422
    assert "Null characters are not allowed." in answer.content.decode()


@pytest.mark.parametrize(
    "address", ["/packages/", "/portfolio/", "/audit/", "/jobs/", "/changes/", "/contents/search/"]
)
def test_no_list_fails(browser: Client, address: str) -> None:
    names = "text", "words", "page", "cover", "owner", "findings", "state", "action", "who", "sort", "of", "kind"

    assert browser.get(address, dict.fromkeys(names, "a\0")).status_code in {200, 400, 404, 422}


def test_before_a_login() -> None:
    assert Client().post("/accounts/login/", {"username": "a\0", "password": "b"}).status_code in {200, 400, 422}
