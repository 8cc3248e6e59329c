"""A small client of the line protocol over unmodified pywinrm, with no code of the product in it."""

import base64
import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from requests import RequestException
from winrm.exceptions import WinRMError, WinRMOperationTimeoutError
from winrm.protocol import Protocol

from lab.pvs.cmdlets import REGISTRY

SCRIPTS = Path(__file__).resolve().parents[2] / "builders" / "adapters" / "powershell"
MODULE = "Citrix.PVS.SnapIn"
OPTIONS = "-NoLogo -NoProfile -NonInteractive -ExecutionPolicy RemoteSigned -OutputFormat Text -EncodedCommand"
PATIENCE_SECONDS = 30


def runner_text(allow: dict[str, list[str]] | None = None) -> str:
    """The runner with its two generated places filled: by default all cmdlets with all parameters of the lab."""
    if allow is None:
        allow = {one.signature.name: list(one.signature.parameters) for one in REGISTRY.values()}
    rows = [
        f"    '{name}' = {', '.join(repr(parameter) for parameter in parameters) or '@()'}\n"
        for name, parameters in allow.items()
    ]
    text = (SCRIPTS / "runner.ps1").read_text(encoding="ascii")
    text = text.replace("$Allow = @{\n}\n", "$Allow = @{\n" + "".join(rows) + "}\n")
    return text.replace("$Modules = @()", f"$Modules = @('{MODULE}')")


def bootstrap_text(runner: str) -> str:
    digest = hashlib.sha256(runner.encode()).hexdigest().upper()
    return (SCRIPTS / "bootstrap.ps1").read_text(encoding="ascii").replace("@SHA256@", digest)


def arguments(bootstrap: str) -> list[str]:
    return [*OPTIONS.split(), base64.b64encode(bootstrap.encode("utf-16-le")).decode()]


def first_line(runner: str) -> bytes:
    return base64.b64encode(runner.encode()) + b"\n"


def protocol(info: dict[str, Any], server: int = 0, **options: Any) -> Protocol:
    """A pywinrm protocol to one of the lab's servers, Basic over TLS with the lab's CA unless told otherwise."""
    host = info["servers"][server]
    settings: dict[str, Any] = {
        "transport": "basic",
        "username": info["username"],
        "password": info["password"],
        "ca_trust_path": info["ca_file"],
        "operation_timeout_sec": 2,
        "read_timeout_sec": 30,
        "proxy": None,
    }
    return Protocol(f"https://{host['host']}:{host['port']}/wsman", **settings | options)


class Refused(Exception):
    """The farm's code, or the fqid where there is none."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        self.code: int | None = record["pvs"]["code"] if record["pvs"] else None
        super().__init__(f"{self.code or record['fqid']}: {record['message']}")


class Session:
    """One PowerShell process; `call` raises Refused."""

    def __init__(
        self, info: dict[str, Any], server: int = 0, *, allow: dict[str, list[str]] | None = None, **options: Any
    ):
        self.protocol = protocol(info, server, **options)
        self.messages: list[dict[str, Any]] = []
        self.number = 0
        self._rest = b""
        runner = runner_text(allow)
        self.shell = self.protocol.open_shell(codepage=65001, idle_timeout="PT300S")
        self.command = self.protocol.run_command(
            self.shell, "powershell.exe", arguments(bootstrap_text(runner)), console_mode_stdin=False
        )
        self.send_bytes(first_line(runner))
        self.hello = self.wait_for("hello")

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def close(self) -> None:
        self.protocol.close_shell(self.shell)
        self.protocol.transport.close_session()

    def abandon(self) -> None:
        """Close whatever is left: a test may have taken the server or the process away."""
        with suppress(WinRMError, RequestException, AssertionError):
            self.protocol.close_shell(self.shell)
        self.protocol.transport.close_session()

    def connect(self) -> "Session":
        self.call("Set-PvsConnection", Server="localhost", Port=54321)
        return self

    def send_bytes(self, content: bytes) -> None:
        self.protocol.send_command_input(self.shell, self.command, content)

    def send(self, **line: Any) -> None:
        self.send_bytes(json.dumps(line).encode("ascii") + b"\n")

    def request(self, name: str, select: list[str] | None = None, **parameters: Any) -> str:
        self.number += 1
        line = {"id": str(self.number), "cmdlet": f"{MODULE}\\{name}", "parameters": parameters}
        self.send(**line, select=select or [])
        return str(self.number)

    def call(self, name: str, select: list[str] | None = None, **parameters: Any) -> list[Any]:
        return self.result(self.request(name, select, **parameters))

    def result(self, request: str) -> list[Any]:
        end = self.wait_for("end", request)
        if not end["ok"]:
            raise Refused(end["errors"][0])
        return [one["data"] for one in self.messages if one["t"] == "item" and one["id"] == request]

    def wait_for(self, kind: str, request: str | None = None) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for message in self.messages:
                if message["t"] == kind and (request is None or message["id"] == request):
                    return message
            self.receive()
        raise TimeoutError(f"no {kind} for {request}")

    def receive(self) -> None:
        try:
            output, errors, code, done = self.protocol.get_command_output_raw(self.shell, self.command)
        except WinRMOperationTimeoutError:
            return
        *lines, self._rest = (self._rest + output).split(b"\n")
        self.messages += [json.loads(line) for line in lines]
        if done and not lines:
            raise EOFError(f"exit code {code}: {errors.decode()}")
