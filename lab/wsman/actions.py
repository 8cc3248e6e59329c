"""The six actions of the command shell: Create, Command, Send, Receive, Signal, Delete."""

import base64
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable

from lab.wsman.envelope import COMMAND_SHELL, NAMESPACES, SHELL, WsManRequest, duration_seconds, quoted
from lab.wsman.faults import resource_not_supported, schema_error
from lab.wsman.shells import Shell, Shells

ENVELOPE_OVERHEAD_BYTES = 3000
TERMINATE = f"{SHELL}/signal/terminate"


class Actions:
    """Turns requests into bodies of answers; raises Fault."""

    def __init__(self, shells: Shells) -> None:
        self._shells = shells
        self._in_shell: dict[str, Callable[[WsManRequest, Shell], str]] = {
            "Command": self._command,
            "Send": self._send,
            "Receive": self._receive,
            "Signal": self._signal,
            "Delete": self._delete,
        }

    def perform(self, request: WsManRequest, user: str) -> str:
        if request.resource_uri != COMMAND_SHELL:
            raise resource_not_supported(request.resource_uri)
        if request.operation == "Create":
            return self._create(request, user)
        action = self._in_shell.get(request.operation)
        if action is None:
            raise schema_error(f"The action is not supported: {request.action}")
        shell = self._shells.get(request.shell_id, user)
        shell.requests_under_way += 1
        try:
            return action(request, shell)
        finally:
            shell.requests_under_way -= 1
            shell.used_at = time.monotonic()

    def _create(self, request: WsManRequest, user: str) -> str:
        asked = request.body.findtext("rsp:Shell/rsp:IdleTimeOut", "", NAMESPACES)
        shell = self._shells.open(user, duration_seconds(asked, self._shells.quotas.shell_idle_seconds))
        return (
            f"<x:ResourceCreated><a:Address>https://127.0.0.1/wsman</a:Address><a:ReferenceParameters>"
            f"<w:ResourceURI>{COMMAND_SHELL}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{shell.id}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            f"</x:ResourceCreated><rsp:Shell><rsp:ShellId>{shell.id}</rsp:ShellId>"
            f"<rsp:ResourceUri>{COMMAND_SHELL}</rsp:ResourceUri><rsp:ClientIP>127.0.0.1</rsp:ClientIP>"
            f"<rsp:IdleTimeOut>PT{shell.idle_seconds:.3f}S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>"
            "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>"
        )

    def _command(self, request: WsManRequest, shell: Shell) -> str:
        node = _child(request, "rsp:CommandLine")
        parts = [node.findtext("rsp:Command", "", NAMESPACES)]
        parts += [argument.text or "" for argument in node.iterfind("rsp:Arguments", NAMESPACES)]
        process = self._shells.run(
            shell,
            " ".join(parts),
            through_cmd=request.options.get("WINRS_SKIP_CMD_SHELL", "").upper() != "TRUE",
            # Where the option is absent, standard input is a pipe ([MS-WSMV], options of rsp:Command).
            console_input=request.options.get("WINRS_CONSOLEMODE_STDIN", "").upper() == "TRUE",
        )
        return f"<rsp:CommandResponse><rsp:CommandId>{process.id}</rsp:CommandId></rsp:CommandResponse>"

    def _send(self, request: WsManRequest, shell: Shell) -> str:
        node = _child(request, "rsp:Send/rsp:Stream")
        is_end = node.get("End", "").lower() in {"true", "1"}
        process = shell.process(node.get("CommandId", ""))
        process.feed(base64.b64decode(node.text or ""), is_end=is_end, deadline=_deadline(request))
        return "<rsp:SendResponse/>"

    def _receive(self, request: WsManRequest, shell: Shell) -> str:
        node = _child(request, "rsp:Receive/rsp:DesiredStream")
        process = shell.process(node.get("CommandId", ""))
        room = (request.largest_answer_bytes - ENVELOPE_OVERHEAD_BYTES) * 3 // 4  # base64 within the client's limit
        streams = (node.text or "stdout stderr").split()
        pieces, exit_code = process.fetch(streams, limit=room, deadline=_deadline(request))
        command = f"CommandId={quoted(process.id)}"
        body = "".join(
            f"<rsp:Stream Name={quoted(stream)} {command}>{base64.b64encode(piece).decode()}</rsp:Stream>"
            for stream, piece in pieces
        )
        state = f"{SHELL}/CommandState"
        if exit_code is None:
            body += f'<rsp:CommandState {command} State="{state}/Running"/>'
        else:
            body += "".join(f"<rsp:Stream Name={quoted(stream)} {command} End='true'/>" for stream in streams)
            body += f'<rsp:CommandState {command} State="{state}/Done"><rsp:ExitCode>{exit_code}</rsp:ExitCode>'
            body += "</rsp:CommandState>"
        return f"<rsp:ReceiveResponse>{body}</rsp:ReceiveResponse>"

    def _signal(self, request: WsManRequest, shell: Shell) -> str:
        node = _child(request, "rsp:Signal")
        process = shell.process(node.get("CommandId", ""))
        process.kill()
        if node.findtext("rsp:Code", "", NAMESPACES) == TERMINATE:
            shell.processes.pop(process.id, None)
        return "<rsp:SignalResponse/>"

    def _delete(self, _: WsManRequest, shell: Shell) -> str:
        self._shells.close(shell)
        return ""


def _child(request: WsManRequest, path: str) -> ET.Element:
    node = request.body.find(path, NAMESPACES)
    if node is None:
        raise schema_error("The SOAP XML is not valid for this action.")
    return node


def _deadline(request: WsManRequest) -> float:
    return time.monotonic() + request.timeout_seconds
