"""A refusal in the farm's words becomes one of our errors and one sentence for an operator."""

import pytest

from builders.adapters.errors import (
    AdapterError,
    Busy,
    CertificateProblem,
    NotAuthenticated,
    NotFound,
    OutcomeUnknown,
    Refused,
    TimedOut,
    Unreachable,
)
from builders.adapters.powershell.transport import ErrorRecord, FarmFault
from builders.adapters.pvs.answers import refusal, retold
from builders.adapters.pvs.codes import RETURN_CODES, look_up
from tests.adapters.fakes import farm_error

ASKED = "PVS01 was asked to promote the maintenance version of vDisk W11"


def test_it_is_one_sentence_with_number_name_and_words() -> None:
    error = refusal(ASKED, [farm_error(163, "No version is in\n maintenance.")])

    assert str(error) == f"{ASKED}, and answered NotInMaintenanceMode (163): No version is in maintenance."
    assert isinstance(error, Refused)
    assert (error.code, error.asked, error.permanent) == (163, ASKED, True)
    assert error.remedy


@pytest.mark.parametrize("code", [44, 165, 175, 189])
def test_what_is_gone_is_not_found(code: int) -> None:
    assert type(refusal(ASKED, [farm_error(code)])) is NotFound


@pytest.mark.parametrize("text", ["It goes on. TaskId: 712", "still running (task 712)", "Task ID = 712 continues"])
def test_a_call_that_goes_on_is_busy_and_names_its_task(text: str) -> None:
    error = refusal(ASKED, [farm_error(177, text)])

    assert isinstance(error, Busy)
    assert error.task_id == 712
    assert not error.permanent


def test_the_task_may_stand_in_the_details() -> None:
    error = refusal(ASKED, [farm_error(177, "In process.", "TaskId: 5")])

    assert isinstance(error, Busy)
    assert error.task_id == 5


def test_a_command_that_runs_for_another_is_busy_without_a_task() -> None:
    error = refusal(ASKED, [farm_error(16, "Only one may run at a time.")])

    assert isinstance(error, Busy)
    assert error.task_id is None


@pytest.mark.parametrize("code", [32, 97, 118, 191, 195])
def test_an_outage_inside_the_farm_passes(code: int) -> None:
    assert not refusal(ASKED, [farm_error(code)]).permanent


@pytest.mark.parametrize("code", [97, 172, 173, 179])
def test_a_server_that_got_no_answer_from_another_leaves_the_outcome_open(code: int) -> None:
    error = refusal(ASKED, [farm_error(code, "No answer.")])

    assert type(error) is OutcomeUnknown
    assert (error.code, error.words) == (code, "No answer.")


def test_an_unlisted_code_is_told_as_it_is() -> None:
    error = refusal(ASKED, [farm_error(4711, "Something new.")])

    assert "return code (4711): Something new." in str(error)
    assert type(error) is Refused


def test_a_partial_error_tells_what_happened_to_each() -> None:
    parts = (FarmFault(100, "busy one", "DEV1", "Error"), FarmFault(44, "lost one", "", "Error"))
    record = ErrorRecord("x", "flat", pvs=FarmFault(36, "Some failed.", "two of five", "Error", parts))

    error = refusal(ASKED, [record])

    assert error.details == "two of five; ActiveDevice (100): busy one DEV1; InvalidDiskLocator (44): lost one"


def test_the_farms_own_record_counts_more_than_powershells() -> None:
    error = refusal(ASKED, [ErrorRecord("Other", "noise"), farm_error(160)])

    assert error.code == 160


def test_powershells_own_refusal_has_its_identifier_and_no_code() -> None:
    error = refusal(ASKED, [ErrorRecord("NotAllowed,Runner", "Restart-Computer", type="T")])

    assert type(error) is Refused
    assert error.code is None
    assert "PowerShell answered NotAllowed: Restart-Computer." in str(error)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Unreachable, "but that was not possible"),
        (CertificateProblem, "but that was not possible"),
        (NotAuthenticated, "but that was not possible"),
        (OutcomeUnknown, "the outcome is unknown"),
        (TimedOut, "did not answer in time"),
    ],
)
def test_a_transport_error_is_told_again_with_what_was_asked(kind: type[AdapterError], words: str) -> None:
    error = kind("raw", words="it refuses the connection", code=7, permanent=True)

    told = retold(error, ASKED)

    assert type(told) is kind
    assert str(told).startswith(ASKED)
    assert words in str(told)
    assert str(told).endswith(": it refuses the connection.")
    assert (told.code, told.permanent, told.asked) == (7, True, ASKED)


def test_an_unknown_outcome_keeps_naming_what_is_in_flight() -> None:
    error = OutcomeUnknown("raw", words="gone")
    error.in_flight = ("3", "4")

    told = retold(error, ASKED)

    assert isinstance(told, OutcomeUnknown)
    assert told.in_flight == ("3", "4")


def test_every_code_has_a_name_and_a_remedy_of_one_or_two_sentences() -> None:
    for code in RETURN_CODES.values():
        assert code.name
        assert code.remedy.endswith(".")
        assert look_up(code.number) is code


@pytest.mark.parametrize(
    ("kind", "permanent"),
    [
        (Refused, True),
        (NotFound, True),
        (Busy, False),
        (Unreachable, False),
        (CertificateProblem, True),
        (NotAuthenticated, True),
        (OutcomeUnknown, False),
        (TimedOut, False),
    ],
)
def test_each_kind_knows_whether_time_heals_it(kind: type[AdapterError], permanent: bool) -> None:
    assert kind("x").permanent is permanent
    assert kind("x", permanent=not permanent).permanent is not permanent
