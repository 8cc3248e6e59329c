"""A conversation with the runner over a pipe: requests go out in windows, answers come back numbered.

What is lost is lost loudly. Nothing is ever sent twice: a Send that failed may have delivered half of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from builders.adapters.errors import AdapterError, NotAuthenticated, OutcomeUnknown, Refused, TimedOut, Unreachable
from builders.adapters.powershell import lines
from builders.adapters.powershell.lines import LineReader, Message, SequenceGap
from builders.adapters.powershell.script import COMMAND, RunnerScript
from builders.adapters.powershell.transport import Beat, Greeting, Json, Reply, Request
from builders.adapters.powershell.winrm_failures import PipeBroken
from builders.adapters.powershell.winrm_pipe import Output

logger = logging.getLogger(__name__)

HELLO_PATIENCE_SECONDS: Final = 60.0  # a cold start with its module has been seen to take half of it
PING_PATIENCE_SECONDS: Final = 30.0
SILENCE_SECONDS: Final = 15.0  # then a ping: without it a lost last answer would show only at the deadline
WINDOW_REQUESTS: Final = 100  # sent and unanswered: what is more could fill both pipes and stop both sides
WINDOW_BYTES: Final = lines.MAX_LINE_BYTES
MENDS: Final = 2  # how often in a row a poll may fail before the session counts as lost


class Pipe(Protocol):
    """Errors as WinRmPipe documents them."""

    def open(self, command: str, arguments: Sequence[str]) -> None: ...
    def send(self, data: bytes) -> None: ...
    def receive(self) -> Output | None: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...


@dataclass
class _Pending:
    """One request of the batch and what has come back for it."""

    request_id: str
    line: bytes
    items: list[dict[str, Json]] = field(default_factory=list)
    reply: Reply | None = None


class JsonLineSession:
    """A Transport. One thread at a time."""

    def __init__(self, pipe: Pipe, script: RunnerScript, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pipe = pipe
        self._script = script
        self._clock = clock
        self._reader = LineReader()
        self._stderr = b""
        self._last_id = 0
        self._usable = False
        self._failed_polls = 0
        self._ended: str | None = None

    @property
    def usable(self) -> bool:
        return self._usable

    def open(self) -> Greeting:
        try:
            self._pipe.open(COMMAND, self._script.arguments)
            self._pipe.send(self._script.first_line)
            greeting = lines.greeting(self._await("hello", HELLO_PATIENCE_SECONDS))
        except PipeBroken as error:
            self.close()
            raise Unreachable(str(error), words=str(error), code=error.code) from error
        except BaseException:
            self.close()
            raise
        if greeting.mode != "FullLanguage":
            self.close()
            words = f"PowerShell runs in {greeting.mode} mode, which the runner cannot work in"
            raise Refused(words, words=words, remedy="Let the host's policy trust the runner, or use a JEA endpoint.")
        self._usable = True
        return greeting

    def batch(
        self,
        requests: Sequence[Request],
        *,
        patience_seconds: float,
        on_beat: Callable[[Beat], None] | None = None,
    ) -> list[Reply]:
        pending = [self._pend(request) for request in requests]
        open_before, self._usable = self._usable, False  # until the last answer is in, nobody else may use it
        if not open_before:
            raise Unreachable("the session is not open", words="the session is not open")
        exchange = _Exchange(pending, self._pipe.send)
        try:
            self._exchange(exchange, self._clock() + patience_seconds, on_beat)
        except PipeBroken as error:
            raise _lost(str(error), exchange, code=error.code) from error
        except SequenceGap as error:
            raise _lost(str(error), exchange) from error
        except (Unreachable, NotAuthenticated) as error:
            if exchange.is_untouched:
                raise
            raise _lost(error.words, exchange, code=error.code) from error
        self._usable = self._ended is None
        return [one.reply for one in pending if one.reply]

    def ping(self) -> None:
        """Unreachable when there is no answer; the session is then no good."""
        open_before, self._usable = self._usable, False
        if not open_before:
            raise Unreachable("the session is not open", words="the session is not open")
        try:
            self._pipe.reset()  # whoever pings has been idle, and the host may have cut the connection meanwhile
            self._pipe.send(lines.ping_line("idle"))
            self._await("pong", PING_PATIENCE_SECONDS)
        except (PipeBroken, SequenceGap, TimedOut) as error:
            raise Unreachable(str(error), words=str(error)) from error
        self._usable = True

    def close(self) -> None:
        self._usable = False
        for line in self._reader.noise:
            logger.debug("not an answer: %s", line)
        self._pipe.close()

    def _pend(self, request: Request) -> _Pending:
        self._last_id += 1
        request_id = str(self._last_id)
        return _Pending(request_id, lines.request_line(request_id, request))

    def _exchange(self, exchange: _Exchange, deadline: float, on_beat: Callable[[Beat], None] | None) -> None:
        heard = self._clock()
        while not exchange.is_complete:
            exchange.top_up()
            messages = self._poll()
            if messages:
                heard = self._clock()
            elif self._clock() - heard > SILENCE_SECONDS:
                self._pipe.send(lines.ping_line("silence"))
                heard = self._clock()
            for message in messages:
                exchange.take(message)
                if message["t"] == "beat" and on_beat:
                    on_beat(_beat(message))
            if self._clock() > deadline and not exchange.is_complete:
                error = TimedOut("it did not finish in time", words="it did not finish in time")
                error.in_flight = exchange.in_flight
                raise error

    def _await(self, kind: str, patience_seconds: float) -> Message:
        deadline = self._clock() + patience_seconds
        while self._clock() <= deadline:
            for message in self._poll():
                if message["t"] == kind:
                    return message
        words = f"the runner did not say {kind} within {patience_seconds:.0f} seconds"
        raise TimedOut(words, words=words)

    def _poll(self) -> list[Message]:
        if self._ended is not None:
            raise PipeBroken(self._ended)
        try:
            output = self._pipe.receive()
        except PipeBroken as error:
            self._mend(error)
            return []
        self._failed_polls = 0
        if output is None:
            return []
        self._stderr = (self._stderr + output.stderr)[-400:]
        if output.exit_code is not None:  # its last words may have come along, so they are heard first
            said = self._stderr.decode("utf-8", "replace").strip()
            self._ended = f"the runner ended with code {output.exit_code} {said}".strip()
        return self._reader.feed(output.stdout)

    def _mend(self, error: PipeBroken) -> None:
        """A shell outlives its connection. Whether an answer went down with it, the number of the next one tells."""
        self._failed_polls += 1
        if not error.may_mend or self._failed_polls > MENDS:
            raise error
        logger.info("a poll failed, connecting anew: %s", error)
        self._pipe.reset()
        try:
            self._pipe.send(lines.ping_line("mended"))
        except AdapterError as unreachable:
            raise PipeBroken(unreachable.words or str(unreachable), code=unreachable.code) from unreachable


class _Exchange:
    """The bookkeeping of one batch: what was sent, what was answered."""

    def __init__(self, pending: Sequence[_Pending], send: Callable[[bytes], None]) -> None:
        self._pending = list(pending)
        self._by_id = {one.request_id: one for one in pending}
        self._send = send
        self._sent = 0
        self._answered = 0

    @property
    def is_complete(self) -> bool:
        return self._answered == len(self._pending)

    @property
    def in_flight(self) -> tuple[str, ...]:
        return tuple(one.request_id for one in self._pending[: self._sent] if one.reply is None)

    @property
    def is_untouched(self) -> bool:
        return self._sent == 0

    def top_up(self) -> None:
        """Fill the window with one Send. Counted as sent before it is: the line may break half-way."""
        data = b""
        first = self._sent
        for one in self._pending[first : self._answered + WINDOW_REQUESTS]:
            if len(data) + len(one.line) > WINDOW_BYTES:
                break
            data += one.line
            self._sent += 1
        if not data:
            return
        try:
            self._send(data)
        except AdapterError:  # provably not delivered
            self._sent = first
            raise

    def take(self, message: Message) -> None:
        one = self._by_id.get(str(message.get("id")))
        if one is None or one.reply is not None:
            return
        if message["t"] == "item":
            one.items.append(message["data"])
        elif message["t"] == "end":
            one.reply = _reply(message, one.items)
            self._answered += 1


def _reply(end: Message, items: Iterable[dict[str, Json]]) -> Reply:
    errors = tuple(lines.error_record(record) for record in end.get("errors") or ())
    if not end.get("ok") and not errors:
        errors = (lines.error_record({"fqid": "Unspecified", "message": "failed without a reason"}),)
    return Reply(
        items=tuple(items),
        errors=errors,
        warnings=tuple(str(warning) for warning in end.get("warnings") or ()),
        milliseconds=int(end.get("ms") or 0),
    )


def _beat(message: Message) -> Beat:
    return Beat(int(message.get("ms") or 0), int(message.get("pct", -1)), str(message.get("text") or ""))


def _lost(words: str, exchange: _Exchange, *, code: int | None = None) -> OutcomeUnknown:
    error = OutcomeUnknown(words, words=words, code=code, remedy="Read the state again, then decide.")
    error.in_flight = exchange.in_flight
    return error
