"""How a host proves who it is: by an authority's file, by its own certificate, or, spelled out, not at all."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CaFile:
    """PEM file with the authorities to trust. The certificate must also name the host as we address it."""

    path: str


@dataclass(frozen=True)
class PinnedCertificate:
    """Exactly this certificate, whoever signed it, whatever name it bears. SHA-256 of its DER form, in hex."""

    sha256: str

    def __post_init__(self) -> None:
        plain = self.sha256.replace(":", "").replace(" ", "").lower()
        if len(plain) != 64 or not set(plain) <= set("0123456789abcdef"):
            raise ValueError("a SHA-256 fingerprint has 64 hexadecimal digits")
        object.__setattr__(self, "sha256", plain)

    @classmethod
    def from_pem(cls, pem: str) -> PinnedCertificate:
        return cls(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.strip())).hexdigest())


@dataclass(frozen=True)
class ValidateOff:
    """Anybody on the way can read and change everything, the password first."""


Tls = CaFile | PinnedCertificate | ValidateOff


def parse_tls(text: str) -> Tls:
    """The spelling of a setting: "ca /path/ca.pem", "pin <SHA-256>", a certificate's PEM text, or "validate off".

    ValueError for anything else: nothing said must never come to mean no validation.
    """
    text = text.strip()
    if text == "validate off":
        return ValidateOff()
    if text.startswith("-----BEGIN CERTIFICATE-----"):
        return PinnedCertificate.from_pem(text)
    word, _, rest = text.partition(" ")
    if word == "ca" and rest.strip():
        return CaFile(rest.strip())
    if word == "pin" and rest.strip():
        return PinnedCertificate(rest.strip())
    raise ValueError('expected "ca <file>", "pin <SHA-256>", a certificate in PEM, or "validate off"')


def fetch_certificate(host: str, port: int, *, timeout_seconds: float = 10.0) -> tuple[str, PinnedCertificate]:
    """What the host shows now, as PEM, and its pin: for a person to compare. It proves nothing by itself."""
    pem = ssl.get_server_certificate((host, port), timeout=timeout_seconds)
    return pem, PinnedCertificate.from_pem(pem)


def missing_file(tls: Tls) -> str | None:
    """The path of a CA file that is not there."""
    return tls.path if isinstance(tls, CaFile) and not Path(tls.path).is_file() else None
