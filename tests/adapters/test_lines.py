import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.adapters.powershell import lines
from builders.adapters.powershell.lines import LineReader, SequenceGap
from builders.adapters.powershell.transport import Request


def numbered(count: int) -> bytes:
    return b"".join(json.dumps({"t": "item", "id": "1", "seq": seq}).encode() + b"\r\n" for seq in range(1, count + 1))


@given(st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=60))
def test_answers_come_out_whole_however_they_are_cut(cuts: list[int]) -> None:
    data, reader, seen = numbered(12), LineReader(), []

    for cut in cuts:
        piece, data = data[:cut], data[cut:]
        seen += reader.feed(piece)
    seen += reader.feed(data)

    assert [message["seq"] for message in seen] == list(range(1, 13))


def test_a_missing_answer_is_a_gap() -> None:
    reader = LineReader()
    reader.feed(numbered(2))

    with pytest.raises(SequenceGap, match="answer 3 is missing before answer 4"):
        reader.feed(b'{"t":"pong","id":"x","seq":4}\n')


@pytest.mark.parametrize("noise", [b"#< CLIXML", b"[1, 2]", b'{"t": 5, "seq": 1}', b'{"seq": 1}', b"\xff\xfe", b"null"])
def test_what_is_no_answer_is_kept_as_noise(noise: bytes) -> None:
    reader = LineReader()

    messages = reader.feed(noise + b"\r\n" + numbered(1))

    assert len(messages) == 1
    assert len(reader.noise) == 1


def test_a_host_that_talks_without_end_does_not_fill_the_memory() -> None:
    reader = LineReader()

    reader.feed(b"noise\n" * 1000)

    assert len(reader.noise) == 20


def test_a_request_is_one_ascii_line_and_its_values_stay_data() -> None:
    name = "vDisk 'x'; Remove-Item \u00e4\U0001f600\n"

    line = lines.request_line("7", Request("M\\Get-It", {"Name": name, "Version": 3}, ("Name",)))

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert json.loads(line) == {
        "id": "7",
        "cmdlet": "M\\Get-It",
        "parameters": {"Name": name, "Version": 3},
        "select": ["Name"],
    }


def test_a_request_that_does_not_fit_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        lines.request_line("1", Request("M\\Get-It", {"Name": "x" * lines.MAX_LINE_BYTES}))


def test_the_greeting_tells_loaded_modules_from_missing_ones() -> None:
    greeting = lines.greeting({"host": "PVS01", "modules": {"A": "7.46.0.1", "B": "B.dll was not found"}})

    assert greeting.modules == {"A": "7.46.0.1"}
    assert greeting.missing == {"B": "B.dll was not found"}


def test_an_error_record_keeps_the_farms_code_and_the_partial_ones() -> None:
    record = lines.error_record(
        {
            "fqid": "x,Y",
            "message": "flattened",
            "pvs": {
                "code": 36,
                "message": "some failed",
                "details": "two",
                "severity": "Error",
                "partial": [{"code": 44, "message": "gone", "details": None, "severity": "Error"}],
            },
        }
    )

    assert record.pvs is not None
    assert record.pvs.code == 36
    assert [part.code for part in record.pvs.partial] == [44]


def test_an_error_record_without_a_farm_error_has_none() -> None:
    assert lines.error_record({"fqid": "NotAllowed", "message": "no", "pvs": None}).pvs is None
