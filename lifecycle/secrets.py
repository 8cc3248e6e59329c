"""Secrets at rest: an encrypted text field on cryptography's MultiFernet that fails closed.

Keys come from the environment or a file (settings.PORTAL_FIELD_KEYS, newest first), never from SECRET_KEY and never
from the database. Each column has its own derived key, so a ciphertext copied to another column does not decrypt.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldError, ImproperlyConfigured, ValidationError
from django.db import models
from django.db.models.functions import Cast

logger = logging.getLogger(__name__)

PREFIX = "enc1$"

when_revealed: list[Callable[[str], None]] = []
"""Told of each secret that this process decrypts: whoever masks must know a value before anybody can tell it."""


class SecretUnreadable(Exception):
    """A stored secret cannot be decrypted with the keys at hand; nothing is ever shown in its place."""


def keys() -> tuple[bytes, ...]:
    """The configured keys, newest first. ImproperlyConfigured when there is none or one is not 32 bytes."""
    try:
        found = tuple(base64.urlsafe_b64decode(text) for text in settings.PORTAL_FIELD_KEYS)
    except (ValueError, TypeError):
        found = ()
    if not found or any(len(key) != 32 for key in found):
        raise ImproperlyConfigured(
            "PORTAL_FIELD_KEYS needs at least one key: 32 bytes in URL-safe base64, newest first."
        )
    return found


def key_id(key: bytes) -> str:
    """Eight hex digits that name a key without telling it."""
    return hashlib.sha256(key).hexdigest()[:8]


@lru_cache(maxsize=64)
def _cipher(label: str, of: tuple[bytes, ...]) -> MultiFernet:
    def derived(key: bytes) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(HKDF(SHA256(), 32, None, label.encode()).derive(key)))

    return MultiFernet([derived(key) for key in of])


if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    _TextField = models.TextField


class SecretTextField(_TextField):
    """Text that is encrypted in the database. Cannot be searched; never put it into a form's initial values."""

    @property
    def label(self) -> str:
        return f"{self.model._meta.label_lower}.{self.column}"

    def get_prep_value(self, value: Any) -> Any:
        if value is None:
            return None
        return PREFIX + _cipher(self.label, keys()).encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:  # noqa: ARG002
        return None if value is None else self.reveal(value)

    def reveal(self, stored: str) -> str:
        """Plain text of a stored value; SecretUnreadable when it is not one of ours or no key fits."""
        if not stored.startswith(PREFIX):
            raise SecretUnreadable(f"{self.label} holds text that is not encrypted.")
        try:
            plain = _cipher(self.label, keys()).decrypt(stored[len(PREFIX) :].encode()).decode()
        except InvalidToken as error:
            raise SecretUnreadable(f"{self.label} cannot be decrypted with the configured keys.") from error
        for tell in when_revealed:
            tell(plain)
        return plain

    def value_to_string(self, obj: models.Model) -> str:
        """What ``dumpdata`` writes: a file is a place at rest, too."""
        return str(self.get_prep_value(self.value_from_object(obj)))

    def to_python(self, value: Any) -> Any:
        """Takes what ``dumpdata`` wrote back; any other text is a secret as somebody typed it."""
        if not isinstance(value, str) or not value.startswith(PREFIX):
            return super().to_python(value)
        try:
            return self.reveal(value)
        except SecretUnreadable as error:
            raise ValidationError(str(error)) from error

    def is_newest(self, stored: str) -> bool:
        """Whether ``stored`` is under the newest key already, so that a rotation may skip it."""
        try:
            _cipher(self.label, keys()[:1]).decrypt(stored.removeprefix(PREFIX).encode())
        except InvalidToken:
            return False
        return stored.startswith(PREFIX)

    def rotate(self, stored: str) -> str:
        """The same secret under the newest key."""
        if not stored.startswith(PREFIX):
            raise SecretUnreadable(f"{self.label} holds text that is not encrypted.")
        try:
            return PREFIX + _cipher(self.label, keys()).rotate(stored[len(PREFIX) :].encode()).decode()
        except InvalidToken as error:
            raise SecretUnreadable(f"{self.label} cannot be decrypted with the configured keys.") from error

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"{self.label} is encrypted and cannot be searched.")
        return super().get_lookup(lookup_name)


def secret_fields() -> list[tuple[type[models.Model], SecretTextField]]:
    """Every column of the database that holds secrets."""
    return [
        (model, field)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, SecretTextField)
    ]


def known_secrets() -> list[str]:
    """Every secret in the database in plain text, for masking alone; what cannot be decrypted is left out."""
    return [secret for model, field in secret_fields() for secret in _plain(model, field) if secret]


def _plain(model: type[models.Model], field: SecretTextField) -> list[str]:
    rows = model._base_manager.annotate(stored=Cast(field.name, models.TextField())).values_list("stored", flat=True)
    found: list[str] = []
    for stored in rows.order_by():
        try:
            found.append(field.reveal(stored or ""))
        except SecretUnreadable as unreadable:
            logger.warning("a secret is not known and will not be masked: %s", unreadable)
    return found
