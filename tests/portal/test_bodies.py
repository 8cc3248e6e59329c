"""What a request may bring: counted while it comes, before anything of it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import Client

from portal.bodies import MIB, BodyLimit

pytestmark = pytest.mark.django_db


class Site:
    """Reads the whole body, as Django does, and answers; ``kept`` is how much of it came."""

    def __init__(self) -> None:
        self.kept = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            self.kept += len(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def sent(path: str, size: int, *, cookie: str = "", announced: int | None = None) -> tuple[int, int, str]:
    """Status, bytes that came as far as the site, words."""
    pieces: Iterator[int] = iter([MIB] * (size // MIB) + [size % MIB])
    left, answers, site = size, [], Site()

    async def receive() -> dict[str, Any]:
        nonlocal left
        length = next(pieces)
        left -= length
        return {"type": "http.request", "body": b"x" * length, "more_body": left > 0}

    async def send(message: Any) -> None:
        answers.append(message)

    headers = [(b"cookie", cookie.encode())] if cookie else []
    if announced is not None:
        headers.append((b"content-length", str(announced).encode()))
    scope = {"type": "http", "method": "POST", "path": path, "root_path": "", "headers": headers}
    async_to_sync(BodyLimit(site))(scope, receive, send)
    return answers[0]["status"], site.kept, answers[1]["body"].decode()


@pytest.fixture(autouse=True)
def limits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.bodies.close_old_connections", lambda: None)  # as Django's own client in tests
    settings.PORTAL_BODY_LIMIT_MB, settings.PORTAL_PACKAGE_LIMIT_MB = 2, 5


@pytest.fixture
def cookie(admin: User) -> str:
    client = Client()
    client.force_login(admin)
    return f"sessionid={client.cookies['sessionid'].value}"


def test_what_fits_passes() -> None:
    assert sent("/accounts/login/", 2 * MIB, announced=2 * MIB)[:2] == (200, 2 * MIB)


def test_what_is_announced_as_too_large_is_not_read() -> None:
    status, kept, words = sent("/accounts/login/", 0, announced=2 * MIB + 1)

    assert (status, kept) == (413, 0)
    assert "at most 2 MiB are taken here" in words


@pytest.mark.parametrize("announced", [None, 5])
def test_what_grows_too_large_is_cut_off_there(announced: int | None) -> None:
    status, kept, _words = sent("/accounts/login/", 50 * MIB, announced=announced)

    assert (status, kept) == (413, 2 * MIB)


@pytest.mark.parametrize(("path", "most"), [("/packages/installers/", 6), ("/packages/uploads/some-uid/", 64)])
def test_uploads_may_be_larger_from_who_is_logged_in(path: str, most: int, cookie: str) -> None:
    assert sent(path, most * MIB, cookie=cookie)[:2] == (200, most * MIB)
    assert sent(path, 0, cookie=cookie, announced=most * MIB + 1)[0] == 413


@pytest.mark.parametrize("offered", ["", "sessionid=made-up", "sessionid="])
def test_a_cookie_that_is_no_login_opens_nothing(offered: str) -> None:
    assert sent("/packages/installers/", 3 * MIB, cookie=offered)[0] == 413


def test_a_login_makes_no_other_address_larger(cookie: str) -> None:
    assert sent("/packages/uploads/", 3 * MIB, cookie=cookie)[0] == 413


def test_the_web_server_stands_behind_it() -> None:
    from portal import asgi

    assert isinstance(asgi.application, BodyLimit)
