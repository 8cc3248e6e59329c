"""The runner's side of the line protocol where it takes time: beats, silence, and large answers."""

import json
import threading
from collections.abc import Mapping

import pytest

from lab.powershell import runner
from lab.powershell.errors import CmdletFailed, ErrorRecord
from lab.powershell.runner import LineProtocol
from lab.powershell.texts import Runner
from lab.wsman.process import Process
from tests.lab.session import runner_text


class Host:
    """One cmdlet that waits until it is told to end, and one that fails."""

    name = "HOST"
    modules: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.may_end = threading.Event()

    def open_session(self, process_number: int) -> "Host":
        return self

    def invoke(self, name: str, parameters: Mapping[str, object], cancelled: threading.Event) -> list[object]:
        if name == "M\\Fail":
            raise CmdletFailed(ErrorRecord("Failed,Here", "no"))
        self.may_end.wait(20)
        return [{"Name": "one"}, {"Name": "two"}]


class Talk:
    """A process whose lines are read as they come."""

    def __init__(self) -> None:
        self.host, self.process = Host(), Process()
        allow = {"M\\Wait": [], "M\\Fail": []}
        self.protocol = LineProtocol(self.process, self.host, Runner(runner_text(allow)))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self._rest = b""
        self._lines: list[dict[str, object]] = []

    def _run(self) -> None:
        self.process.finish(self.protocol.run())

    def send(self, **line: object) -> None:
        self.process.feed(json.dumps(line).encode() + b"\n", is_end=False, deadline=float("inf"))

    def next(self, kind: str) -> dict[str, object]:
        while True:
            while self._lines:
                line = self._lines.pop(0)
                if line["t"] == kind:
                    return line
            pieces, _ = self.process.fetch(["stdout"], limit=1 << 16, deadline=threading.TIMEOUT_MAX)
            *lines, self._rest = (self._rest + b"".join(piece for _, piece in pieces)).split(b"\n")
            self._lines += [json.loads(line) for line in lines]


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_long_cmdlet_gives_signs_of_life(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "BEAT_SECONDS", 0.02)
    talk.send(id="1", cmdlet="M\\Wait", select=["Name"])

    beats = [talk.next("beat"), talk.next("beat")]
    talk.host.may_end.set()

    assert all(beat["id"] == "1" and beat["pct"] == -1 for beat in beats)
    assert talk.next("item")["data"] == {"Name": "one"}
    assert talk.next("end")["count"] == 2


def test_a_client_that_is_silent_for_long_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "DEAD_MAN_SECONDS", 0.05)
    talk = Talk()
    talk.next("hello")

    talk.thread.join(20)

    assert not talk.thread.is_alive()


def test_without_select_there_are_no_items(talk: Talk) -> None:
    talk.host.may_end.set()
    talk.send(id="1", cmdlet="M\\Wait")

    end = talk.next("end")

    assert (end["seq"], end["count"], end["ok"]) == (2, 2, True)


def test_an_error_record_has_every_field(talk: Talk) -> None:
    talk.send(id="1", cmdlet="M\\Fail")

    errors = talk.next("end")["errors"]

    assert isinstance(errors, list)
    assert set(errors[0]) == {"fqid", "category", "target", "type", "hresult", "message", "stack", "pvs"}


def test_a_killed_process_ends_its_thread(talk: Talk) -> None:
    talk.next("hello")

    talk.process.kill()
    talk.thread.join(20)

    assert not talk.thread.is_alive()
