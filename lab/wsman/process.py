"""A simulated process of a shell: standard input and output as Windows pipes with limits, and an exit code."""

import itertools
import threading
import time
import uuid

from lab.wsman.faults import ConnectionLost, operation_timed_out, pipe_ended, receive_is_pending

INPUT_PIPE_BYTES = 4096  # an anonymous pipe: Send blocks when the process does not read
OUTPUT_LIMIT_BYTES = 256 * 1024  # unread output at which the process blocks in writing; the real figure is unknown
KILLED_EXIT_CODE = 1

_numbers = itertools.count(4204, 4)


class Process:
    """The service feeds and fetches with deadlines; the program reads lines and writes."""

    def __init__(self, *, delivers_input: bool = True) -> None:
        self.id = str(uuid.uuid4()).upper()
        self.process_number = next(_numbers)
        self._delivers_input = delivers_input  # in console mode, standard input never reaches PowerShell
        self._changed = threading.Condition()
        self._input = bytearray()
        self._input_ended = False
        self._output = {"stdout": bytearray(), "stderr": bytearray()}
        self._exit_code: int | None = None
        self._killed = False
        self._fetching = False
        self._output_lost = False

    # -- the program's side

    def read_line(self) -> bytes:
        """A line with its end; b"" when there is no more. Takes what there is, so that a full pipe gets room."""
        line = bytearray()
        with self._changed:
            while True:
                if self._killed:
                    raise BrokenPipeError
                if self._delivers_input:
                    end = self._input.find(b"\n")
                    taken = end + 1 if end >= 0 else len(self._input)
                    line += self._input[:taken]
                    del self._input[:taken]
                    self._changed.notify_all()
                    if end >= 0 or self._input_ended:
                        return bytes(line)
                self._changed.wait()

    def write(self, data: bytes, stream: str = "stdout") -> None:
        with self._changed:
            while len(self._output[stream]) > OUTPUT_LIMIT_BYTES and not self._killed:
                self._changed.wait()
            if self._killed:
                raise BrokenPipeError
            self._output[stream] += data
            self._changed.notify_all()

    def lose_output(self) -> None:
        with self._changed:
            self._output["stdout"].clear()
            self._output_lost = True
            self._changed.notify_all()

    def finish(self, exit_code: int) -> None:
        with self._changed:
            if self._exit_code is None:
                self._exit_code = exit_code
            self._changed.notify_all()

    # -- the service's side

    def feed(self, data: bytes, *, is_end: bool, deadline: float) -> None:
        """Send: blocks while the pipe is full. At the deadline a part may have been consumed, as on Windows."""
        rest = memoryview(data)
        with self._changed:
            while rest:
                if self._exit_code is not None or self._input_ended:
                    raise pipe_ended()
                room = INPUT_PIPE_BYTES - len(self._input)
                if room > 0:
                    self._input += rest[:room]
                    rest = rest[room:]
                    self._changed.notify_all()
                elif not self._wait_until(deadline):
                    raise operation_timed_out()
            if is_end:
                self._input_ended = True
                self._changed.notify_all()

    def fetch(self, streams: list[str], *, limit: int, deadline: float) -> tuple[list[tuple[str, bytes]], int | None]:
        """Receive: (pieces by stream, exit code). The code comes only with the last byte."""
        with self._changed:
            if self._fetching:
                raise receive_is_pending()
            self._fetching = True
            try:
                while not self._has_news(streams):
                    if not self._wait_until(deadline):
                        raise operation_timed_out()
                if self._output_lost:
                    self._output_lost = False
                    raise ConnectionLost
                return self._take(streams, limit)
            finally:
                self._fetching = False

    def kill(self) -> None:
        with self._changed:
            self._killed = True
            if self._exit_code is None:
                self._exit_code = KILLED_EXIT_CODE
            self._changed.notify_all()

    def _has_news(self, streams: list[str]) -> bool:
        return self._output_lost or self._exit_code is not None or any(self._output[stream] for stream in streams)

    def _take(self, streams: list[str], limit: int) -> tuple[list[tuple[str, bytes]], int | None]:
        pieces = []
        for stream in streams:
            piece = bytes(self._output[stream][:limit])
            if piece:
                del self._output[stream][: len(piece)]
                limit -= len(piece)
                pieces.append((stream, piece))
        self._changed.notify_all()
        is_over = self._exit_code is not None and not any(self._output.values())
        return pieces, self._exit_code if is_over else None

    def _wait_until(self, deadline: float) -> bool:
        """False when the deadline has passed."""
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        self._changed.wait(left)
        return True
