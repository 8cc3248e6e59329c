"""What pywinrm's exceptions and WS-Management's fault codes mean for a request. Fault texts are in the host's
language: only codes decide. (MS-WSMV, MS-WSMAN; pywinrm 0.5.0.)
"""

from __future__ import annotations

import ssl
from typing import Final
from xml.etree.ElementTree import ParseError

import requests
import spnego.exceptions
from urllib3.exceptions import NewConnectionError
from winrm.exceptions import (
    AuthenticationError,
    WinRMError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)

from builders.adapters.errors import AdapterError, CertificateProblem, NotAuthenticated, Refused, Unreachable

QUOTA_FAULTS: Final = {
    2150859173: "too many shells are open for this account",
    2150859174: "too many operations are open for this account",
    2150859175: "the host slows this account down",
}
ACCESS_DENIED: Final = 5
SHELL_NOT_FOUND: Final = 2150858843


# What pywinrm raises, by name: a worker's time limit that strikes in mid-poll must pass through.
FAILURES: Final = (
    WinRMError,
    WinRMTransportError,
    WinRMOperationTimeoutError,
    spnego.exceptions.SpnegoError,
    OSError,  # requests and urllib3 among them
    ParseError,
    StopIteration,
    AssertionError,
    ValueError,
)
TURNED_AWAY: Final = (400, 413, 503)  # HTTP: refused at the door, before any shell saw it
FINGERPRINT: Final = "ingerprints did not match"  # urllib3 has no type for it
KERBEROS_FAILURES: Final = ("KerberosExchangeError", "MutualAuthenticationError")  # importable only with pykerberos


class PipeBroken(Exception):
    """The line failed and it is not known what arrived. `may_mend`: the shell may live on, behind a new connection."""

    def __init__(self, words: str, *, code: int | None = None, may_mend: bool = False) -> None:
        super().__init__(words)
        self.code = code
        self.may_mend = may_mend


def undelivered(error: Exception) -> AdapterError | None:
    """What is certain about a request that failed; None when it may have arrived."""
    if isinstance(error, WSManFaultError):
        return _fault(error)
    kind = _undelivered_kind(error)
    if kind is None:
        return None
    words = _words(error)
    code = error.code if isinstance(error, WinRMTransportError | AuthenticationError) else None
    return kind(words, words=words, code=code)


def _undelivered_kind(error: Exception) -> type[AdapterError] | None:
    if isinstance(error, WinRMError) or type(error).__name__ in KERBEROS_FAILURES:
        return NotAuthenticated  # WinRMError itself: the package for this kind of authentication is missing
    if isinstance(error, requests.exceptions.SSLError) and _is_about_trust(error):
        return CertificateProblem
    if isinstance(error, requests.exceptions.ConnectTimeout) or _caused_by(error, NewConnectionError):
        return Unreachable
    if isinstance(error, WinRMTransportError) and error.code in TURNED_AWAY:
        return Unreachable
    return None


def _fault(error: WSManFaultError) -> AdapterError | None:
    code = error.wsman_fault_code or error.wmierror_code
    if code in QUOTA_FAULTS:
        return Unreachable(QUOTA_FAULTS[code], words=QUOTA_FAULTS[code], code=code)
    if code == ACCESS_DENIED:
        return Refused(error.reason, words=error.reason, code=code, remedy="Let the account use WinRM on this host.")
    if code == SHELL_NOT_FOUND:
        return Unreachable(error.reason, words=error.reason, code=code)
    return None


def broken(error: Exception) -> PipeBroken:
    if isinstance(error, WSManFaultError):
        return PipeBroken(error.reason, code=error.wsman_fault_code or error.wmierror_code)
    if isinstance(error, WinRMTransportError):
        return PipeBroken(_words(error), code=error.code, may_mend=error.code == 400)
    if isinstance(error, requests.exceptions.RequestException):
        return PipeBroken(_words(error), may_mend=True)
    if isinstance(error, WinRMError):
        return PipeBroken(_words(error), code=error.code)
    return PipeBroken(f"the answer was not understood ({type(error).__name__})")


def _is_about_trust(error: BaseException) -> bool:
    """A failed check of the certificate, which comes before the first byte; not a record damaged later on."""
    return _caused_by(error, ssl.SSLCertVerificationError) or FINGERPRINT in str(error)


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    """urllib3 and requests nest the reason in arguments as well as in the cause."""
    seen: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop()
        if one is None or one in seen:
            continue
        if isinstance(one, kind):
            return True
        seen.append(one)
        todo += [one.__cause__, one.__context__, getattr(one, "reason", None)]
        todo += [argument for argument in one.args if isinstance(argument, BaseException)]
    return False


def _words(error: BaseException) -> str:
    """Short, and in place of urllib3's nested representations."""
    if isinstance(error, AuthenticationError):
        return "the account was not accepted"
    if _caused_by(error, ssl.SSLCertVerificationError):
        return "its certificate is not one that we trust"
    if isinstance(error, requests.exceptions.RequestException):
        return _connection_words(error)
    return " ".join(str(error).split()) or type(error).__name__


def _connection_words(error: requests.exceptions.RequestException) -> str:
    if FINGERPRINT in str(error):
        return "its certificate is not the pinned one"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "it does not answer"
    if isinstance(error, requests.exceptions.ReadTimeout):
        return "it did not answer in time"
    if _caused_by(error, ConnectionRefusedError):
        return "it refuses the connection"
    return "the connection failed"
