"""Keeps secrets out of all that is written down: known values in every form they may come back in, and patterns.

Known are the secrets of the database and of the settings, and what a step registers (``ctx.secret``). A process never
forgets a value of the first two kinds, as a host may still repeat the password of yesterday. It looks at them all once
a minute, and learns one that it decrypts itself in that moment.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings

from builders.engine.secret_forms import forms
from lifecycle.secret_patterns import MASK, mask_patterns
from lifecycle.secrets import known_secrets, when_revealed

READ_AGAIN_SECONDS = 60.0
SHORT = 5
"""A value shorter than this is masked where it stands alone only; inside words it would hide half of the log."""
LONGEST = 10_000
"""Characters of a line of a log, and of words about a step or a job; a page shows hundreds of lines at once."""
REMEMBERED_UP_TO = 2048
"""Characters of a text that may well come again; what is longer is masked anew each time instead of being kept."""
_NOTHING = re.compile(r"(?!)")


class Vault:
    """Values that must not be told, as one expression. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self._expression: re.Pattern[str] | None = _NOTHING
        self.version = 0
        """Grows with each new value, so that nobody takes a text for masked that was masked without it."""

    def remember(self, *values: str) -> None:
        """From now on, ``mask`` finds these."""
        fresh = {part for value in values for part in _parts(value)} - self._values
        if fresh:
            with self._lock:
                self._values |= fresh
                self._expression = None
                self.version += 1

    def mask(self, text: str) -> str:
        expression = self._expression or self._compile()
        return text if expression is _NOTHING else expression.sub(MASK, text)

    def _compile(self) -> re.Pattern[str]:
        with self._lock:
            anywhere = {form for value in self._values if len(value) >= SHORT for form in forms(value)}
            alone = {form for value in self._values if len(value) < SHORT for form in forms(value)}
            choices = _by_beginning(anywhere, 3)
            if alone:
                choices.append(rf"(?<!\w)(?:{'|'.join(_by_beginning(alone, 1))})(?!\w)")
            self._expression = re.compile("|".join(choices))
            return self._expression


class Mask:
    """What one worker's pen looks through: the secrets of the portal, and those of the job in its hand."""

    def __init__(self) -> None:
        self.own = Vault()
        with _in_use_lock:
            _in_use.add(self)

    def whole(self, text: str) -> str:
        """The text as it may be written down, fit for PostgreSQL: without NUL, without halves of characters."""
        return _masked(self.own.mask(_storable(text)))

    def text(self, text: str) -> str:
        """The same, at most ``LONGEST`` long. Cut after it was masked: half of a secret would not be found."""
        return _cut(self.whole(text))

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it masked, keys too; nothing is cut."""
        if isinstance(value, str):
            return self.whole(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(part) for part in value]
        return value

    def lines(self, lines: Iterable[str]) -> list[str]:
        """Many lines at once, so that what spans lines is found; a block that is masked becomes one line."""
        return [_cut(line) for line in self.whole("\n".join(lines)).split("\n")]


class MaskingFilter(logging.Filter):
    """For the handlers of a worker process: message, traceback and stack are masked before they are written."""

    _formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _masked_by_all(_message(record)), ()
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = _masked_by_all(self._formatter.formatException(record.exc_info))
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = _masked_by_all(record.exc_text)
        if record.stack_info:
            record.stack_info = _masked_by_all(record.stack_info)
        return True


def guard_logging() -> None:
    """Put the filter on every handler of the root logger, once."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(found, MaskingFilter) for found in handler.filters):
            handler.addFilter(MaskingFilter())


def remember(*values: str) -> None:
    """This process writes none of these down any more."""
    _portal.remember(*values)


when_revealed.append(remember)


def masked(text: str) -> str:
    """What is written down beside any job, masked and at most ``LONGEST`` long."""
    read_known()
    return _cut(_masked(_storable(text)))


def read_known() -> None:
    """Take in the secrets of the database and the settings, when the last look is older than a minute."""
    global _read_at  # noqa: PLW0603  one look a process
    now = time.monotonic()
    if _read_at is None or now - _read_at >= READ_AGAIN_SECONDS:
        remember(*known_secrets(), *secrets_of_settings())
        _read_at = now


def secrets_of_settings() -> Iterator[str]:
    """What the installation itself keeps secret: keys, and passwords of its servers."""
    yield settings.SECRET_KEY
    yield from settings.SECRET_KEY_FALLBACKS
    yield from settings.PORTAL_FIELD_KEYS
    yield str(settings.DATABASES["default"].get("PASSWORD") or "")
    yield str(getattr(settings, "PORTAL_METRICS_TOKEN", "") or "")
    for url in (settings.REDIS_URL, settings.CELERY_BROKER_URL):
        if password := urlsplit(str(url)).password:
            yield from (password, unquote(password))


_portal = Vault()
_read_at: float | None = None
_in_use: weakref.WeakSet[Mask] = weakref.WeakSet()
_in_use_lock = threading.Lock()


def _masked(text: str) -> str:
    # the version first: with a value that comes after it, the text is only masked once too often
    return _masked_before(text, _portal.version) if len(text) <= REMEMBERED_UP_TO else _masked_now(text)


@lru_cache(maxsize=2048)
def _masked_before(text: str, version: int) -> str:  # noqa: ARG001  what was masked at another version does not count
    return _masked_now(text)


def _masked_now(text: str) -> str:
    return mask_patterns(_portal.mask(text))


def _masked_by_all(text: str) -> str:
    with _in_use_lock:
        masks = list(_in_use)
    for mask in masks:
        text = mask.own.mask(text)
    return _masked(text)


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    kept = LONGEST - 50
    return f"{text[:kept]} … ({len(text) - kept:,} more characters were cut off)"


def _message(record: logging.LogRecord) -> str:
    """Whoever logs with arguments that do not fit has a fault; his words are written, and nobody else's call fails."""
    try:
        return record.getMessage()
    except Exception as error:
        return f"{record.msg} (its arguments do not fit: {error!r}; {record.args!r})"


def _storable(text: str) -> str:
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _parts(value: str) -> Iterator[str]:
    """The value, and each longer line of it: a key of many lines is logged line by line."""
    value = value.strip()
    if value:
        yield value
    if "\n" in value:
        yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= 16)


def _by_beginning(texts: Iterable[str], depth: int) -> list[str]:
    """Alternatives of an expression, grouped by their first characters, so that few are tried at each place."""
    found = set(texts)
    if depth == 0 or len(found) < 2:
        # of two that begin alike, the longer first: nothing of it may be left over
        return [re.escape(text) for text in sorted(found, key=lambda text: (-len(text), text))]
    groups: dict[str, set[str]] = {}
    for text in found:
        groups.setdefault(text[:1], set()).add(text[1:])
    whole = groups.pop("", None)
    rest = [
        f"{re.escape(first)}(?:{'|'.join(_by_beginning(ends, depth - 1))})" for first, ends in sorted(groups.items())
    ]
    return rest if whole is None else [*rest, ""]
