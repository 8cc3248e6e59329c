"""Stand-ins below the adapters: a pipe with a small runner at its end, a transport, and a clock that is told."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from builders.adapters.errors import AdapterError
from builders.adapters.powershell.transport import Beat, ErrorRecord, FarmFault, Greeting, Reply, Request
from builders.adapters.powershell.winrm_failures import PipeBroken
from builders.adapters.powershell.winrm_pipe import Output

Answer = Sequence[Mapping[str, Any]] | Mapping[str, Any]

HELLO = {
    "t": "hello",
    "v": 1,
    "ps": "5.1.20348.1",
    "os": "10.0.20348.0",
    "host": "PVS01",
    "mode": "FullLanguage",
    "pid": 7,
    "modules": {"Citrix.PVS.SnapIn": "7.46.0.12"},
}
GREETING = Greeting("PVS01", "5.1", "10.0", "FullLanguage", {"Citrix.PVS.SnapIn": "7.46.0.12"}, {})


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakePipe:
    """Answers each request with one item {"of": cmdlet} and an end, in as many pieces as `piece_bytes` asks for.

    `silent` keeps answers back; `lose_next` drops them after they were numbered, as a lost HTTP answer does.
    """

    def __init__(self, *, clock: FakeClock | None = None, hello: Mapping[str, Any] = HELLO) -> None:
        self.clock = clock or FakeClock()
        self.hello = hello
        self.sent: list[bytes] = []
        self.out = b""
        self.seq = 0
        self.silent = False
        self.lose_next = 0
        self.piece_bytes = 1 << 20
        self.exit_code: int | None = None
        self.send_errors: list[Exception | None] = []
        self.receive_errors: list[Exception] = []
        self.on_request: Callable[[dict[str, Any]], None] = lambda request: None
        self.resets = 0
        self.closed = False
        self._unread = b""

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if "cmdlet" in message]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in b"".join(self.sent[1:]).splitlines()]

    def open(self, command: str, arguments: Sequence[str]) -> None:
        self.command, self.arguments = command, tuple(arguments)

    def send(self, data: bytes) -> None:
        error = self.send_errors.pop(0) if self.send_errors else None
        if error:
            raise error
        self.sent.append(data)
        if len(self.sent) == 1:
            self.say(self.hello)
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("op") == "ping":
            self.say({"t": "pong", "id": message["id"]})
        elif "cmdlet" in message:
            self.on_request(message)
            if not self.silent:
                self.answer(message)

    def answer(self, message: Mapping[str, Any]) -> None:
        self.say({"t": "item", "id": message["id"], "data": {"of": message["cmdlet"]}})
        self.say({"t": "end", "id": message["id"], "ok": True, "count": 1, "ms": 3, "errors": [], "warnings": []})

    def say(self, message: Mapping[str, Any]) -> None:
        self.seq += 1
        if self.lose_next:
            self.lose_next -= 1
            return
        self.out += json.dumps({**message, "seq": self.seq}).encode() + b"\r\n"

    def receive(self) -> Output | None:
        self.clock.now += 1.0
        if self.receive_errors:
            raise self.receive_errors.pop(0)
        if self.exit_code is not None:
            out, self.out = self.out, b""
            return Output(out, b"it hurt", self.exit_code)
        if not self.out:
            return None
        piece, self.out = self.out[: self.piece_bytes], self.out[self.piece_bytes :]
        return Output(piece, b"", None)

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed = True


class FakeTransport:
    """Answers from a table of cmdlets (without module); an exception in the table is raised instead of a batch."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = dict(answers or {})
        self.batches: list[list[Request]] = []
        self.errors: list[AdapterError] = []
        self.pings = 0
        self.ping_error: AdapterError | None = None
        self.usable = False
        self.closed = False

    def open(self) -> Greeting:
        self.usable = True
        return GREETING

    def batch(
        self,
        requests: Sequence[Request],
        *,
        patience_seconds: float,
        on_beat: Callable[[Beat], None] | None = None,
    ) -> list[Reply]:
        self.batches.append(list(requests))
        if self.errors:
            self.usable = False
            raise self.errors.pop(0)
        return [self._reply(request) for request in requests]

    def _reply(self, request: Request) -> Reply:
        answer = self.answers.get(request.cmdlet.partition("\\")[2], [])
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, ErrorRecord):
            return Reply((), (answer,), (), 1)
        return Reply(tuple(answer), (), (), 1)

    def ping(self) -> None:
        self.pings += 1
        if self.ping_error:
            self.usable = False
            raise self.ping_error

    def close(self) -> None:
        self.usable = False
        self.closed = True


def farm_error(code: int, message: str = "no", details: str = "") -> ErrorRecord:
    fault = FarmFault(code, message, details, "Error")
    return ErrorRecord(fqid="PvsException,Citrix.PVS.SnapIn.X", message="it failed", pvs=fault)


def broken(words: str = "the connection failed", *, may_mend: bool = False) -> PipeBroken:
    return PipeBroken(words, may_mend=may_mend)
