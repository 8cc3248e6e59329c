"""How much a request may bring, counted as it comes: Django would keep all of it on disk before it asks who sends."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import DatabaseError, close_old_connections
from django.http import parse_cookie

from portal.sessions import SessionStore

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Message, Any, Any], Awaitable[None]]

MIB = 1024 * 1024
_PIECES = re.compile(r"/packages/uploads/[^/]+/")
_WHOLE_FILES = "/packages/installers/"
_PIECE_MIB = 64


class BodyLimit:
    """Answers 413 to what is larger than its address takes; the addresses of uploads take more, from who is logged in.

    What is announced as too large is not read at all; what grows too large is dropped at that point.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        most = await _most(scope)
        announced = _header(scope, b"content-length")
        if announced.isascii() and announced.isdigit() and (len(announced) > 18 or int(announced) > most):
            await _refuse(send, most)
            return
        came, has_begun = 0, False

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            return {"type": "http.disconnect"} if came > most else message

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        await self._application(scope, counted, noted)
        if came > most and not has_begun:
            await _refuse(send, most)


async def _most(scope: Message) -> int:
    """In bytes, for this address and this sender."""
    small = settings.PORTAL_BODY_LIMIT_MB * MIB
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    if scope["method"] != "POST":
        return small
    if path == _WHOLE_FILES:
        large = (settings.PORTAL_PACKAGE_LIMIT_MB + 1) * MIB
    elif _PIECES.fullmatch(path):
        large = _PIECE_MIB * MIB
    else:
        return small
    key = parse_cookie(_header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME, "")
    return max(small, large) if key and await sync_to_async(_is_logged_in)(key) else small


def _is_logged_in(key: str) -> bool:
    """Outside of Django's own requests, so connections are looked after here."""
    close_old_connections()
    try:
        return SESSION_KEY in SessionStore(key).load()
    except (DatabaseError, ValueError):
        return False
    finally:
        close_old_connections()


def _header(scope: Message, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), "")


async def _refuse(send: Send, most: int) -> None:
    words = (
        f"This is too large: at most {most // MIB} MiB are taken here. Nothing of it was kept. Files of packages go to"
        " the page Installers, after a login.\n"
    ).encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(words)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": words})
