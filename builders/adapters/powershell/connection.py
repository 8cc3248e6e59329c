"""Everything needed to reach one Windows host over WinRM. HTTPS only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from builders.adapters.powershell.tls import Tls, ValidateOff

Authentication = Literal["basic", "ntlm", "kerberos"]


@dataclass(frozen=True)
class HostConnection:
    """Two equal connections share their sessions. `name` is what people call the host, e.g. PVS01."""

    host: str
    username: str
    password: str = field(repr=False)
    tls: Tls
    port: int = 5986
    transport: Authentication = "ntlm"
    name: str = ""
    operation_timeout_seconds: int = 20  # how long one poll for output may hang
    connect_timeout_seconds: int = 10

    def __post_init__(self) -> None:
        if self.transport not in ("basic", "ntlm", "kerberos"):
            raise ValueError(f"unknown transport {self.transport!r}")
        if not self.host or not self.username:
            raise ValueError("a connection needs a host and a user name")

    @property
    def label(self) -> str:
        return self.name or (self.host if self.port == 5986 else f"{self.host}:{self.port}")

    @property
    def endpoint(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}/wsman"

    @property
    def warnings(self) -> tuple[str, ...]:
        """Said wherever the connection is shown."""
        if isinstance(self.tls, ValidateOff):
            return (
                f"The certificate of {self.label} is not checked (validate off): anybody on the way can read along.",
            )
        return ()
