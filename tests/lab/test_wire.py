"""The lab through unmodified clients: pywinrm over HTTPS with the lab's authority, pypsrp as the independent one."""

import json
import socket
import ssl
import warnings
from collections.abc import Callable
from contextlib import closing
from typing import Any

import certifi
import pytest
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import WSMan
from requests.exceptions import SSLError
from winrm.exceptions import (
    InvalidCredentialsError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)
from winrm.protocol import Protocol

from tests.lab.session import (
    Refused,
    Session,
    arguments,
    bootstrap_text,
    first_line,
    protocol,
    runner_text,
)
from tests.labprocess import LabProcess

OFFICE = {"DiskLocatorName": "W11-Office", "SiteName": "Munich", "StoreName": "vDisks"}
Open = Callable[..., Session]


def test_hello_tells_where_one_is(open_session: Open) -> None:
    hello = open_session(1).hello

    assert (hello["v"], hello["seq"], hello["host"], hello["mode"]) == (1, 1, "PVS02", "FullLanguage")
    assert hello["ps"].startswith("5.1.")
    assert set(hello["modules"]) == {"Citrix.PVS.SnapIn"}


def test_cmdlets_fail_before_a_connection_is_set(open_session: Open) -> None:
    session = open_session()

    with pytest.raises(Refused) as refused:
        session.call("Get-PvsFarm", ["FarmName"])

    assert refused.value.record["fqid"].startswith("NotConnected,")
    assert session.connect().call("Get-PvsFarm", ["FarmName"]) == [{"FarmName": "Lab Farm"}]


def test_ntlm_seals_over_tls_too(open_session: Open) -> None:
    for encryption in ("auto", "always"):
        session = open_session(transport="ntlm", message_encryption=encryption).connect()

        assert len(session.call("Get-PvsDeviceInfo", ["DeviceName", "Status"])) == 40


def test_the_answer_is_split_by_the_client_s_envelope(session: Session) -> None:
    fields = ["DeviceName", "DeviceMac", "DiskFileName", "ServerName", "Status", "CollectionId", "DiskLocatorId"]
    requests = [session.request("Get-PvsDeviceInfo", fields) for _ in range(12)]

    assert all(len(session.result(request)) == 40 for request in requests)
    assert [message["seq"] for message in session.messages] == list(range(1, len(session.messages) + 1))


def test_a_line_may_arrive_in_pieces(session: Session) -> None:
    line = json.dumps({"op": "ping", "id": "p"}).encode() + b"\n"
    for byte in line:
        session.send_bytes(bytes([byte]))

    assert session.wait_for("pong", "p")


def test_lines_larger_than_the_pipe_come_through(session: Session) -> None:
    with pytest.raises(Refused) as refused:
        session.call("Get-PvsDevice", ["DeviceName"], DeviceName=["x" * 60_000])

    assert refused.value.code == 10


def test_names_stay_data(session: Session) -> None:
    name = "x'; Remove-Item C:\\ -Recurse # ü€😀"
    with pytest.raises(Refused) as refused:
        session.call("Get-PvsDevice", ["DeviceName"], DeviceName=[name])

    assert refused.value.code == 10
    assert name.lower() in refused.value.record["pvs"]["details"]


def test_a_line_that_is_no_json_is_bad_and_nothing_else(session: Session) -> None:
    session.send_bytes(b"{nonsense\n")

    assert session.wait_for("bad")["errors"][0]["fqid"].startswith("System.ArgumentException")
    assert session.call("Get-PvsServerName", ["."]) == [{".": "PVS01"}]


def test_only_what_the_table_allows_runs(open_session: Open) -> None:
    allow = {"Citrix.PVS.SnapIn\\Get-PvsSite": ["SiteName"], "Citrix.PVS.SnapIn\\Set-PvsConnection": ["Server", "Port"]}
    session = open_session(allow=allow).connect()

    assert session.call("Get-PvsSite", ["SiteName"]) == [{"SiteName": "Munich"}]
    for name, parameters in (
        ("Get-PvsFarm", {}),
        ("Get-PvsSite", {"SiteId": "x"}),
        ("Get-PvsSite", {"SiteName": "M*"}),
    ):
        with pytest.raises(Refused) as refused:
            session.call(name, ["."], **parameters)
        assert refused.value.record["fqid"] == "NotAllowed"


def test_what_needs_a_failed_request_is_skipped(session: Session) -> None:
    session.send(id="a", cmdlet="Citrix.PVS.SnapIn\\Get-PvsDisk", parameters={})
    session.send(id="b", cmdlet="Citrix.PVS.SnapIn\\Get-PvsFarm", parameters={}, needs="a")
    session.send(id="c", cmdlet="Citrix.PVS.SnapIn\\Get-PvsFarm", parameters={}, needs="b", select=["FarmName"])

    assert session.wait_for("end", "a")["errors"][0]["pvs"]["code"] == 29
    assert session.wait_for("end", "b")["errors"][0]["fqid"] == "Skipped"
    assert session.wait_for("end", "c")["errors"][0]["fqid"] == "Skipped"


def test_kept_objects_can_be_referred_to(session: Session) -> None:
    session.send(id="a", cmdlet="Citrix.PVS.SnapIn\\Get-PvsServerName", parameters={}, keep=True)
    session.send(
        id="b",
        cmdlet="Citrix.PVS.SnapIn\\Get-PvsServerStatus",
        parameters={"ServerName": {"$ref": "a"}},
        select=["ServerName", "Status"],
    )

    assert session.result("b") == [{"ServerName": "PVS01", "Status": 1}]


def test_paths_select_what_the_runner_would(session: Session) -> None:
    paths = ["Ip", "Ip[]", "Name[]", "NoSuchProperty"]

    assert session.call("Get-PvsServer", paths, ServerName="PVS01") == [
        {"Ip": ["10.20.0.11"], "Ip[]": ["10.20.0.11"], "Name[]": ["PVS01"], "NoSuchProperty": None}
    ]
    assert session.call("Get-PvsMaintenanceVersionExists", ["."], **OFFICE) == [{".": False}]


def test_fields_limit_what_is_filled(session: Session) -> None:
    chosen = session.call("Get-PvsDisk", ["DiskLocatorId", "DiskSize", "VHDX"], Fields=["DiskSize"], **OFFICE)
    assert (bool(chosen[0]["DiskLocatorId"]), chosen[0]["DiskSize"], chosen[0]["VHDX"]) == (True, 48 << 30, None)

    with pytest.raises(Refused) as refused:
        session.call("Get-PvsDisk", ["DiskSize"], Fields=["Sise"], **OFFICE)
    assert refused.value.record["fqid"].startswith("ParameterArgumentValidationError,")


@pytest.mark.parametrize(
    ("name", "parameters", "code"),
    [
        ("Get-PvsDisk", {"DiskLocatorId": "00000000-0000-0000-0000-000000000001"}, 44),
        ("Get-PvsDisk", {"DiskLocatorName": "W11-Office"}, 29),
        ("Get-PvsDisk", OFFICE | {"StoreName": "Other"}, 10),
        ("Get-PvsDiskVersion", OFFICE | {"Version": 99}, 175),
        ("Get-PvsDevice", {"DeviceName": "NOBODY"}, 10),
        ("Get-PvsCollection", {"CollectionName": "Office"}, 29),
        ("Get-PvsServerStatus", {}, 29),
        ("Get-PvsTask", {"TaskId": 4711}, 189),
        ("Set-PvsConnection", {"Server": "PVS99"}, 191),
        ("Merge-PvsDisk", OFFICE | {"Access": 7}, 27),
    ],
)
def test_the_server_says_what_is_wrong(session: Session, name: str, parameters: dict[str, Any], code: int) -> None:
    with pytest.raises(Refused) as refused:
        session.call(name, ["."], **parameters)

    assert refused.value.code == code
    assert refused.value.record["type"] == "Citrix.PVS.SnapIn.PvsException"


@pytest.mark.parametrize(
    ("parameters", "fqid"),
    [
        ({"DiskLocatorId": "x", "Version": "one"}, "CannotConvertArgumentNoMessage"),
        ({"DiskLocatorId": "x", "Version": -1}, "CannotConvertArgumentNoMessage"),
    ],
)
def test_the_binder_refuses_wrong_types(session: Session, parameters: dict[str, Any], fqid: str) -> None:
    with pytest.raises(Refused) as refused:
        session.call("Get-PvsDiskVersion", ["."], **parameters)

    assert refused.value.code is None
    assert refused.value.record["fqid"].startswith(f"{fqid},")


def test_secrets_are_no_properties(session: Session) -> None:
    device = session.call("Get-PvsDeviceInfo", ["."], DeviceName="MUC-OFF-001")[0]["."]

    assert not {"AdPassword", "AdSignature", "Password"} & set(device)


# -- the service itself


def test_a_receive_with_nothing_to_say_times_out_with_the_known_code(session: Session) -> None:
    with pytest.raises(WinRMTransportError) as timed_out:
        session.protocol.transport.send_message(_receive(session))

    assert timed_out.value.code == 500
    assert 'Code="2150858793"' in timed_out.value.response_text


def _receive(session: Session) -> bytes:
    """A hand-made Receive with a short timeout: pywinrm hides the fault, and it is the fault that is looked at."""
    shell = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        f' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:rsp="{shell}"><s:Header>'
        f"<a:Action>{shell}/Receive</a:Action><a:MessageID>uuid:1</a:MessageID><w:ResourceURI>{shell}/cmd</w:ResourceURI>"
        f"<w:OperationTimeout>PT0.2S</w:OperationTimeout><w:SelectorSet><w:Selector Name='ShellId'>{session.shell}"
        "</w:Selector></w:SelectorSet></s:Header><s:Body><rsp:Receive>"
        f'<rsp:DesiredStream CommandId="{session.command}">stdout stderr</rsp:DesiredStream></rsp:Receive></s:Body>'
        "</s:Envelope>"
    ).encode()


def test_the_31st_shell_is_refused(lab: LabProcess) -> None:
    client = protocol(lab.info)
    shells = []
    try:
        for _ in range(30):
            shells.append(client.open_shell())
        with pytest.raises(WSManFaultError) as refused:
            client.open_shell()
    finally:
        for shell in shells:
            client.close_shell(shell)

    assert refused.value.wsman_fault_code == 2150859173


def test_an_envelope_above_the_limit_is_413(session: Session) -> None:
    with pytest.raises(WinRMTransportError) as refused:
        session.send_bytes(b"A" * 400_000)

    assert refused.value.code == 413


def test_a_shell_that_is_gone_is_not_found(lab: LabProcess) -> None:
    client = protocol(lab.info)
    shell = client.open_shell()
    client.close_shell(shell)

    with pytest.raises(WSManFaultError) as refused:
        client.run_command(shell, "powershell.exe")

    assert refused.value.wsman_fault_code == 2150858843


def test_a_wrong_password_is_refused(lab: LabProcess) -> None:
    for transport in ("basic", "ntlm"):
        with pytest.raises(InvalidCredentialsError):
            protocol(lab.info, transport=transport, password="wrong").open_shell()


def test_another_authority_does_not_vouch_for_the_lab(lab: LabProcess) -> None:
    with pytest.raises(SSLError):
        protocol(lab.info, ca_trust_path=certifi.where()).open_shell()


def test_old_tls_is_refused(lab: LabProcess) -> None:
    server = lab.info["servers"][0]
    context = ssl.create_default_context(cafile=lab.info["ca_file"])
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1

    with closing(socket.create_connection((server["host"], server["port"]))) as raw, pytest.raises(ssl.SSLError):
        context.wrap_socket(raw, server_hostname="localhost")


def test_in_console_mode_the_input_never_arrives(lab: LabProcess) -> None:
    client = protocol(lab.info, operation_timeout_sec=1)
    shell = client.open_shell(codepage=65001)
    runner = runner_text()
    command = client.run_command(shell, "powershell.exe", arguments(bootstrap_text(runner)))
    with pytest.raises(WinRMOperationTimeoutError):
        client.send_command_input(shell, command, first_line(runner))  # more than the pipe holds
    client.close_shell(shell)


def test_a_command_line_too_long_for_cmd_ends_at_once(lab: LabProcess) -> None:
    output = _run(protocol(lab.info), ["-EncodedCommand", "A" * 8200])

    assert b"too long" in output[1]


# -- texts the lab does not know


def _run(client: Protocol, parameters: list[str], line: bytes = b"") -> tuple[bytes, bytes, int]:
    shell = client.open_shell(codepage=65001)
    command = client.run_command(shell, "powershell.exe", parameters, console_mode_stdin=False)
    if line:
        client.send_command_input(shell, command, line, end=True)
    result: tuple[bytes, bytes, int] = client.get_command_output(shell, command)
    client.close_shell(shell)
    return result


def test_an_unknown_bootstrap_ends_with_words(lab: LabProcess) -> None:
    _, errors, code = _run(protocol(lab.info), arguments("Get-Process | Stop-Process"))

    assert code == 3
    assert b"does not know this bootstrap" in errors


def test_a_changed_bootstrap_ends_with_its_digest(lab: LabProcess) -> None:
    text = bootstrap_text(runner_text()) + "# changed\n"

    _, errors, code = _run(protocol(lab.info), arguments(text))

    assert code == 3
    assert b"does not know this bootstrap" in errors


def test_a_changed_runner_ends_with_its_digest(lab: LabProcess) -> None:
    runner = runner_text() + "# changed\n"

    _, errors, code = _run(protocol(lab.info), arguments(bootstrap_text(runner)), first_line(runner))

    assert code == 3
    assert b"does not know this runner" in errors


def test_a_damaged_runner_line_is_noticed(lab: LabProcess) -> None:
    runner = runner_text()

    _, errors, code = _run(protocol(lab.info), arguments(bootstrap_text(runner)), first_line(runner + " "))

    assert code == 3
    assert b"hash mismatch" in errors


# -- another client


@pytest.mark.parametrize(("auth", "encryption"), [("basic", "auto"), ("ntlm", "always")])
def test_an_independent_client_can_use_the_lab(lab: LabProcess, auth: str, encryption: str) -> None:
    server, runner = lab.info["servers"][0], runner_text()
    wsman = WSMan(
        server["host"],
        port=server["port"],
        auth=auth,
        encryption=encryption,
        cert_validation=lab.info["ca_file"],
        username=lab.info["username"],
        password=lab.info["password"],
        operation_timeout=5,
        read_timeout=20,
    )
    asked = {"id": "1", "cmdlet": "Citrix.PVS.SnapIn\\Get-PvsConnection", "parameters": {}, "select": ["Connected"]}
    with WinRS(wsman, codepage=65001, idle_time_out=300) as shell:
        process = Process(shell, "powershell.exe", arguments(bootstrap_text(runner)))
        process.begin_invoke()
        process.send(first_line(runner), end=False)
        process.send(json.dumps(asked).encode() + b"\n", end=True)
        process.end_invoke()
        process.signal(SignalCode.TERMINATE)
    wsman.close()

    answers = [json.loads(line) for line in process.stdout.splitlines()]
    assert process.rc == 0
    assert [answer["t"] for answer in answers] == ["hello", "item", "end"]
    assert answers[1]["data"] == {"Connected": False}
