"""SOAP envelopes of WS-Management: reading requests, writing answers."""

import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from lab.wsman.faults import Fault

NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
}
SHELL = NAMESPACES["rsp"]
COMMAND_SHELL = f"{SHELL}/cmd"
FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
FAULT_DETAIL = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
DEFAULT_TIMEOUT_SECONDS = 60.0
SMALLEST_ENVELOPE_BYTES = 8192

_XMLNS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())


@dataclass(frozen=True)
class WsManRequest:
    """The parts of an envelope that the six actions need."""

    message_id: str
    action: str
    resource_uri: str
    shell_id: str
    timeout_seconds: float
    largest_answer_bytes: int
    options: dict[str, str]
    body: ET.Element

    @property
    def operation(self) -> str:
        """`Create`, `Command`, `Send`, `Receive`, `Signal` or `Delete`."""
        return self.action.rpartition("/")[2]


def parse(content: bytes) -> WsManRequest:
    """Raises ValueError (ParseError is one in spirit) for what is no envelope."""
    if b"<!DOCTYPE" in content:
        raise ValueError("an envelope has no document type")
    root = ET.fromstring(content)  # noqa: S314  no DTD, so no entities to expand
    header, body = root.find("s:Header", NAMESPACES), root.find("s:Body", NAMESPACES)
    if header is None or body is None:
        raise ValueError("an envelope has a header and a body")
    selectors = {node.get("Name"): node.text or "" for node in header.iterfind("w:SelectorSet/w:Selector", NAMESPACES)}
    largest = int(header.findtext("w:MaxEnvelopeSize", "153600", NAMESPACES))
    return WsManRequest(
        message_id=header.findtext("a:MessageID", "", NAMESPACES),
        action=header.findtext("a:Action", "", NAMESPACES),
        resource_uri=header.findtext("w:ResourceURI", "", NAMESPACES),
        shell_id=selectors.get("ShellId", "").upper(),
        timeout_seconds=duration_seconds(header.findtext("w:OperationTimeout", "", NAMESPACES)),
        largest_answer_bytes=max(SMALLEST_ENVELOPE_BYTES, largest),
        options={node.get("Name", ""): node.text or "" for node in header.iterfind("w:OptionSet/w:Option", NAMESPACES)},
        body=body,
    )


def duration_seconds(text: str, default: float = DEFAULT_TIMEOUT_SECONDS) -> float:
    """`PT1M20.5S` -> 80.5; what cannot be read is the default."""
    match = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?", text.strip())
    if match is None or not any(match.groups()):
        return default
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def answer(request: WsManRequest, body: str) -> bytes:
    return _envelope(f"{request.action}Response", request.message_id, body)


def fault_answer(message_id: str, fault: Fault) -> bytes:
    text = escape(fault.text)
    body = (
        f"<s:Fault><s:Code><s:Value>{fault.blame}</s:Value><s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode>"
        f'</s:Code><s:Reason><s:Text xml:lang="en-US">{text}</s:Text></s:Reason><s:Detail>'
        f'<f:WSManFault xmlns:f="{FAULT_DETAIL}" Code="{fault.code}" Machine="127.0.0.1">'
        f"<f:Message>{text}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
    return _envelope(FAULT_ACTION, message_id, body)


def _envelope(action: str, relates_to: str, body: str) -> bytes:
    return (
        f'<s:Envelope xml:lang="en-US" {_XMLNS}><s:Header><a:Action>{escape(action)}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID><a:To>{ANONYMOUS}</a:To>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def quoted(value: str) -> str:
    """An attribute value with its quotes."""
    return quoteattr(value)
