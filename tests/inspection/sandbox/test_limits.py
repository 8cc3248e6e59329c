"""What uses up more than it may, or breaks down, is stopped and told in words; the worker goes on."""

import time
from types import SimpleNamespace

import pytest

from builders.inspection.errors import Damaged
from builders.inspection.sandbox import Limits, Stopped, Why, keeper
from builders.inspection.sandbox.collecting import Collected, _cleaned
from builders.inspection.sandbox.wire import Message, TooMuch
from tests.inspection.sandbox.conftest import FarFile, FarFolder, Runner, children


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(hostile: Runner):
    before = children()
    yield
    assert children() == before


def stopped(hostile: Runner, task: str, why: Why, words: str, **more) -> Stopped:
    with pytest.raises(Stopped, match=words) as caught:
        hostile(task, **more)
    assert caught.value.why is why
    return caught.value


def test_memory(hostile: Runner) -> None:
    stopped(hostile, "takes_memory", Why.MEMORY, "more than 64 MiB of memory", memory_mib=64)


def test_memory_of_a_library_ends_at_the_budget(hostile: Runner) -> None:
    """malloc gives nothing beyond the budget; slack is what the interpreter itself had reserved and not used."""
    got = hostile("takes_memory_quietly", memory_mib=64).value["mib"]
    assert 0 < got <= 64 + 16


def test_processor_time(hostile: Runner) -> None:
    stopped(hostile, "computes", Why.CPU, "1 seconds of processor time", cpu_seconds=1)


def test_time_on_the_clock(hostile: Runner) -> None:
    stopped(hostile, "sleeps", Why.WALL, "after 1 seconds, the longest", wall_seconds=1)


def test_files_through_the_store(hostile: Runner) -> None:
    with pytest.raises(Stopped) as caught:
        hostile("opens_many", open_files=16)
    assert caught.value.why in {Why.CRASH, Why.GARBAGE}


def test_files_of_its_own(hostile: Runner) -> None:
    error = stopped(hostile, "opens_many_itself", Why.CRASH, "Too many open files", open_files=16)
    assert error.partial == {}


@pytest.mark.parametrize(("task", "words"), [("aborts", "SIGABRT"), ("leaves", "exit code 3")])
def test_it_breaks_down(hostile: Runner, task: str, words: str) -> None:
    stopped(hostile, task, Why.CRASH, words)


def test_recursion_without_end(hostile: Runner) -> None:
    stopped(hostile, "recurses", Why.CRASH, "recursion")


def test_a_fault_of_the_reader_is_named_and_logged(hostile: Runner, caplog: pytest.LogCaptureFixture) -> None:
    stopped(hostile, "fails", Why.CRASH, "ZeroDivisionError: of the reader's own making")
    assert "Traceback" in caplog.text


def test_what_the_reader_found_damaged_keeps_its_kind(hostile: Runner) -> None:
    with pytest.raises(Damaged, match="the header contradicts itself"):
        hostile("says_damaged")


def test_a_crash_leaves_what_was_told_before(hostile: Runner) -> None:
    result = hostile("crashes")
    assert result.stopped is not None
    assert result.stopped.why is Why.CRASH
    assert result.value["image"] == {"size": 7}
    assert result.value["partial"] is True
    assert [warning["where"] for warning in result.value["warnings"]] == ["image"]
    assert "SIGSEGV" in result.value["warnings"][0]["words"]


def test_a_hang_leaves_what_was_told_before(hostile: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock leaps past the limit once the child has told its part."""
    leap = [0.0]
    monkeypatch.setattr(keeper, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + leap[0]))

    def watch(progress) -> None:
        leap[0] = 1000.0 if progress.words == "Told" else 0.0

    result = hostile("hung_then_partial", on_progress=watch)
    assert result.stopped is not None
    assert result.stopped.why is Why.WALL
    assert [warning["where"] for warning in result.value["warnings"]] == ["a", "image"]


def test_a_result_that_is_too_large(hostile: Runner) -> None:
    stopped(hostile, "much", Why.TOO_MUCH, "more than 1 MiB", options={"mib": 3}, result_mib=1)
    assert len(hostile("much", options={"mib": 3}, result_mib=4).value["much"]) == 3 << 20


def test_a_result_of_too_many_values(hostile: Runner) -> None:
    """Small on the line, large where it is unpacked."""
    stopped(hostile, "explodes", Why.TOO_MUCH, "more than 2,000,000 values", options={"times": 1_000_000})
    value = hostile("explodes", options={"times": 1000}).value
    assert value == {"a": ["A", *[{}] * 1001]}


def test_parts_together_hold_no_more_values_than_a_result() -> None:
    told = Collected(Limits())
    part = b"[" + b"1," * 999_000 + b"1]"
    for name in ("a", "b"):
        told.take("part", Message({"name": name, "last": True}, part))
    with pytest.raises(TooMuch, match="2,000,000 values"):
        told.take("part", Message({"name": "c", "last": True}, part))


def test_what_is_mended_is_mended_where_it_is() -> None:
    """A second set of all lists and objects would take as much memory again."""
    inner, text = {"x\0": "\ud800", "kept": 1}, "fine"
    value = [text, inner, ["\0a"]]
    assert _cleaned(value) is value
    assert value == ["fine", {"x": "?", "kept": 1}, ["a"]]
    assert value[0] is text
    assert value[1] is inner


def test_parts_without_end(hostile: Runner) -> None:
    stopped(hostile, "many_parts", Why.TOO_MUCH, "more than 64 parts")


def test_complaints_without_end_are_cut(hostile: Runner, caplog: pytest.LogCaptureFixture) -> None:
    assert hostile("complains").value == {"said": True}
    assert "xxx" in caplog.text
    assert len(caplog.text) < 40_000


def test_whoever_watches_may_end_it(hostile: Runner) -> None:
    class Enough(Exception):
        pass

    told = []

    def watch(progress) -> None:
        told.append(progress.words)
        if told.count("Sleeping") > 1:
            raise Enough

    with pytest.raises(Enough):
        hostile("sleeps", on_progress=watch)
    assert told[-2:] == ["Sleeping", "Sleeping"]


def test_whoever_watches_may_end_it_however_much_it_asks(hostile: Runner) -> None:
    """A child that reads a share asks without a pause; the row of its reading is to be renewed all the same."""

    class Enough(Exception):
        pass

    class Slow(FarFile):
        def read(self, offset: int, length: int) -> bytes:
            time.sleep(0.02)
            return super().read(offset, length)

    class Share(FarFolder):
        def open(self, name: str) -> FarFile:
            return Slow(self, name, self.files[name])

    share, told = Share(top=b"x" * 10), []

    def watch(progress) -> None:
        told.append(len(share.asked))
        if len(told) > 2:
            raise Enough

    with pytest.raises(Enough):
        hostile("reads_without_end", share, on_progress=watch)
    assert 0 < told[0] < told[1] < told[2]


def test_the_next_one_works_after_each_of_them(hostile: Runner) -> None:
    for task in ("aborts", "leaves", "fails", "recurses"):
        with pytest.raises(Stopped):
            hostile(task)
        assert hostile("honest", options={"a": 1}).value == {"options": {"a": 1}, "tops": ["top"]}


@pytest.mark.parametrize("name", list(vars(Limits())))
def test_a_limit_is_at_least_one(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0"):
        Limits(**{name: 0})
