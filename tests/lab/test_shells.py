"""Limits of the service that would take long to reach over the wire."""

import threading
import time

import pytest

from lab.wsman.envelope import duration_seconds, parse
from lab.wsman.faults import Fault
from lab.wsman.process import INPUT_PIPE_BYTES, OUTPUT_LIMIT_BYTES, Process
from lab.wsman.shells import Quotas, Shells


def nothing(_: str, __: Process) -> int:
    return 0


def soon() -> float:
    return time.monotonic() + 0.05


def test_the_1501st_command_of_a_shell_is_refused() -> None:
    shells = Shells(Quotas(commands_per_shell=3), nothing)
    shell = shells.open("lab\\someone", 60)
    for _ in range(3):
        shells.run(shell, "x", through_cmd=True, console_input=False)

    with pytest.raises(Fault) as refused:
        shells.run(shell, "x", through_cmd=True, console_input=False)

    assert refused.value.code == 2150859174
    assert Quotas().commands_per_shell == 1500


def test_a_shell_belongs_to_its_user() -> None:
    shells = Shells(Quotas(), nothing)
    shell = shells.open("lab\\someone", 60)

    with pytest.raises(Fault) as refused:
        shells.get(shell.id, "lab\\somebody")

    assert refused.value.code == 2150858843


def test_an_idle_shell_is_closed_and_its_process_killed() -> None:
    started = threading.Event()

    def waits(_: str, process: Process) -> int:
        started.set()
        process.read_line()
        return 0

    shells = Shells(Quotas(), waits)
    idle, busy = shells.open("u", 0.01), shells.open("u", 0.01)
    process = shells.run(idle, "x", through_cmd=True, console_input=False)
    assert started.wait(10)
    busy.requests_under_way = 1
    idle.used_at = busy.used_at = time.monotonic() - 1

    shells.close_idle()

    assert len(shells) == 1
    _, code = process.fetch(["stdout"], limit=100, deadline=soon() + 10)
    assert code == 1


def test_a_full_input_pipe_times_out_with_a_part_consumed() -> None:
    process = Process()
    with pytest.raises(Fault) as refused:
        process.feed(b"x" * (INPUT_PIPE_BYTES + 1), is_end=False, deadline=soon())

    assert refused.value.code == 2150858793


def test_a_process_that_nobody_listens_to_blocks_in_writing() -> None:
    process = Process()
    process.write(b"x" * (OUTPUT_LIMIT_BYTES + 1))
    blocked = threading.Thread(target=process.write, args=(b"more",), daemon=True)
    blocked.start()
    assert blocked.is_alive()

    pieces, code = process.fetch(["stdout", "stderr"], limit=1 << 20, deadline=soon())
    blocked.join(10)

    assert not blocked.is_alive()
    assert code is None
    assert [len(piece) for _, piece in pieces] == [OUTPUT_LIMIT_BYTES + 1]


def test_input_for_a_process_that_has_ended_is_a_fault() -> None:
    process = Process()
    process.finish(0)

    with pytest.raises(Fault):
        process.feed(b"x", is_end=False, deadline=soon())


def test_a_second_receive_is_a_fault() -> None:
    process = Process()

    def receive() -> None:
        process.fetch(["stdout"], limit=10, deadline=time.monotonic() + 30)

    first = threading.Thread(target=receive, daemon=True)
    first.start()
    while not process._fetching:
        time.sleep(0.01)

    with pytest.raises(Fault) as refused:
        process.fetch(["stdout"], limit=10, deadline=soon())
    process.finish(0)
    first.join(10)

    assert refused.value.code == 2150858796


def test_the_exit_code_comes_with_the_last_byte() -> None:
    process = Process()
    process.write(b"abcdef")
    process.finish(7)

    assert process.fetch(["stdout"], limit=4, deadline=soon()) == ([("stdout", b"abcd")], None)
    assert process.fetch(["stdout"], limit=4, deadline=soon()) == ([("stdout", b"ef")], 7)


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT20S", 20), ("PT1M0.5S", 60.5), ("PT2H", 7200), ("", 60), ("20", 60), ("PT", 60)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/></s:Envelope>',
    ],
)
def test_what_is_no_envelope_is_refused(content: bytes) -> None:
    with pytest.raises((ValueError, SyntaxError)):
        parse(content)
