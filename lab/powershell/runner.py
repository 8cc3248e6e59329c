"""The runner's side of the line protocol, version 1, played over the cmdlets of a simulated host."""

import json
import queue
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lab.powershell.cmdlet import CmdletHost, CmdletSession
from lab.powershell.errors import AnswerDropped, CmdletFailed, ErrorRecord, ProcessKilled
from lab.powershell.texts import Runner
from lab.powershell.values import select

BEAT_SECONDS = 5.0
DEAD_MAN_SECONDS = 180.0
POWERSHELL_VERSION = "5.1.20348.2849"
WINDOWS_VERSION = "10.0.20348.0"
WILDCARD = re.compile(r"[*?\[\]]")


class Console(Protocol):
    """Standard input and output of a simulated process. A killed process raises BrokenPipeError."""

    process_number: int

    def read_line(self) -> bytes:
        """The next line; b"" at the end of input."""

    def write(self, data: bytes, stream: str = "stdout") -> None: ...

    def lose_output(self) -> None:
        """What was written and not yet fetched is lost, and with it the answer that would carry it."""


@dataclass
class Request:
    """One line of the client."""

    id: object
    cmdlet: str
    parameters: Mapping[str, object]
    select: list[str]
    keep: bool
    needs: object
    cancelled: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> "Request":
        return cls(
            id=line.get("id"),
            cmdlet=str(line.get("cmdlet", "")),
            parameters=line.get("parameters") or {},
            select=list(line.get("select") or []),
            keep=bool(line.get("keep")),
            needs=line.get("needs"),
        )


class Refused(Exception):
    """The runner's own refusals: NotAllowed, Skipped, PipelineStopped. Nothing has been invoked."""

    def __init__(self, fqid: str, message: str) -> None:
        super().__init__(message)
        self.fqid = fqid


class LineProtocol:
    """Answers requests until the input ends. One thread reads, so that pings and cancels pass a running cmdlet."""

    def __init__(self, console: Console, host: CmdletHost, runner: Runner) -> None:
        self._console = console
        self._host = host
        self._allowed = runner.allowed
        self._modules = runner.modules
        self._session: CmdletSession = host.open_session(console.process_number)
        self._writing = threading.Lock()
        self._seq = 0
        self._seen = time.monotonic()
        self._waiting: queue.Queue[Request | None] = queue.Queue()
        self._requests: dict[object, Request] = {}
        self._cancelled: set[object] = set()
        self._kept: dict[object, list[object]] = {}
        self._failed: set[object] = set()

    def run(self) -> int:
        """The exit code."""
        self._hello()
        threading.Thread(target=self._read_lines, daemon=True, name="powershell-input").start()
        while True:
            request = self._next_request()
            if request is None:
                return 0
            try:
                self._answer(request)
            except ProcessKilled:
                self._console.write(b"The process was terminated.\r\n", "stderr")
                return 1

    def _next_request(self) -> Request | None:
        """None at the end of input, or when the client has been silent for so long that it must be gone."""
        while True:
            left = self._seen + DEAD_MAN_SECONDS - time.monotonic()
            try:
                return self._waiting.get(timeout=max(left, 0.01))
            except queue.Empty:
                if time.monotonic() - self._seen >= DEAD_MAN_SECONDS:
                    return None

    # -- the client's lines

    def _read_lines(self) -> None:
        try:
            while line := self._console.read_line():
                self._take(line)
        except BrokenPipeError:
            pass  # killed: the main loop notices when it writes, or ends here
        self._waiting.put(None)

    def _take(self, line: bytes) -> None:
        self._seen = time.monotonic()
        try:
            message = json.loads(line)
            operation = message.get("op")
        except (ValueError, AttributeError) as error:
            self._write(t="bad", errors=[_bad_line(str(error))])
            return
        if operation == "ping":
            self._write(t="pong", id=message.get("id"))
        elif operation == "cancel":
            self._cancelled.add(message.get("id"))
            running = self._requests.get(message.get("id"))
            if running:
                running.cancelled.set()
        else:
            request = Request.from_json(message)
            self._requests[request.id] = request
            self._waiting.put(request)

    # -- answers

    def _hello(self) -> None:
        versions = {
            name: self._host.modules.get(name, f"The specified module '{name}' was not loaded.")
            for name in self._modules
        }
        self._write(
            t="hello",
            v=1,
            ps=POWERSHELL_VERSION,
            os=WINDOWS_VERSION,
            host=self._host.name,
            mode="FullLanguage",
            pid=self._console.process_number,
            modules=versions,
        )

    def _answer(self, request: Request) -> None:
        begun = time.monotonic()
        objects: list[object] = []
        errors: list[dict[str, object]] = []
        beat = _Beat(self, request, begun)
        try:
            arguments = self._arguments(request)
            with beat:
                objects = self._session.invoke(request.cmdlet, arguments, request.cancelled)
        except AnswerDropped:
            self._lose_answer()
            return
        except CmdletFailed as failed:
            errors = [failed.record.as_json()]
        except Refused as refused:
            errors = [ErrorRecord(refused.fqid, str(refused), type="", hresult="", stack="", category="").as_json()]
        finally:
            self._requests.pop(request.id, None)
            self._seen = time.monotonic()  # an hour inside one cmdlet must not look like a client that went away
        if request.keep:
            self._kept[request.id] = objects
        self._end(request, objects, errors, begun)

    def _end(self, request: Request, objects: list[object], errors: list[dict[str, object]], begun: float) -> None:
        if errors:
            self._failed.add(request.id)
        for thing in objects if request.select else []:
            self._write(t="item", id=request.id, data={path: select(thing, path) for path in request.select})
        elapsed = int((time.monotonic() - begun) * 1000)
        self._write(t="end", id=request.id, ok=not errors, count=len(objects), ms=elapsed, errors=errors, warnings=[])

    def _lose_answer(self) -> None:
        """The lines were written and numbered, but nobody will ever read them."""
        with self._writing:
            self._seq += 1
        self._console.lose_output()

    def _write(self, **message: object) -> None:
        """One numbered line of ASCII."""
        with self._writing:
            self._seq += 1
            text = json.dumps({**message, "seq": self._seq}, separators=(",", ":"))
            self._console.write(text.encode("ascii") + b"\r\n")

    # -- what may be asked

    def _arguments(self, request: Request) -> dict[str, object]:
        if request.id in self._cancelled:
            raise Refused("PipelineStopped", "cancelled before it began")
        allowed = self._allowed.get(request.cmdlet.lower())
        if allowed is None:
            raise Refused("NotAllowed", request.cmdlet)
        if request.needs and request.needs in self._failed:
            raise Refused("Skipped", str(request.needs))
        arguments = {}
        for name, value in request.parameters.items():
            if name.lower() not in allowed:
                raise Refused("NotAllowed", f"parameter {name}")
            if name.lower().endswith("name") and WILDCARD.search(_text_of(value)):
                raise Refused("NotAllowed", f"wildcard in parameter {name}")
            arguments[name] = self._argument(value)
        return arguments

    def _argument(self, value: object) -> object:
        """Data, or an object that an earlier request has kept. Never code."""
        if isinstance(value, list):
            return [self._argument(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        name, inner = next(iter(value.items()), ("", None))
        if name == "$ref":
            kept = self._kept.get(inner)
            if kept is None:
                raise Refused("NotAllowed", f"request {inner} kept nothing")
            return kept[0] if len(kept) == 1 else kept
        raise Refused("NotAllowed", f"unsupported value {name}")

    def beat(self, request: Request, begun: float) -> None:
        elapsed = int((time.monotonic() - begun) * 1000)
        self._write(t="beat", id=request.id, ms=elapsed, pct=-1, text="")


class _Beat:
    """Signs of life while a cmdlet runs, from a timer that is armed again after each."""

    def __init__(self, protocol: LineProtocol, request: Request, begun: float) -> None:
        self._protocol, self._request, self._begun = protocol, request, begun
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True, name="powershell-beat")
        self._thread.start()

    def __exit__(self, *reason: object) -> None:
        self._done.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._done.wait(BEAT_SECONDS):
                self._protocol.beat(self._request, self._begun)
        except BrokenPipeError:
            return


def _bad_line(message: str) -> dict[str, object]:
    return ErrorRecord(
        "System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand",
        message,
        category="NotSpecified",
    ).as_json()


def _text_of(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
