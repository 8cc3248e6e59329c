"""Typed readers for the environment: every setting of the portal comes in through one of these.

A name that is set but empty counts as not set, so that `NAME=` in a compose file means the default.
"""

import os
import re
from collections.abc import Collection, Mapping
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


_LIMIT = re.compile(r"([^=,]+?)\s*=\s*(\d+)(?:[\s,]+|$)")


def limits(name: str, default: Mapping[str, int], *, kinds: Collection[str]) -> dict[str, int]:
    """Numbers by name, on top of the default: `host=8, store=8 kind:merge=2 host:My Farm=4`. 0 lifts a limit.

    A name is one of ``kinds``, alone or followed by a colon and the name of one of them; letter case does not count.
    """
    value, at, found = text(name), 0, {}
    while at < len(value):
        match = _LIMIT.match(value, at)
        if match is None:
            raise ImproperlyConfigured(f"{name} cannot be read from {value[at:]!r} on; it takes e.g. `host=8 store=8`.")
        key = match[1].strip()
        kind, _, which = key.partition(":")
        if kind.casefold() not in kinds or (":" in key and not which.strip()):
            raise ImproperlyConfigured(
                f"{name} limits {key!r}; it takes {', '.join(kinds)}, or one of them by name, e.g. host:My Farm=4."
            )
        if key.casefold() in found:
            raise ImproperlyConfigured(f"{name} limits {key!r} twice.")
        found[key.casefold()] = int(match[2])
        at = match.end()
    return dict(default) | found


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
