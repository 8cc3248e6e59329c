"""What a farm answered when it said no, as one of our errors and one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from builders.adapters.errors import AdapterError, Busy, NotFound, OutcomeUnknown, Refused, TimedOut
from builders.adapters.powershell.transport import ErrorRecord, FarmFault
from builders.adapters.pvs.codes import EXECUTING, GONE, IN_PROCESS, UNANSWERED, look_up

_TASK = re.compile(r"\btask\s*(?:id)?\s*(?:is|[:=#])?\s*(\d+)", re.IGNORECASE)


def refusal(asked: str, records: Sequence[ErrorRecord]) -> AdapterError:
    """`asked` reads "PVS01 was asked to ..."; `records` holds at least one."""
    record = next((record for record in records if record.pvs), records[0])
    if record.pvs is None:
        return _without_code(asked, record)
    fault = record.pvs
    code = look_up(fault.code)
    kind = _kind(fault.code)
    error = kind(
        f"{asked}, and answered {code}: {_sentence(fault.message)}",
        asked=asked,
        code=fault.code,
        words=fault.message,
        permanent=code.permanent,
        details=_details(fault),
        remedy=code.remedy,
    )
    if isinstance(error, Busy):
        error.task_id = task_named_in(fault)
    return error


def gone(asked: str, what: str) -> NotFound:
    """An empty answer where one object was asked for."""
    words = f"there is no such {what}"
    return NotFound(f"{asked}, and answered that {words}.", asked=asked, words=words)


def task_named_in(fault: FarmFault) -> int | None:
    """Code 177 names the task that goes on in its text; no field carries it."""
    match = _TASK.search(fault.message) or _TASK.search(fault.details)
    return int(match[1]) if match else None


def retold(error: AdapterError, asked: str) -> AdapterError:
    """The same error, now saying what it was that could not be asked."""
    told = type(error)(
        f"{asked}, {_NO_ANSWER.get(type(error), 'but that was not possible')}: {_sentence(error.words or str(error))}",
        asked=asked,
        code=error.code,
        words=error.words,
        permanent=error.permanent,
        details=error.details,
        remedy=error.remedy,
    )
    if isinstance(error, OutcomeUnknown | TimedOut) and isinstance(told, OutcomeUnknown | TimedOut):
        told.in_flight = error.in_flight
    return told


_NO_ANSWER: dict[type[AdapterError], str] = {
    OutcomeUnknown: "and the connection was lost before it answered, so that the outcome is unknown",
    TimedOut: "and did not answer in time",
}


def _kind(code: int) -> type[AdapterError]:
    if code in (EXECUTING, IN_PROCESS):
        return Busy
    if code in UNANSWERED:
        return OutcomeUnknown
    return NotFound if code in GONE else Refused


def _without_code(asked: str, record: ErrorRecord) -> Refused:
    """PowerShell itself refused (allow list, binding), or the snap-in failed without a word from the farm."""
    identifier = record.fqid.partition(",")[0]
    return Refused(
        f"{asked}, and PowerShell answered {identifier or 'an error'}: {_sentence(record.message)}",
        asked=asked,
        words=record.message,
        details=" ".join(filter(None, (record.type, record.category, record.target, record.hresult))),
    )


def _details(fault: FarmFault) -> str:
    parts = [fault.details, *(f"{look_up(part.code)}: {part.message} {part.details}" for part in fault.partial)]
    return "; ".join(part.strip() for part in parts if part.strip())


def _sentence(words: str) -> str:
    flat = " ".join(words.split()).rstrip(".")
    return f"{flat}."
