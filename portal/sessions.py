"""Sessions in the database, found by a hash: a row that somebody reads, or a backup, is not a way in."""

from __future__ import annotations

import hashlib
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession


def stored(session_key: str | None) -> str:
    """How the key in the cookie is written in the table: 40 characters fit its column."""
    return hashlib.sha256((session_key or "").encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    """Django's own, but for what stands in the key's column."""

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        given = self.session_key
        try:
            self._session_key = stored(given)
            return super()._get_session_from_db()  # type: ignore[misc,no-any-return]
        finally:
            if self._session_key is not None:
                self._session_key = given

    def exists(self, session_key: str) -> bool:
        return super().exists(stored(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        made = super().create_model_instance(data)
        made.session_key = stored(made.session_key)
        return made

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            super().delete(stored(key))

    async def _aget_session_from_db(self) -> AbstractBaseSession | None:
        return await sync_to_async(self._get_session_from_db)()

    async def aexists(self, session_key: str) -> bool:
        return await super().aexists(stored(session_key))

    async def acreate_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return await sync_to_async(self.create_model_instance)(data)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)
