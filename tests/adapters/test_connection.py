"""How a host is reached and trusted, without reaching one."""

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from urllib3.exceptions import NewConnectionError
from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMTransportError, WSManFaultError

from builders.adapters.errors import AdapterError, CertificateProblem, NotAuthenticated, Refused, Unreachable
from builders.adapters.powershell.connection import HostConnection
from builders.adapters.powershell.tls import CaFile, PinnedCertificate, Tls, ValidateOff, parse_tls
from builders.adapters.powershell.winrm_failures import broken, undelivered
from builders.adapters.powershell.winrm_pipe import WinRmPipe

PIN = "ab" * 32


@pytest.fixture(scope="module")
def pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pvs01")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    certificate = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


PINNED = PinnedCertificate(PIN)


def connection(tls: Tls = PINNED, **changes: Any) -> HostConnection:
    values: dict[str, Any] = {"host": "pvs01.example", "username": "svc", "password": "S3cret!", "tls": tls}
    return HostConnection(**values | changes)


def test_the_password_shows_nowhere() -> None:
    assert "S3cret" not in repr(connection())
    assert "S3cret" not in str(connection())


def test_the_endpoint_is_https_only() -> None:
    assert connection().endpoint == "https://pvs01.example:5986/wsman"
    assert connection(host="fd00::7").endpoint == "https://[fd00::7]:5986/wsman"


def test_a_host_is_called_by_its_name_where_it_has_one() -> None:
    assert connection(name="PVS01").label == "PVS01"
    assert connection(port=45986).label == "pvs01.example:45986"


@pytest.mark.parametrize("changes", [{"transport": "credssp"}, {"host": ""}, {"username": ""}])
def test_nonsense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"transport|needs"):
        connection(**changes)


def test_no_validation_is_said_aloud() -> None:
    assert "not checked (validate off)" in connection(ValidateOff()).warnings[0]
    assert connection().warnings == ()
    assert connection(CaFile("/etc/ca.pem")).warnings == ()


def test_settings_are_spelled_out(pem: str) -> None:
    der = ssl.PEM_cert_to_DER_cert(pem)

    assert parse_tls("validate off") == ValidateOff()
    assert parse_tls("ca /etc/ca.pem") == CaFile("/etc/ca.pem")
    assert parse_tls(f"pin {PIN}") == PinnedCertificate(PIN)
    assert parse_tls(pem) == PinnedCertificate(hashlib.sha256(der).hexdigest())


@pytest.mark.parametrize("text", ["", "off", "validate", "ca", "pin", "pin 1234", "pin " + "zz" * 32, "none", "false"])
def test_anything_less_clear_is_no_setting(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|fingerprint"):
        parse_tls(text)


def test_a_fingerprint_is_taken_as_tools_print_it() -> None:
    printed = ":".join(["AB"] * 32)

    assert PinnedCertificate(printed) == PinnedCertificate(PIN)


def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/elsewhere.pem")

    protocol = WinRmPipe(connection(CaFile("/etc/ca.pem")))._protocol
    session = protocol.transport.build_session()

    assert session.verify == "/etc/ca.pem"
    assert requests.utils.should_bypass_proxies(protocol.transport.endpoint, session.proxies.get("no_proxy"))
    session.close()


def test_a_ca_file_that_is_not_there_is_a_certificate_problem(tmp_path: Path) -> None:
    pipe = WinRmPipe(connection(CaFile(str(tmp_path / "no.pem"))))

    with pytest.raises(CertificateProblem, match=r"no CA file .*no\.pem"):
        pipe.open("powershell.exe", ())


# -- what pywinrm's exceptions mean --


def fault(code: int | None = None, wmi_code: int | None = None) -> WSManFaultError:
    return WSManFaultError(500, "m", "r", "Grund", wsman_fault_code=code, wmierror_code=wmi_code)


def nested(reason: Exception) -> requests.exceptions.ConnectionError:
    wrapper = Exception("Max retries exceeded")
    wrapper.reason = reason  # type: ignore[attr-defined]
    return requests.exceptions.ConnectionError(wrapper)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (InvalidCredentialsError("x"), NotAuthenticated, "account was not accepted"),
        (WinRMError("requested auth method is kerberos, but pykerberos is not installed"), NotAuthenticated, "pykerb"),
        (nested(NewConnectionError(None, "refused")), Unreachable, "connection failed"),  # type: ignore[arg-type]
        (requests.exceptions.ConnectTimeout("x"), Unreachable, "does not answer"),
        (requests.exceptions.SSLError("Fingerprints did not match."), CertificateProblem, "not the pinned one"),
        (
            requests.exceptions.SSLError(ssl.SSLCertVerificationError("bad")),
            CertificateProblem,
            "not one that we trust",
        ),
        (WinRMTransportError("http", 400, ""), Unreachable, "400"),
        (fault(2150859173), Unreachable, "too many shells"),
        (fault(None, 2150859174), Unreachable, "too many operations"),
        (fault(2150858843), Unreachable, "Grund"),
        (fault(5), Refused, "Grund"),
    ],
)
def test_what_provably_never_arrived(error: Exception, kind: type[AdapterError], words: str) -> None:
    found = undelivered(error)

    assert type(found) is kind
    assert words in found.words


@pytest.mark.parametrize(
    "error",
    [
        requests.exceptions.ReadTimeout("x"),
        requests.exceptions.ConnectionError("Connection aborted."),
        requests.exceptions.SSLError("decryption failed or bad record mac"),
        WinRMTransportError("http", 502, ""),
        fault(995),
        StopIteration(),
        AssertionError(),
    ],
)
def test_what_may_have_arrived(error: Exception) -> None:
    assert undelivered(error) is None


@pytest.mark.parametrize(
    ("error", "may_mend"),
    [
        (requests.exceptions.ReadTimeout("x"), True),
        (requests.exceptions.ConnectionError("x"), True),
        (WinRMTransportError("http", 400, ""), True),
        (WinRMTransportError("http", 500, ""), False),
        (fault(2150858843), False),
        (InvalidCredentialsError("x"), False),
        (StopIteration(), False),
    ],
)
def test_a_shell_outlives_its_connection_only(error: Exception, may_mend: bool) -> None:
    assert broken(error).may_mend is may_mend
