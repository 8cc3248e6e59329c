"""Bytes to and from a process on a Windows host, through an unmodified pywinrm Protocol.

(MS-WSMV; pywinrm 0.5.0. What its exceptions mean stands in winrm_failures.)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from requests.adapters import HTTPAdapter
from winrm.exceptions import WinRMOperationTimeoutError
from winrm.protocol import Protocol

from builders.adapters.errors import CertificateProblem, Unreachable
from builders.adapters.powershell.connection import HostConnection
from builders.adapters.powershell.tls import CaFile, PinnedCertificate, missing_file
from builders.adapters.powershell.winrm_failures import FAILURES, PipeBroken, broken, undelivered

SHELL_IDLE_TIMEOUT: Final = "PT300S"  # the host's own end for a shell that nobody closed
UTF8_CODE_PAGE: Final = 65001
CLOSING_TIMEOUTS: Final = (3, 5)


@dataclass(frozen=True)
class Output:
    stdout: bytes
    stderr: bytes
    exit_code: int | None  # None while the process lives


class WinRmPipe:
    """One shell with one process in it. For one thread at a time."""

    def __init__(self, connection: HostConnection) -> None:
        self._connection = connection
        self._protocol = _protocol(connection)
        self._shell = ""
        self._command = ""

    def open(self, command: str, arguments: Sequence[str]) -> None:
        absent = missing_file(self._connection.tls)
        if absent:
            raise CertificateProblem(f"there is no CA file {absent}", words=f"there is no CA file {absent}")
        with _undelivered():
            self._connect()
            self._shell = self._protocol.open_shell(codepage=UTF8_CODE_PAGE, idle_timeout=SHELL_IDLE_TIMEOUT)
            # False: pywinrm would ask for a console, and PowerShell would never see what is sent to its input.
            self._command = self._protocol.run_command(self._shell, command, arguments, console_mode_stdin=False)

    def send(self, data: bytes) -> None:
        """Unreachable and NotAuthenticated: `data` provably did not arrive. PipeBroken: it may have, in part."""
        try:
            self._protocol.send_command_input(self._shell, self._command, data)
        except WinRMOperationTimeoutError as error:
            raise PipeBroken("the process does not read its input") from error
        except FAILURES as error:
            raise undelivered(error) or broken(error) from error

    def receive(self) -> Output | None:
        """One poll; None when there was nothing to say within the operation timeout."""
        try:
            stdout, stderr, exit_code, done = self._protocol.get_command_output_raw(self._shell, self._command)
        except WinRMOperationTimeoutError:
            return None
        except FAILURES as error:
            raise broken(error) from error
        return Output(stdout, stderr, exit_code if done else None)

    def reset(self) -> None:
        """A new connection to the same shell: an idle one is cut by the host, and a sealed one never recovers."""
        self._protocol.transport.close_session()
        self._connect()

    def close(self) -> None:
        if self._shell:
            self._set_timeouts(CLOSING_TIMEOUTS)
            with contextlib.suppress(Exception):  # whatever happens here, the host ends an idle shell by itself
                self._protocol.close_shell(self._shell)
        self._shell = ""
        self._protocol.transport.close_session()

    def _connect(self) -> None:
        session = self._protocol.transport.build_session()
        session.max_redirects = 0  # a host answers for itself; what we send is not carried elsewhere
        tls = self._connection.tls
        if isinstance(tls, PinnedCertificate):
            session.mount("https://", _PinnedAdapter(tls.sha256))
        self._set_timeouts((self._connection.connect_timeout_seconds, self._protocol.read_timeout_sec))

    def _set_timeouts(self, timeouts: tuple[int, int]) -> None:
        # pywinrm hands this on to requests, which takes (connect, read): a dead host must not cost a whole poll.
        self._protocol.transport.read_timeout_sec = timeouts  # type: ignore[assignment]


class _PinnedAdapter(HTTPAdapter):
    """Compares the certificate of every new connection before a byte of HTTP is sent on it."""

    def __init__(self, sha256: str) -> None:
        self._sha256 = sha256
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, assert_fingerprint=self._sha256)


def _protocol(connection: HostConnection) -> Protocol:
    tls = connection.tls
    return Protocol(
        connection.endpoint,
        transport="ssl" if connection.transport == "basic" else connection.transport,
        username=connection.username,
        password=connection.password,
        # A pin needs no authority, so requests is told to check none: the adapter above checks the one certificate.
        server_cert_validation="validate" if isinstance(tls, CaFile) else "ignore",
        ca_trust_path=tls.path if isinstance(tls, CaFile) else "",
        operation_timeout_sec=connection.operation_timeout_seconds,
        read_timeout_sec=connection.operation_timeout_seconds + 15,
        proxy=None,  # explicit, as the trust above: pywinrm would take both from the environment
    )


@contextlib.contextmanager
def _undelivered() -> Iterator[None]:
    """While a session is being opened nothing of ours has been asked yet: every failure means "not delivered"."""
    try:
        yield
    except FAILURES as error:
        unclear = broken(error)
        raise undelivered(error) or Unreachable(str(unclear), words=str(unclear), code=unclear.code) from error
