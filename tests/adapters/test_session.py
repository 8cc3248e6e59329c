"""The conversation with the runner, over a pipe that loses, breaks and dies on demand."""

from typing import Any

import pytest

from builders.adapters.errors import NotAuthenticated, OutcomeUnknown, Refused, TimedOut, Unreachable
from builders.adapters.powershell.script import RunnerScript
from builders.adapters.powershell.session import SILENCE_SECONDS, WINDOW_REQUESTS, JsonLineSession
from builders.adapters.powershell.transport import Beat, Request
from builders.adapters.powershell.winrm_pipe import Output
from tests.adapters.fakes import HELLO, FakePipe, broken

SCRIPT = RunnerScript(modules=(), allowed={})


@pytest.fixture
def pipe() -> FakePipe:
    return FakePipe()


@pytest.fixture
def session(pipe: FakePipe) -> JsonLineSession:
    session = JsonLineSession(pipe, SCRIPT, clock=pipe.clock)
    session.open()
    return session


def ask(count: int = 1) -> list[Request]:
    return [Request(f"M\\Get-Thing{number}", select=("of",)) for number in range(count)]


def test_opening_sends_the_runner_and_hears_who_answers(pipe: FakePipe) -> None:
    session = JsonLineSession(pipe, SCRIPT, clock=pipe.clock)

    greeting = session.open()

    assert pipe.command == "powershell.exe"
    assert pipe.arguments == SCRIPT.arguments
    assert pipe.sent == [SCRIPT.first_line]
    assert greeting.host == "PVS01"
    assert session.usable


def test_a_host_that_never_says_hello_is_given_up(pipe: FakePipe) -> None:
    pipe.lose_next = 1

    with pytest.raises(TimedOut, match="did not say hello"):
        JsonLineSession(pipe, SCRIPT, clock=pipe.clock).open()

    assert pipe.closed


def test_a_process_that_dies_at_once_is_unreachable_with_its_last_words(pipe: FakePipe) -> None:
    pipe.lose_next, pipe.exit_code = 1, 3

    with pytest.raises(Unreachable, match="ended with code 3 it hurt"):
        JsonLineSession(pipe, SCRIPT, clock=pipe.clock).open()

    assert pipe.closed


def test_a_constrained_language_mode_is_refused(pipe: FakePipe) -> None:
    pipe.hello = {**HELLO, "mode": "ConstrainedLanguage"}

    with pytest.raises(Refused, match="ConstrainedLanguage"):
        JsonLineSession(pipe, SCRIPT, clock=pipe.clock).open()

    assert pipe.closed


def test_replies_come_in_the_order_of_the_requests(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.piece_bytes = 7

    replies = session.batch(ask(5), patience_seconds=1e6)

    assert [reply.items[0]["of"] for reply in replies] == [f"M\\Get-Thing{number}" for number in range(5)]
    assert all(reply.ok for reply in replies)
    assert session.usable


def test_a_small_batch_is_one_send(session: JsonLineSession, pipe: FakePipe) -> None:
    session.batch(ask(20), patience_seconds=60)

    assert len(pipe.sent) == 2


def test_never_more_than_a_window_is_unanswered(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.piece_bytes = 200
    heard = b""
    in_flight: list[int] = []
    pipe.on_request = lambda request: in_flight.append(int(request["id"]) - heard.count(b'"t": "end"'))
    original = pipe.receive

    def receive() -> Output | None:
        nonlocal heard
        output = original()
        heard += output.stdout if output else b""
        return output

    pipe.receive = receive  # type: ignore[method-assign]
    replies = session.batch(ask(350), patience_seconds=1e6)

    assert len(replies) == 350
    assert max(in_flight) == WINDOW_REQUESTS


def test_a_refusal_is_an_answer_and_the_session_goes_on(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.silent = True
    pipe.on_request = lambda request: pipe.say(
        {"t": "end", "id": request["id"], "ok": False, "errors": [{"fqid": "NotAllowed", "message": "no"}]}
    )

    (reply,) = session.batch(ask(), patience_seconds=60)

    assert [record.fqid for record in reply.errors] == ["NotAllowed"]
    assert session.usable


def test_a_lost_answer_makes_the_outcome_unknown(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.on_request = lambda request: setattr(pipe, "lose_next", 1 if request["id"] == "2" else 0)

    with pytest.raises(OutcomeUnknown, match="answer 4 is missing") as caught:
        session.batch(ask(3), patience_seconds=60)

    assert caught.value.in_flight == ("1", "2", "3")
    assert not session.usable


def test_a_lost_last_answer_is_found_out_by_a_ping(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.on_request = lambda request: setattr(pipe, "lose_next", 2)
    begun = pipe.clock()

    with pytest.raises(OutcomeUnknown):
        session.batch(ask(), patience_seconds=600)

    assert pipe.clock() - begun < SILENCE_SECONDS + 5
    assert pipe.messages[-1]["op"] == "ping"


def test_silence_is_asked_after_and_a_slow_cmdlet_goes_on(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.silent = True
    requests: list[dict[str, Any]] = []
    pipe.on_request = requests.append
    beats: list[Beat] = []
    original = pipe.receive

    def receive() -> Output | None:
        if pipe.clock() > 1040:
            pipe.say({"t": "beat", "id": requests[0]["id"], "ms": 40000, "pct": 30, "text": "merging"})
            pipe.answer(requests[0])
        return original()

    pipe.receive = receive  # type: ignore[method-assign]
    (reply,) = session.batch(ask(), patience_seconds=600, on_beat=beats.append)

    assert reply.ok
    assert [message["op"] for message in pipe.messages if "op" in message] == ["ping", "ping"]
    assert beats == [Beat(40000, 30, "merging")]


def test_a_request_that_never_ends_times_out(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.silent = True

    with pytest.raises(TimedOut) as caught:
        session.batch(ask(2), patience_seconds=30)

    assert caught.value.in_flight == ("1", "2")
    assert not session.usable


def test_a_send_that_provably_never_left_is_unreachable(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.send_errors = [Unreachable("refused", words="refused")]

    with pytest.raises(Unreachable):
        session.batch(ask(), patience_seconds=30)

    assert pipe.requests == []


def test_a_password_changed_meanwhile_is_said_as_such(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.send_errors = [NotAuthenticated("no", words="no")]

    with pytest.raises(NotAuthenticated):
        session.batch(ask(), patience_seconds=30)


def test_a_second_send_that_never_left_leaves_the_first_unknown(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.send_errors = [None, Unreachable("refused", words="refused")]

    with pytest.raises(OutcomeUnknown, match="refused"):
        session.batch(ask(WINDOW_REQUESTS + 1), patience_seconds=30)


def test_a_send_that_may_have_arrived_is_never_repeated(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.send_errors = [broken("the process does not read its input")]

    with pytest.raises(OutcomeUnknown, match="does not read") as caught:
        session.batch(ask(), patience_seconds=30)

    assert caught.value.in_flight == ("1",)
    assert len(pipe.sent) == 1


def test_a_connection_that_breaks_between_polls_is_mended(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.receive_errors = [broken(may_mend=True)]

    (reply,) = session.batch(ask(), patience_seconds=60)

    assert reply.ok
    assert pipe.resets == 1


def test_a_connection_that_took_an_answer_with_it_is_noticed(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.on_request = lambda request: setattr(pipe, "lose_next", 2)
    pipe.receive_errors = [broken(may_mend=True)]
    begun = pipe.clock()

    with pytest.raises(OutcomeUnknown):
        session.batch(ask(), patience_seconds=600)

    assert pipe.clock() - begun < 5  # by the ping after mending, not by silence


def test_a_connection_that_stays_broken_is_given_up(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.receive_errors = [broken(may_mend=True) for _ in range(9)]

    with pytest.raises(OutcomeUnknown, match="the connection failed"):
        session.batch(ask(), patience_seconds=60)


def test_a_shell_that_is_gone_is_not_mended(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.receive_errors = [broken("shell not found")]

    with pytest.raises(OutcomeUnknown, match="shell not found"):
        session.batch(ask(), patience_seconds=60)

    assert pipe.resets == 0


def test_last_words_that_come_with_the_end_still_count(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.on_request = lambda request: setattr(pipe, "exit_code", 0)

    (reply,) = session.batch(ask(), patience_seconds=60)

    assert reply.ok
    assert not session.usable


def test_a_ping_connects_anew_and_proves_the_session(session: JsonLineSession, pipe: FakePipe) -> None:
    session.ping()

    assert pipe.resets == 1
    assert session.usable


def test_a_ping_without_answer_ends_the_session(session: JsonLineSession, pipe: FakePipe) -> None:
    pipe.lose_next = 1

    with pytest.raises(Unreachable):
        session.ping()

    assert not session.usable


def test_a_time_limit_that_strikes_in_mid_poll_passes_and_spoils_the_session(
    session: JsonLineSession, pipe: FakePipe
) -> None:
    class TimeLimit(Exception):
        pass

    pipe.receive_errors = [TimeLimit()]

    with pytest.raises(TimeLimit):
        session.batch(ask(), patience_seconds=60)

    assert not session.usable


def test_a_spoilt_session_is_not_used_again(session: JsonLineSession) -> None:
    session.close()

    with pytest.raises(Unreachable, match="not open"):
        session.batch(ask(), patience_seconds=60)
