"""System checks: what production refuses, and values that cannot work anywhere. `manage.py check` lists them."""

import base64
import sys
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register, run_checks  # noqa: A004  Django's name
from django.core.exceptions import ImproperlyConfigured

from lifecycle.states import Action, Reading

TAG = "portal"
SECRET_KEY_LENGTH = 50
METRICS_TOKEN_LENGTH = 20


@register(TAG)
def production_is_safe(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if not settings.PORTAL_PRODUCTION:
        return []
    findings = (_secret_key(), _hosts(), _embedded_servers(), _https(), _debug())
    return [finding for finding in findings if finding is not None]


@register(TAG)
def field_keys_are_usable(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    keys = settings.PORTAL_FIELD_KEYS
    if keys and all(_is_key(key) for key in keys):
        return []
    what = "One of PORTAL_FIELD_KEYS is not a key." if keys else "PORTAL_FIELD_KEYS is not set."
    hint = (
        "Make one with `python -c 'import os,base64; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'`, "
        "keep it apart from the backups of the database and name its file in PORTAL_FIELD_KEYS_FILE. Newest key first."
    )
    return [Error(what, hint=hint, id="portal.E002")]


@register(TAG)
def intervals_fit(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.PORTAL_LEASE_SECONDS > 3 * settings.PORTAL_TICK_SECONDS:
        return []
    return [
        Error(
            f"A lease of {settings.PORTAL_LEASE_SECONDS} s cannot be kept "
            f"with a tick of {settings.PORTAL_TICK_SECONDS} s.",
            hint="Make PORTAL_LEASE_SECONDS more than three times PORTAL_TICK_SECONDS; 30 and 1 are the defaults.",
            id="portal.E007",
        )
    ]


@register(TAG)
def metrics_token_is_long(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    token = settings.PORTAL_METRICS_TOKEN
    if not token or len(token) >= METRICS_TOKEN_LENGTH:
        return []
    return [
        Error(
            f"PORTAL_METRICS_TOKEN is shorter than {METRICS_TOKEN_LENGTH} characters.",
            hint="Make one with `python -c 'import secrets; print(secrets.token_urlsafe(32))'` and name its file in "
            "PORTAL_METRICS_TOKEN_FILE, or leave both out: then /metrics needs a login.",
            id="portal.E008",
        )
    ]


@register(TAG)
def limits_name_known_kinds(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Only told: a kind may be known to the workers alone."""
    named = {name.partition(":")[2] for name in settings.PORTAL_LIMITS if name.startswith("kind:")}
    known = [*Action.values, *Reading.values]
    unknown = sorted(named - set(known))
    if not unknown:
        return []
    return [
        Warning(
            f"PORTAL_LIMITS limits jobs of the kind {', '.join(unknown)}, which the portal does not know.",
            hint=f"The kinds are {', '.join(known)}.",
            id="portal.W001",
        )
    ]


def refuse_unsafe_settings() -> None:
    """For processes that Django starts without running its checks: end with the findings, do not serve."""
    serious = [finding for finding in run_checks(tags=[TAG]) if finding.is_serious()]
    if serious:
        sys.exit("\n".join(str(finding) for finding in serious))


def _secret_key() -> CheckMessage | None:
    if len(_configured_secret_key()) >= SECRET_KEY_LENGTH:
        return None
    return Error(
        f"PORTAL_SECRET_KEY is missing or shorter than {SECRET_KEY_LENGTH} characters.",
        hint="Make one with `python -c 'import secrets; print(secrets.token_urlsafe(50))'` and name its file in "
        "PORTAL_SECRET_KEY_FILE.",
        id="portal.E001",
    )


def _configured_secret_key() -> str:
    """Django answers the question for an empty one with an exception."""
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:
        return ""


def _hosts() -> CheckMessage | None:
    named = set(settings.ALLOWED_HOSTS) - set(settings.LOOPBACK)
    if named and "*" not in named:
        return None
    return Error(
        "PORTAL_ALLOWED_HOSTS does not say under which names the portal is reached.",
        hint="List them, separated by commas: PORTAL_ALLOWED_HOSTS=portal.example.org. `*` is refused.",
        id="portal.E003",
    )


def _embedded_servers() -> CheckMessage | None:
    own = (("DATABASE_URL", settings.PORTAL_EMBEDDED_DATABASE), ("REDIS_URL", settings.PORTAL_EMBEDDED_REDIS))
    unset = [name for name, is_embedded in own if is_embedded]
    if not unset:
        return None
    return Error(
        f"{' and '.join(unset)} not set: the embedded servers are for a trial on one machine.",
        hint="Set DATABASE_URL=postgresql://user:password@host/name and REDIS_URL=redis://:password@host/0 "
        "(or DATABASE_URL_FILE, REDIS_URL_FILE).",
        id="portal.E004",
    )


def _https() -> CheckMessage | None:
    if settings.PORTAL_HTTPS:
        return None
    return Error(
        "PORTAL_HTTPS is switched off: logins would cross the network in the clear.",
        hint="Put a TLS proxy in front and remove PORTAL_HTTPS=0; name the proxy's header in "
        "PORTAL_PROXY_HTTPS_HEADER, e.g. X-Forwarded-Proto.",
        id="portal.E005",
    )


def _debug() -> CheckMessage | None:
    if not settings.DEBUG:
        return None
    return Error(
        "PORTAL_DEBUG is on: error pages would show settings and data.",
        hint="Remove PORTAL_DEBUG.",
        id="portal.E006",
    )


def _is_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text)) == 32
    except ValueError:
        return False
