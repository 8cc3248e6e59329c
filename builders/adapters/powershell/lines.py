"""Line protocol 1: JSON objects, one a line, between us and the runner. Pure text in and out.

Answers carry `seq`, which rises by one. A gap means that output was lost on the way, so nothing that was
asked meanwhile can be trusted to be unanswered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from builders.adapters.powershell.transport import ErrorRecord, FarmFault, Greeting, Json, Request

VERSION = 1
MAX_ANSWER_BYTES = 16 * 1024 * 1024  # one answer; a host that sends more is not the runner that we sent
MAX_LINE_BYTES = 96 * 1024  # 128 KiB after base64, far below the 500 KiB a host takes by default

Message = Mapping[str, Json]


class SequenceGap(Exception):
    """An answer is missing before this one."""


class AnswerTooLong(SequenceGap):
    """A line without an end."""


def printable(value: object) -> str:
    """Text as a database can keep it: no NUL, no half of a surrogate pair."""
    return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class LineReader:
    """Joins what arrives in any pieces. Lines that are not answers are noise of the host, kept for the log."""

    def __init__(self) -> None:
        self._rest = b""
        self._seq = 0
        self.noise: list[str] = []

    def feed(self, data: bytes) -> list[Message]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_ANSWER_BYTES:
            raise AnswerTooLong(f"an answer is longer than {MAX_ANSWER_BYTES} bytes")
        messages = []
        for line in lines:
            message = _answer(line)
            if message is None:
                self._keep_noise(line)
                continue
            if message["seq"] != self._seq + 1:
                raise SequenceGap(f"answer {self._seq + 1} is missing before answer {message['seq']}")
            self._seq += 1
            messages.append(message)
        return messages

    def _keep_noise(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        if text:
            self.noise = [*self.noise, text][-20:]


def _answer(line: bytes) -> Message | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(message, dict) and isinstance(message.get("t"), str) and isinstance(message.get("seq"), int):
        return message
    return None


def request_line(request_id: str, request: Request) -> bytes:
    """ASCII: everything else is escaped, so that no code page on the way matters."""
    body = {
        "id": request_id,
        "cmdlet": request.cmdlet,
        "parameters": dict(request.parameters),
        "select": list(request.select),
    }
    line = json.dumps(body).encode("ascii") + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"{request.cmdlet}: {len(line)} bytes do not fit into one line")
    return line


def ping_line(ping_id: str) -> bytes:
    return json.dumps({"op": "ping", "id": ping_id}).encode("ascii") + b"\n"


def greeting(hello: Message) -> Greeting:
    """A module's entry is its version, or the reason why it did not load."""
    entries = {str(name): str(entry) for name, entry in (hello.get("modules") or {}).items()}
    loaded = {name: entry for name, entry in entries.items() if _is_version(entry)}
    return Greeting(
        host=str(hello.get("host", "")),
        powershell=str(hello.get("ps", "")),
        os=str(hello.get("os", "")),
        mode=str(hello.get("mode", "")),
        modules=loaded,
        missing={name: entry for name, entry in entries.items() if name not in loaded},
    )


def error_record(record: Message) -> ErrorRecord:
    fault = record.get("pvs")
    return ErrorRecord(
        fqid=printable(record.get("fqid") or ""),
        message=printable(record.get("message") or ""),
        category=str(record.get("category") or ""),
        target=printable(record.get("target") or ""),
        type=str(record.get("type") or ""),
        hresult=str(record.get("hresult") or ""),
        pvs=_farm_fault(fault) if isinstance(fault, dict) else None,
    )


def _farm_fault(fault: Message) -> FarmFault:
    return FarmFault(
        code=int(fault.get("code") or 0),
        message=printable(fault.get("message") or ""),
        details=printable(fault.get("details") or ""),
        severity=str(fault.get("severity") or ""),
        partial=tuple(_farm_fault(part) for part in fault.get("partial") or ()),
    )


def _is_version(text: str) -> bool:
    return bool(text) and all(part.isdigit() for part in text.split("."))
