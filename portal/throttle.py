"""Slows down guessing of passwords: per user name and address, so that nobody can lock out somebody else elsewhere."""

from __future__ import annotations

import hashlib
import logging

import redis
from django.conf import settings
from django.core.cache import cache

logger = logging.getLogger(__name__)


def take(username: str, address: str) -> bool:
    """Count one attempt *before* the password is looked at; False when there were too many lately.

    Counting first leaves no gap for guesses sent side by side. Without a cache logins go on unthrottled: an outage of
    Redis must not keep the people out who mend it.
    """
    key = _key(username, address)
    try:
        cache.add(key, 0, settings.PORTAL_LOGIN_WAIT_SECONDS)
        return int(cache.incr(key)) <= settings.PORTAL_LOGIN_ATTEMPTS
    except ValueError:  # expired between the two calls: a fresh start
        return True
    except redis.RedisError as error:
        logger.warning("Logins are not throttled now: %s", error)
        return True


def clear(username: str, address: str) -> None:
    """The right password was given."""
    try:
        cache.delete(_key(username, address))
    except redis.RedisError as error:
        logger.warning("The count of login attempts was not cleared: %s", error)


def _key(username: str, address: str) -> str:
    name = hashlib.sha256(f"{username.casefold()}\n{address}".encode()).hexdigest()
    return f"login-attempts:{name}"
