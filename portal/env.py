"""Typed readers for the environment: every setting of the portal comes in through one of these.

A name that is set but empty counts as not set, so that `NAME=` in a compose file means the default.
"""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool = False) -> bool:
    """1/true/yes/on or 0/false/no/off. Anything else is an error: a mistyped "flase" must not switch a guard off."""
    value = text(name).lower()
    if not value:
        return default
    if value in TRUE | FALSE:
        return value in TRUE
    raise ImproperlyConfigured(f"{name} is {value!r}; it takes 1 or 0.")


def integer(name: str, default: int, *, minimum: int = 0) -> int:
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes a whole number.") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{name} is {number}; the least is {minimum}.")
    return number


def listing(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Comma-separated values; blanks around them do not count."""
    values = [part.strip() for part in text(name).split(",")]
    return [value for value in values if value] or list(default)


def path(name: str, default: Path) -> Path:
    return Path(text(name) or default).expanduser().absolute()


def secret(name: str) -> str:
    """The value of NAME, or the content of the file that NAME_FILE names; "" if neither is set.

    A file (container secret, systemd credential) keeps the value out of the process environment. Both at once is an
    error: nobody could say which one is in force.
    """
    value, file_name = text(name), text(f"{name}_FILE")
    if value and file_name:
        raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set; leave one of them out.")
    if not file_name:
        return value
    try:
        return Path(file_name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {file_name}, which cannot be read: {error.strerror}.") from error
