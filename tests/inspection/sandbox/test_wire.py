"""What goes over the line: bytes of the store's files on request, nothing that was not agreed, no garbage believed."""

import json
import struct
from pathlib import Path

import pytest

from builders.adapters.errors import Unreachable
from builders.adapters.store import LocalFolder
from builders.inspection.sandbox import Image, Stopped, Why, run, tasks
from builders.inspection.sandbox.wire import Garbage, Inbox, pack
from tests.inspection.sandbox.conftest import BYTES, FarFolder, Runner


@pytest.mark.parametrize(("offset", "length"), [(0, 10), (1000, 4096), ((1 << 20) - 3, 10), (1 << 20, 5), (5, 0)])
def test_local_and_distant_files_read_alike(hostile: Runner, store: Path, offset: int, length: int) -> None:
    options = {"offset": offset, "length": length}
    far = FarFolder(top=BYTES)
    expected = BYTES[offset : offset + length].hex()
    for folder in (LocalFolder(store), far):
        result = hostile("reads", folder, options)
        assert result.value == {"names": ["top"], "size": len(BYTES), "data": expected}
        assert result.bytes_read == len(expected) // 2
    assert far.asked == ([(offset, length)] if length else [])
    assert far.closed == 1


def test_long_reads_come_in_pieces(hostile: Runner) -> None:
    far = FarFolder(top=bytes(9 << 20))
    assert hostile("reads", far, {"offset": 0, "length": 20 << 20}).value["data"] == 9 << 20
    assert [length for _, length in far.asked] == [4 << 20] * 3


def test_many_names_come_in_pieces(hostile: Runner) -> None:
    far = FarFolder(top=b"", **{f"file {number:04}": b"" for number in range(1234)})
    assert len(hostile("reads", far, {"offset": 0, "length": 0}).value["names"]) == 1235


def test_a_file_is_opened_once_however_often_it_is_asked_for(hostile: Runner, store: Path) -> None:
    far = FarFolder(top=BYTES)
    for folder in (far, LocalFolder(store)):
        value = hostile("opens_again", folder, {"times": 50}).value
        assert value == {"read": [BYTES[:4].hex()], "after": BYTES[4:8].hex()}
    assert far.opened == ["top"]
    assert far.closed == 1


def test_a_file_may_be_opened_again_when_it_was_closed(hostile: Runner) -> None:
    far = FarFolder(top=BYTES)
    ask = {"ask": "open", "image": 0, "name": "top"}
    headers = [ask, {"ask": "close", "file": 0}, ask, {"ask": "read", "file": 0, "offset": 0, "length": 4}]
    headers += [{"ask": "close", "file": 0}, {"ask": "read", "file": 0, "offset": 0, "length": 4}]
    with pytest.raises(Stopped, match="a file that was closed"):
        hostile("says", far, {"headers": headers})
    assert far.opened == ["top", "top"]
    assert far.asked == [(0, 4)]
    assert far.closed == 2


def test_no_more_files_are_opened_than_two_chains_have(hostile: Runner) -> None:
    far = FarFolder(**{f"file {number:04}": b"" for number in range(131)})
    with pytest.raises(Stopped, match="more than 130 files") as caught:
        hostile("opens_all", far)
    assert caught.value.why is Why.TOO_MUCH
    assert len(far.opened) == far.closed == 130
    del far.files["file 0130"]
    assert hostile("opens_all", far).value == {"opened": 130}


def test_a_store_that_goes_away_is_no_damaged_image(hostile: Runner) -> None:
    far = FarFolder(top=BYTES)
    far.failure = Unreachable("The share is gone")
    with pytest.raises(Unreachable, match="The share is gone"):
        hostile("reads", far, {"offset": 0, "length": 10})
    assert far.closed == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nothing.vhdx", "FileNotFoundError"),
        ("../top", "OutOfPlace"),
        ("..", "OutOfPlace"),
        ("/etc/passwd", "OutOfPlace"),
        ("sub/top", "OutOfPlace"),
        ("sub\\top", "OutOfPlace"),
        ("top\0", "OutOfPlace"),
        ("", "OutOfPlace"),
        ("top:stream", "OutOfPlace"),
        ("link", "OutOfPlace"),
        ("pipe", "OutOfPlace"),
        ("sub", "OutOfPlace"),
    ],
)
def test_names_that_lead_elsewhere_are_not_opened(hostile: Runner, store: Path, name: str, kind: str) -> None:
    import os

    (store / "link").symlink_to("top")
    os.mkfifo(store / "pipe")
    (store / "sub").mkdir()
    assert hostile("opens", options={"name": name}).value["kind"] == kind


GARBAGE = {
    "a huge header": struct.pack(">II", 1 << 31, 0),
    "a huge payload": struct.pack(">II", 2, 1 << 31) + b"{}",
    "no JSON": struct.pack(">II", 4, 0) + b"\xff\xfe{{",
    "no object": struct.pack(">II", 2, 0) + b"[]",
    "nothing asked": pack({"hello": 1}),
    "an unknown question": pack({"ask": "shell"}),
    "a question of another kind": pack({"ask": {"a": 1}}),
    "deep nesting": struct.pack(">II", 20_000, 0) + b"[" * 20_000,
    "a read of no file": pack({"ask": "read", "file": 0, "offset": 0, "length": 1}),
    "a store that is not": pack({"ask": "open", "image": 7, "name": "top"}),
    "a name that is none": pack({"ask": "open", "image": 0, "name": ["top"]}),
    "progress without words": pack({"ask": "progress", "words": None, "done": 0, "total": 0}),
    "an answer that is no JSON": pack({"ask": "result", "last": True, "bytes_read": 0}, b"\xff"),
    "an answer that is no object": pack({"ask": "result", "last": True, "bytes_read": 0}, b"[1]"),
    "an answer that is no number": pack({"ask": "result", "last": True, "bytes_read": 0}, b'{"a": NaN}'),
    "bytes that were not counted": pack({"ask": "result", "last": True, "bytes_read": -1}, b"{}"),
    "more after the answer": pack({"ask": "result", "last": True, "bytes_read": 0}, b"{}") * 2,
}


@pytest.mark.parametrize("what", list(GARBAGE))
def test_garbage_is_the_end_of_it(hostile: Runner, what: str) -> None:
    with pytest.raises(Stopped) as caught:
        hostile("says_raw", options={"bytes": GARBAGE[what].hex(), "linger": True})
    assert caught.value.why is Why.GARBAGE


READS = [
    {"offset": -1},
    {"length": -1},
    {"length": 5 << 20},
    {"offset": 1 << 70},
    {"offset": 0.5},
    {"length": True},
    {"file": -1},
    {"file": "0"},
]


@pytest.mark.parametrize("odd", READS, ids=str)
def test_reads_that_cannot_be_meant(hostile: Runner, odd: dict) -> None:
    far = FarFolder(top=BYTES)
    headers = [
        {"ask": "open", "image": 0, "name": "top"},
        {"ask": "read", "file": 0, "offset": 0, "length": 1} | odd,
    ]
    with pytest.raises(Stopped) as caught:
        hostile("says", far, {"headers": headers})
    assert caught.value.why is Why.GARBAGE
    assert far.asked == []


def test_half_a_message_ends_with_the_time(hostile: Runner) -> None:
    with pytest.raises(Stopped) as caught:
        hostile("says_raw", options={"bytes": pack({"ask": "names"})[:9].hex(), "linger": True}, wall_seconds=1)
    assert caught.value.why is Why.WALL


def test_hung_up_and_still_there(hostile: Runner) -> None:
    with pytest.raises(Stopped) as caught:
        hostile("hangs_up", wall_seconds=2)
    assert caught.value.why is Why.WALL


def test_half_a_message_and_gone(hostile: Runner) -> None:
    with pytest.raises(Stopped, match="exit code 0") as caught:
        hostile("says_raw", options={"bytes": pack({"ask": "names"})[:9].hex()})
    assert caught.value.why is Why.CRASH


def test_an_answer_as_deep_as_a_well(hostile: Runner) -> None:
    with pytest.raises(Stopped, match="not JSON"):
        hostile("deep")


def test_text_that_no_database_takes_is_mended(hostile: Runner) -> None:
    value = hostile("odd_text").value
    assert value == {"zero": "ab", "half": "a?b", "name": ["", {"x": "?"}], "fine": "Überprüfung 漢"}


def test_a_file_that_is_written_to_meanwhile_is_named(hostile: Runner, store: Path) -> None:
    def write(progress) -> None:
        (store / "top").write_bytes(BYTES + b"more")

    class Watched(LocalFolder):
        def names(self) -> list[str]:
            write(None)  # asked for before the file is opened: not a change
            return super().names()

    options = {"offset": 0, "length": 4}
    assert hostile("reads", Watched(store), options).changed == ()

    class Changing(LocalFolder):
        def open(self, name: str):
            file = super().open(name)
            (store / "top").write_bytes(BYTES + b"still more")
            return file

    assert hostile("reads", Changing(store), options).changed == ("top",)


def test_tasks_of_the_product_are_few(store: Path) -> None:
    assert set(tasks.MODULES) == {"identify", "inventory", "files", "compare-files", "hash"}
    with pytest.raises(KeyError):
        run("forks", [Image(LocalFolder(store), "top")])


def test_an_inbox_takes_bytes_as_they_come() -> None:
    stream = pack({"a": 1}, b"xyz") + pack({"b": 2}) + pack({"c": 3}, b"\0" * 1000)
    inbox, found = Inbox(), []
    for at in range(len(stream)):
        found += list(inbox.feed(stream[at : at + 1]))
    assert [(message.header, len(message.payload)) for message in found] == [
        ({"a": 1}, 3),
        ({"b": 2}, 0),
        ({"c": 3}, 1000),
    ]
    with pytest.raises(Garbage):
        list(inbox.feed(struct.pack(">II", 1 << 20, 0)))


def test_hashes_of_whole_files(store: Path) -> None:
    import blake3

    (store / "below").write_bytes(b"x" * 3_000_000)
    result = run("hash", [Image(LocalFolder(store), "top", ("below",))])
    assert result.value["files"] == {
        name: {"blake3": blake3.blake3((store / name).read_bytes()).hexdigest(), "size": (store / name).stat().st_size}
        for name in ("top", "below")
    }
    assert json.dumps(result.value)
