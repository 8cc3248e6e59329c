"""Starts a child for one task, serves it, watches its limits, and says in words how it ended.

Nothing that comes from the child is believed: it is counted and checked, and what was not agreed is the child's end.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from builders.inspection.sandbox.collecting import Collected
from builders.inspection.sandbox.endings import garbage, how_it_ended, ran_out_of_time, said_no, unguarded
from builders.inspection.sandbox.limits import Limits
from builders.inspection.sandbox.outcome import Json, Progress, Result, Stopped
from builders.inspection.sandbox.serving import Answer, Server
from builders.inspection.sandbox.tasks import MODULES
from builders.inspection.sandbox.wire import Garbage, Inbox, Message, pack
from builders.inspection.sources import Folder

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[3]
START = "import sys; sys.path.insert(0, sys.argv[1]); from builders.inspection.sandbox.child import main; main()"
ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONHASHSEED": "random"}
TICK_SECONDS = 1.0
REPORT = "report"
"""The part that stands in for the answer of a child that had to be stopped."""
REPORT_FORMAT = "format"
MOST_COMPLAINTS = 16 << 10
"""Bytes of the child's standard error that are kept for the log."""

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class Image:
    """A chain, by the name of its topmost file.

    ``parents``: the file names below it, nearest first, where they are known otherwise than from the files themselves.
    """

    folder: Folder
    top: str
    parents: tuple[str, ...] | None = None

    def as_order(self) -> dict[str, Any]:
        return {"top": self.top, "parents": None if self.parents is None else list(self.parents)}


def run(
    task: str,
    images: Sequence[Image],
    options: Mapping[str, Any] | None = None,
    *,
    limits: Limits = Limits(),  # noqa: B008  frozen
    on_progress: OnProgress | None = None,
    require_guards: bool = False,
) -> Result:
    """What the task found.

    ``on_progress`` is called about once a second as well, and may raise to stop the run. Raises Stopped, another
    Unreadable that the task raised, or whatever the folder's own side raised (a share that cannot be reached is never
    mistaken for a damaged image). Where a child that had to be stopped had told a part of a report, that part is the
    result, with the reason among its warnings and in ``Result.stopped``. ``require_guards``: Stopped, before the child
    is given a byte, where this machine's kernel lacks a guard.
    """
    order = {
        "module": MODULES[task],
        "task": task,
        "images": [image.as_order() for image in images],
        "options": dict(options or {}),
        "limits": asdict(limits),
    }
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = _start(theirs)
        server = Server([image.folder for image in images])
        return _Keeper(child, ours, server, limits, on_progress, require_guards=require_guards).keep(order)


def _start(theirs: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-c", START, str(ROOT), str(theirs.fileno()), str(os.getpid())],
        env=ENVIRONMENT,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(theirs.fileno(),),
        start_new_session=True,
    )


class _Keeper:
    def __init__(
        self,
        child: subprocess.Popen[bytes],
        ours: socket.socket,
        server: Server,
        limits: Limits,
        on_progress: OnProgress | None,
        *,
        require_guards: bool,
    ) -> None:
        self._child, self._ours, self._server = child, ours, server
        self._limits, self._on_progress, self._require_guards = limits, on_progress, require_guards
        self._began = time.monotonic()
        self._next_tick = self._began + TICK_SECONDS
        self._inbox, self._collected = Inbox(), Collected(limits)
        self._complaints = bytearray()

    def keep(self, order: dict[str, Any]) -> Result:
        try:
            return self._to_its_end(order)
        except Stopped as stopped:
            return self._what_there_is(stopped)
        finally:
            self._child.kill()
            self._child.wait()
            if self._child.stderr is not None:
                self._child.stderr.close()
            self._log_complaints()
            self._server.close()

    def _to_its_end(self, order: dict[str, Any]) -> Result:
        try:
            self._send(Answer(order))
            self._listen()
            return self._result(self._value())
        except Garbage as error:
            raise garbage(str(error), self._collected.parts) from error

    def _what_there_is(self, stopped: Stopped) -> Result:
        report = stopped.partial.get(REPORT)
        if not (isinstance(report, dict) and isinstance(report.get("warnings"), list)):
            raise stopped
        said = {"where": "image", "words": str(stopped)}
        return self._result(report | {"partial": True, "warnings": [*report["warnings"], said]}, stopped)

    def _listen(self) -> None:
        """Until the child has answered or hung up."""
        errors = self._child.stderr
        assert errors is not None
        with selectors.DefaultSelector() as selector, errors:
            selector.register(self._ours, selectors.EVENT_READ, self._hear)
            selector.register(errors, selectors.EVENT_READ, self._hear_complaint)
            while not self._collected.complete:
                ready = selector.select(min(TICK_SECONDS, self._seconds_left()))
                for key, _ in ready:
                    if not key.data():
                        selector.unregister(key.fileobj)
                if self._ours not in selector.get_map():
                    return
                self._tick_by_the_clock()
                self._seconds_left()

    def _seconds_left(self) -> float:
        left = self._limits.wall_seconds - self._seconds()
        if left <= 0:
            raise ran_out_of_time(self._limits, self._collected.parts)
        return left

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _tick_by_the_clock(self) -> None:
        """However busy the child keeps this side."""
        if time.monotonic() >= self._next_tick:
            self._tick()

    def _tick(self) -> None:
        self._next_tick = time.monotonic() + TICK_SECONDS
        if self._on_progress is not None:
            told = self._collected
            self._on_progress(Progress(told.words, told.done, told.total, self._seconds()))

    def _hear(self) -> bool:
        try:
            data = self._ours.recv(1 << 20)
        except ConnectionError:
            return False
        for message in self._inbox.feed(data):
            self._take(message)
        return bool(data)

    def _take(self, message: Message) -> None:
        ask = message.header.get("ask")
        if not isinstance(ask, str):
            raise Garbage("a message that asks nothing")
        if self._collected.takes(ask):
            self._collected.take(ask, message)
            if ask == "progress":
                self._tick()
            if self._require_guards and self._collected.weaker:
                raise unguarded(self._collected.weaker)
        else:
            self._send(self._server.answer(ask, message.header))
            self._tick_by_the_clock()

    def _send(self, answer: Answer) -> None:
        descriptors = [] if answer.descriptor is None else [answer.descriptor]
        data = pack(answer.header, answer.payload)
        self._ours.settimeout(self._seconds_left())
        try:
            sent = socket.send_fds(self._ours, [data], descriptors)
            self._ours.sendall(data[sent:])
        except TimeoutError as error:
            raise ran_out_of_time(self._limits, self._collected.parts) from error
        except ConnectionError:
            pass  # it has ended: how is told by what it leaves behind
        finally:
            self._ours.settimeout(None)

    def _hear_complaint(self) -> bool:
        assert self._child.stderr is not None
        data = os.read(self._child.stderr.fileno(), 4096)
        self._complaints += data[: MOST_COMPLAINTS - len(self._complaints)]
        return bool(data)

    def _log_complaints(self) -> None:
        if self._complaints:
            logger.warning("The process that read an image said: %s", self._complaints.decode(errors="replace"))

    def _wait(self) -> None:
        """For the end of a child that has hung up: an honest one ends at once."""
        try:
            self._child.wait(timeout=self._seconds_left())
        except subprocess.TimeoutExpired as error:
            raise ran_out_of_time(self._limits, self._collected.parts) from error

    def _value(self) -> Json:
        told = self._collected
        if not told.complete:
            self._wait()
            raise how_it_ended(self._child.returncode, self._limits, told.parts)
        if told.failure is not None:
            raise said_no(told.failure, self._limits, told.parts)
        return told.value()

    def _result(self, value: Json, stopped: Stopped | None = None) -> Result:
        told = self._collected
        changed = () if stopped else self._server.changed()
        if changed and REPORT_FORMAT in value:
            value = _written_to_meanwhile(value, changed)
        return Result(
            value=value,
            seconds=self._seconds(),
            bytes_read=told.bytes_read,
            weaker=told.weaker,
            changed=changed,
            stopped=stopped,
        )


def _written_to_meanwhile(report: Json, names: tuple[str, ...]) -> Json:
    words = "it was written to while it was read, so what was found may be of two states; read it again when it is shut"
    said = [{"where": name, "words": words} for name in names]
    return report | {"partial": True, "warnings": [*report.get("warnings", []), *said]}
