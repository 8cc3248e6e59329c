"""Slows down guessing of passwords: per user name and address, so that nobody can lock out somebody else elsewhere.

A second, wider count per address slows down trying one password on many names.
"""

from __future__ import annotations

import hashlib
import logging
import unicodedata

import redis
from django.conf import settings
from django.core.cache import cache

logger = logging.getLogger(__name__)

NAMES_AN_ADDRESS = 20
"""How many times as many attempts an address has in all; many people can sit behind one."""


def take(username: str, address: str) -> bool:
    """Count one attempt *before* the password is looked at; False when there were too many lately.

    Counting first leaves no gap for guesses sent side by side. Without a cache logins go on unthrottled: an outage of
    Redis must not keep the people out who mend it.
    """
    most = settings.PORTAL_LOGIN_ATTEMPTS
    try:
        few_for_name = _count(_key(plain(username), address)) <= most
        few_from_here = _count(_key("", address)) <= most * NAMES_AN_ADDRESS
        return few_for_name and few_from_here
    except redis.RedisError as error:
        logger.warning("Logins are not throttled now: %s", error)
        return True


def clear(username: str, address: str) -> None:
    """The right password was given."""
    try:
        cache.delete(_key(plain(username), address))
    except redis.RedisError as error:
        logger.warning("The count of login attempts was not cleared: %s", error)


def plain(username: str) -> str:
    """The name as the login form reads it: other spellings of it are the same account, and count as the same."""
    return unicodedata.normalize("NFKC", username).strip()[:150]


def _count(key: str) -> int:
    """Attempts with this one, within the waiting time since the first."""
    cache.add(key, 0, settings.PORTAL_LOGIN_WAIT_SECONDS)
    try:
        return int(cache.incr(key))
    except ValueError:  # expired between the two calls: a fresh start
        return 1


def _key(username: str, address: str) -> str:
    name = hashlib.sha256(f"{username.casefold()}\n{address}".encode()).hexdigest()
    return f"login-attempts:{name}"
