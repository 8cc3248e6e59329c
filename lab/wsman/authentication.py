"""Who a connection or a request belongs to: Basic with each request, NTLM once a connection."""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from typing import cast

import spnego
from spnego.exceptions import SpnegoError

from lab.wsman.sealing import SecurityContext


@dataclass(frozen=True)
class Account:
    """The one account of the lab. NTLM takes it from the file named in NTLM_USER_FILE."""

    domain: str
    user: str
    password: str = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.domain}\\{self.user}"

    def is_named(self, name: str) -> bool:
        return name.lower() in {self.name.lower(), self.user.lower()}


class Unauthorized(Exception):
    """Answer 401; `token` continues an exchange."""

    def __init__(self, token: bytes | None = None) -> None:
        super().__init__()
        self.token = token

    @property
    def challenges(self) -> list[str]:
        negotiate = f"Negotiate {base64.b64encode(self.token).decode()}" if self.token else "Negotiate"
        return [negotiate, 'Basic realm="WSMAN"']


class Authentication:
    """State of one TCP connection."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._user = ""
        self.context: SecurityContext | None = None

    def user_of(self, authorization: str) -> str:
        """Name of the authenticated user. Raises Unauthorized."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "basic":
            return self._basic(value)
        if scheme.lower() in {"negotiate", "ntlm"}:
            return self._negotiate(value)
        if self._user and not authorization:
            return self._user
        raise Unauthorized

    def _basic(self, value: str) -> str:
        try:
            name, _, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Unauthorized from error
        right = hmac.compare_digest(password.encode(), self._account.password.encode())
        if not (self._account.is_named(name) and right):
            raise Unauthorized
        return self._account.name.lower()

    def _negotiate(self, value: str) -> str:
        if self.context is None or self.context.complete:
            self._user = ""
            self.context = cast(SecurityContext, spnego.server(protocol="ntlm"))
        try:
            token = self.context.step(base64.b64decode(value))
        except (SpnegoError, ValueError) as error:
            self.context = None
            raise Unauthorized from error
        if not self.context.complete:
            raise Unauthorized(token)
        if not self._account.is_named(self.context.client_principal or ""):
            raise Unauthorized
        self._user = self._account.name.lower()
        return self._user
